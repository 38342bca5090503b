"""Overrides of the version under which a run goes on, as clients send them.

Owns which of them make sense, and that all are kept in the notation of today.
"""

from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.api.workflow.v1 import VersioningOverride

from indelible.base.errors import InvalidArgumentError
from indelible.base.versions import parse_old_version, version_message

_PINNED = VersioningOverride.PINNED_OVERRIDE_BEHAVIOR_PINNED


def check_versioning_override(override: VersioningOverride) -> None:
    """Refuse an override that makes no sense; rewrite one of deprecated fields."""
    match override.WhichOneof("override"):
        case "auto_upgrade":
            if not override.auto_upgrade:
                raise InvalidArgumentError("auto-upgrade override must be true")
        case "pinned":
            _check_pinned(override)
        case "one_time":
            if not override.one_time.HasField("target_deployment_version"):
                raise InvalidArgumentError(
                    "must provide target deployment version if override is one-time."
                )
        case _:
            _modernise(override)


def _check_pinned(override: VersioningOverride) -> None:
    if not override.pinned.HasField("version"):
        raise InvalidArgumentError("must provide version if override is pinned.")
    if override.pinned.behavior != _PINNED:
        raise InvalidArgumentError("must specify pinned override behavior if override is pinned.")


def _modernise(override: VersioningOverride) -> None:
    behavior = override.behavior
    if behavior == VersioningBehavior.VERSIONING_BEHAVIOR_PINNED:
        text = override.pinned_version
        if override.HasField("deployment"):
            text = f"{override.deployment.series_name}.{override.deployment.build_id}"
        if not text:
            raise InvalidArgumentError(
                "must provide deployment (deprecated) or pinned version if behavior is 'PINNED'"
            )
        version = parse_old_version(text)
        if version is None:
            raise InvalidArgumentError(
                f'invalid version string "{text}", expected format is '
                '"<deployment_name>.<build_id>"'
            )
        override.Clear()
        override.pinned.behavior = _PINNED
        override.pinned.version.CopyFrom(version_message(version))
    elif behavior == VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE:
        if override.HasField("deployment"):
            raise InvalidArgumentError("only provide deployment if behavior is 'PINNED'")
        if override.pinned_version:
            raise InvalidArgumentError("only provide pinned version if behavior is 'PINNED'")
        override.Clear()
        override.auto_upgrade = True
    else:
        raise InvalidArgumentError("override behavior is required")
