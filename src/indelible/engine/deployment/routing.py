"""Which version gets a task that is not pinned to one.

Owns the choice between the current version, the ramping one and unversioned workers, and the stable
share of a ramp. Must not know what kind of task it is about, nor who polls.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from indelible.base.ids import QueueType
from indelible.base.instants import NEVER, Instant
from indelible.base.versions import Version
from indelible.engine.deployment.record import Deployment

_PERCENT: Final = 100.0
_HASH_BYTES: Final = 4
_HASH_RANGE: Final = 2 ** (8 * _HASH_BYTES)


class Ramp(NamedTuple):
    """A version and the percentage of workflows that it takes."""

    version: Version | None
    percentage: float


class QueueRouting(msgspec.Struct, frozen=True, kw_only=True):
    """Where the tasks of one queue go. None as a version stands for unversioned workers.

    Either a deployment says it, with one current and one ramping version, or rules do: `ramps` are
    tried one after the other, and `redirects` lead from one build id to another.
    """

    ramps: tuple[Ramp, ...] = ()
    redirects: tuple[tuple[str, str], ...] = ()

    current: Version | None = None
    current_revision: int = 0
    is_ramping: bool = False
    ramping: Version | None = None
    ramping_revision: int = 0
    ramp_percentage: float = 0.0
    updated_at: Instant = NEVER

    def target(self, workflow_id: str, *, is_ramp_preferred: bool = False) -> Version | None:
        """Return the version for a workflow: for as long as the ramp stays, always the same."""
        if self.ramps:
            place = place_in_ramp(workflow_id)
            version = next((one.version for one in self.ramps if place < one.percentage), None)
            return version and self.redirected(version)
        if not self.is_ramping:
            return self.current
        if is_ramp_preferred or place_in_ramp(workflow_id) < self.ramp_percentage:
            return self.ramping
        return self.current

    @property
    def is_split(self) -> bool:
        """Whether it depends on the workflow where a task goes."""
        return self.is_ramping or bool(self.ramps)

    @property
    def shares(self) -> tuple[tuple[Version | None, float], ...]:
        """The versions that get tasks, and the percentages of the workflows that are theirs."""
        if not self.ramps:
            ramped = self.ramp_percentage if self.is_ramping else 0.0
            shares = ((self.current, _PERCENT - ramped),)
            return (*shares, (self.ramping, ramped)) if ramped else shares
        by_rules: dict[Version | None, float] = {}
        taken = 0.0
        # A ramp takes the workflows up to its percentage that those before it have left.
        for version, percentage in (*self.ramps, Ramp(None, _PERCENT)):
            if percentage > taken:
                target = version and self.redirected(version)
                by_rules[target] = by_rules.get(target, 0.0) + percentage - taken
                taken = percentage
        return tuple(by_rules.items())

    def redirected(self, version: Version) -> Version:
        """Return the version that stands for another one."""
        if version.deployment_name:
            return version
        targets = dict(self.redirects)
        build_id = version.build_id
        while build_id in targets:
            build_id = targets[build_id]
        return Version("", build_id)

    def sources(self, version: Version) -> list[Version]:
        """Return the versions for which another one stands."""
        if version.deployment_name or not self.redirects:
            return []
        sources = (Version("", source) for source, _ in self.redirects)
        return [one for one in sources if one != version and self._leads(one, version)]

    def _leads(self, source: Version, version: Version) -> bool:
        targets = dict(self.redirects)
        build_id = source.build_id
        while build_id in targets:
            build_id = targets[build_id]
            if build_id == version.build_id:
                return True
        return False

    def revision(self, version: Version | None) -> int:
        """Return the revision of the routing that leads to a version."""
        if self.is_ramping and version == self.ramping:
            return self.ramping_revision
        return self.current_revision


UNVERSIONED_ROUTING: Final = QueueRouting()
"""All tasks go to unversioned workers."""


def place_in_ramp(workflow_id: str) -> float:
    """Return the percentage from which on a ramp takes a workflow, in [0, 100)."""
    digest = blake2b(workflow_id.encode(), digest_size=_HASH_BYTES).digest()
    return _PERCENT * int.from_bytes(digest, "big") / _HASH_RANGE


def route_queue(
    deployments: Iterable[Deployment], queue_type: QueueType, queue_name: str
) -> QueueRouting:
    """Return the routing of a queue, which may be polled under several deployments.

    Of the deployments that know the queue, the one that was changed last decides. A version that
    does not poll the queue gets nothing from it: its tasks would wait for ever.
    """
    current, ramping = UNVERSIONED_ROUTING, UNVERSIONED_ROUTING
    for deployment in deployments:
        if not any(one.has_queue(queue_type, queue_name) for one in deployment.versions):
            continue
        at = deployment.current_changed_at
        build = deployment.version(deployment.current_build_id)
        is_polled = build is not None and build.has_queue(queue_type, queue_name)
        if is_polled and (current.current is None or at > current.updated_at):
            current = QueueRouting(
                current=deployment.named(deployment.current_build_id),
                current_revision=deployment.revision,
                updated_at=at,
            )
        at = deployment.ramp_percentage_changed_at
        if _ramps(deployment, queue_type, queue_name) and at >= ramping.updated_at:
            ramping = QueueRouting(
                is_ramping=True,
                ramping=deployment.named(deployment.ramping_build_id),
                ramping_revision=deployment.revision,
                ramp_percentage=deployment.ramp_percentage,
                updated_at=at,
            )
    return QueueRouting(
        current=current.current,
        current_revision=current.current_revision,
        is_ramping=ramping.is_ramping,
        ramping=ramping.ramping,
        ramping_revision=ramping.ramping_revision,
        ramp_percentage=ramping.ramp_percentage,
        updated_at=max(current.updated_at, ramping.updated_at),
    )


def _ramps(deployment: Deployment, queue_type: QueueType, queue_name: str) -> bool:
    if not deployment.is_ramping:
        return False
    if not deployment.ramping_build_id:
        return True
    version = deployment.version(deployment.ramping_build_id)
    return version is not None and version.has_queue(queue_type, queue_name)
