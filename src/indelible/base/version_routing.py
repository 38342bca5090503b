"""What the engine may ask of the routing of versions, as it is at the time of a step."""

from typing import Protocol

from indelible.base.ids import NamespaceId
from indelible.base.versions import Version


class VersionRouting(Protocol):
    """The routing in one namespace."""

    def target(self, queue_name: str, workflow_id: str) -> tuple[Version | None, int]:
        """Return where the workflow tasks of an unpinned run go, and the routing's revision."""
        ...

    def redirected(self, queue_name: str, version: Version) -> Version:
        """Return the version that stands for another one in a queue; else that version."""
        ...

    def has_queue(
        self, version: Version, queue_name: str, *, is_workflow_queue: bool = True
    ) -> bool:
        """Whether workers of a version poll a queue."""
        ...


class Unrouted:
    """Everything goes to unversioned workers."""

    def target(
        self,
        queue_name: str,  # noqa: ARG002
        workflow_id: str,  # noqa: ARG002
    ) -> tuple[Version | None, int]:
        """Return no version."""
        return None, 0

    def redirected(self, queue_name: str, version: Version) -> Version:  # noqa: ARG002
        """Return the version itself."""
        return version

    def has_queue(
        self,
        version: Version,  # noqa: ARG002
        queue_name: str,  # noqa: ARG002
        *,
        is_workflow_queue: bool = True,  # noqa: ARG002
    ) -> bool:
        """Return that no version polls anything."""
        return False


UNROUTED = Unrouted()


def unrouted(_namespace_id: NamespaceId) -> VersionRouting:
    """Return the routing of a namespace without worker deployments."""
    return UNROUTED
