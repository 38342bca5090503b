"""A worker deployment: its versions, and which of them the work goes to.

Owns the stored form. Must not know the rules by which it changes, nor who asks for a change.
"""

from typing import Final

import msgspec
from temporalio.api.enums.v1 import VersionDrainageStatus, WorkerDeploymentVersionStatus

from indelible.base.ids import NamespaceId, QueueType
from indelible.base.instants import NEVER, Instant
from indelible.base.versions import Version

NO_DRAINAGE: Final = VersionDrainageStatus.VERSION_DRAINAGE_STATUS_UNSPECIFIED
DRAINING: Final = VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINING
DRAINED: Final = VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINED


class DeploymentVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One build of a deployment. New fields get defaults, so that old records open for ever."""

    build_id: str
    created_at: Instant
    queues: tuple[tuple[int, str], ...] = ()
    """(type, name) of the task queues that workers of the version have polled, in that order."""
    drainage_status: int = NO_DRAINAGE
    """A `VersionDrainageStatus`."""
    drainage_changed_at: Instant = NEVER
    drainage_checked_at: Instant = NEVER
    current_since: Instant = NEVER
    ramping_since: Instant = NEVER
    routing_changed_at: Instant = NEVER
    first_activated_at: Instant = NEVER
    last_current_at: Instant = NEVER
    last_deactivated_at: Instant = NEVER
    metadata: dict[str, bytes] = {}
    """Serialized payloads by the owner's own keys."""
    last_modifier_identity: str = ""
    create_request_id: str = ""

    def has_queue(self, queue_type: QueueType, name: str) -> bool:
        """Whether workers of the version poll a queue."""
        return (int(queue_type), name) in self.queues


class Deployment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One worker deployment. An empty current or ramping build id stands for unversioned."""

    namespace_id: NamespaceId
    name: str
    created_at: Instant
    create_request_id: str = ""
    versions: tuple[DeploymentVersion, ...] = ()
    """The oldest first."""
    current_build_id: str = ""
    is_ramping: bool = False
    ramping_build_id: str = ""
    ramp_percentage: float = 0.0
    current_changed_at: Instant = NEVER
    ramping_changed_at: Instant = NEVER
    ramp_percentage_changed_at: Instant = NEVER
    revision: int = 0
    """Grows with every change of the routing."""
    change_count: int = 0
    """Grows with every change that a conflict token guards."""
    manager_identity: str = ""
    last_modifier_identity: str = ""

    def version(self, build_id: str) -> DeploymentVersion | None:
        """Return the version of a build id, if there is one."""
        return next((one for one in self.versions if one.build_id == build_id), None)

    def named(self, build_id: str) -> Version | None:
        """Return the version of a build id as a name; the empty one is unversioned."""
        return Version(self.name, build_id) if build_id else None

    def is_current(self, build_id: str) -> bool:
        """Whether a version gets the work that is not ramped."""
        return bool(build_id) and build_id == self.current_build_id

    def is_ramping_to(self, build_id: str) -> bool:
        """Whether a version gets the share of the work that is ramped."""
        return bool(build_id) and self.is_ramping and build_id == self.ramping_build_id

    @property
    def conflict_token(self) -> bytes:
        """What a client must show to prove that it knows the newest state."""
        return self.change_count.to_bytes(8, "big")


def status_of(
    deployment: Deployment, version: DeploymentVersion
) -> "WorkerDeploymentVersionStatus.ValueType":
    """Return where a version stands in its life."""
    if deployment.is_current(version.build_id):
        return WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT
    if deployment.is_ramping_to(version.build_id):
        return WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING
    if version.drainage_status == DRAINING:
        return WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING
    if version.drainage_status == DRAINED:
        return WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED
    if not version.queues:
        return WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_CREATED
    return WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_INACTIVE


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Deployment)


def encode_deployment(deployment: Deployment) -> bytes:
    """Return the stored form of a deployment."""
    return _encoder.encode(deployment)


def decode_deployment(record: bytes) -> Deployment:
    """Return the deployment of a stored record."""
    return _decoder.decode(record)
