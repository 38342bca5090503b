"""Names of worker deployments and build ids, as requests give them.

Owns what a name may be, and the two notations in which a version may be named.
"""

from typing import Final

from indelible.base.errors import InvalidArgumentError
from indelible.base.versions import UNVERSIONED_TEXT, Version, parse_old_version
from indelible.services.frontend.id_lengths import id_bytes_max
from indelible.services.frontend.validation import exceeds

_VERSION_ID_PREFIX_BYTES: Final = 39
"""Name and build id are parts of an id, behind so much of a prefix (semantics 10.9)."""
_RESERVED_PREFIX: Final = "__"
_NAME: Final = "WorkerDeploymentName"
_BUILD_ID: Final = "BuildID"


def check_deployment_name(name: str) -> None:
    """Refuse what cannot be the name of a deployment."""
    _check(_NAME, name)
    for delimiter in (".", ":"):
        if delimiter in name:
            raise InvalidArgumentError(f"worker deployment name cannot contain '{delimiter}'")
    if name.startswith(_RESERVED_PREFIX):
        raise InvalidArgumentError(f"{_NAME} cannot start with '{_RESERVED_PREFIX}'")


def check_build_id(build_id: str) -> None:
    """Refuse what cannot be a build id."""
    _check(_BUILD_ID, build_id)
    if build_id.startswith(_RESERVED_PREFIX):
        raise InvalidArgumentError(f"{_BUILD_ID} cannot start with '{_RESERVED_PREFIX}'")


def asked_version(text: str, named: Version | None) -> Version:
    """Return the version that a request names, in the deprecated notation or in today's."""
    version = named or parse_old_version(text)
    if version is None:
        raise InvalidArgumentError(
            f'invalid version string "{text}", expected format is "<deployment_name>.<build_id>"'
        )
    check_deployment_name(version.deployment_name)
    check_build_id(version.build_id)
    return version


def asked_build_id(text: str, build_id: str, deployment_name: str) -> str:
    """Return the build id that a request about a deployment names; empty for unversioned."""
    if not text:
        return build_id
    if text == UNVERSIONED_TEXT:
        return ""
    version = parse_old_version(text)
    if version is None:
        raise InvalidArgumentError(
            f"invalid version string: expected format is '<deployment_name>.<build_id>', got {text}"
        )
    if version.deployment_name != deployment_name:
        raise InvalidArgumentError(
            f"invalid version string '{text}' does not match deployment name '{deployment_name}'"
        )
    return version.build_id


def _check(field: str, text: str) -> None:
    if not text:
        raise InvalidArgumentError(f"{field} cannot be empty")
    if exceeds(text, (id_bytes_max() - _VERSION_ID_PREFIX_BYTES) // 2):
        raise InvalidArgumentError(f"size of {field} larger than the maximum allowed")
