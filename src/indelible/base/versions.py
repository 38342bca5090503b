"""Versions of workers: a build of a deployment.

Owns how a version is written, in both notations that clients know, and the name of the queue that
holds the tasks of one version. Must not know which version a task is for.
"""

from typing import Final

import msgspec
from temporalio.api.common.v1 import WorkerVersionCapabilities
from temporalio.api.deployment.v1 import WorkerDeploymentOptions, WorkerDeploymentVersion
from temporalio.api.enums.v1 import WorkerVersioningMode

UNVERSIONED_TEXT: Final = "__unversioned__"
VERSIONED: Final = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
_OLD_DELIMITER: Final = "."
_DELIMITER: Final = ":"
RESERVED_QUEUE_PREFIX: Final = "/_sys/"


class Version(msgspec.Struct, frozen=True):
    """A worker deployment version. No version at all is None: unversioned."""

    deployment_name: str
    build_id: str


def version_text(version: Version | None) -> str:
    """Return `name:build`, the notation of today; unversioned has a word of its own."""
    if version is None:
        return UNVERSIONED_TEXT
    return f"{version.deployment_name}{_DELIMITER}{version.build_id}"


def old_version_text(version: Version | None) -> str:
    """Return `name.build`, the notation of the deprecated fields."""
    if version is None:
        return UNVERSIONED_TEXT
    return f"{version.deployment_name}{_OLD_DELIMITER}{version.build_id}"


def parse_version(text: str) -> Version | None:
    """Return the version of `name:build`; None if it is none."""
    name, delimiter, build_id = text.partition(_DELIMITER)
    return Version(name, build_id) if name and delimiter and build_id else None


def parse_old_version(text: str) -> Version | None:
    """Return the version of `name.build`; None if it is none. A name has no dot, a build may."""
    name, delimiter, build_id = text.partition(_OLD_DELIMITER)
    return Version(name, build_id) if name and delimiter and build_id else None


def version_message(version: Version) -> WorkerDeploymentVersion:
    """Return the API message of a version."""
    return WorkerDeploymentVersion(
        deployment_name=version.deployment_name, build_id=version.build_id
    )


def version_of_message(message: WorkerDeploymentVersion) -> Version | None:
    """Return the version of an API message; None if it names none."""
    if not message.deployment_name:
        return None
    return Version(message.deployment_name, message.build_id)


def version_of_options(options: WorkerDeploymentOptions) -> Version | None:
    """Return the version that a worker works under; None for an unversioned worker.

    Unversioned workers name their deployment and build, too (trap 70).
    """
    if options.worker_versioning_mode != VERSIONED:
        return None
    return Version(options.deployment_name, options.build_id)


def version_of_worker(
    capabilities: WorkerVersionCapabilities | None, options: WorkerDeploymentOptions | None
) -> Version | None:
    """Return the version under which a worker works; a build id alone has no deployment."""
    if capabilities is not None and capabilities.use_versioning and capabilities.build_id:
        return Version("", capabilities.build_id)
    return None if options is None else version_of_options(options)


def versioned_queue_name(queue_name: str, version: Version | None) -> str:
    """Return the queue in which the tasks of one version lie; clients cannot name it."""
    if version is None:
        return queue_name
    return f"{_versions_prefix(queue_name)}{version_text(version)}"


def is_queue_of_version(name: str, queue_name: str) -> bool:
    """Whether a queue holds the tasks of one version of another queue."""
    return name.startswith(_versions_prefix(queue_name))


def _versions_prefix(queue_name: str) -> str:
    return f"{RESERVED_QUEUE_PREFIX}{queue_name}/v"
