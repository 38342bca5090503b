"""How a worker deployment changes: workers come, an operator routes, versions go.

Owns the rules and their refusals, in the words of the reference service. Every function takes the
newest state and returns the next one; `now` is an instant of the namespace.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace
from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope

from indelible.base.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
    resource_exhausted,
)
from indelible.base.ids import QueueType
from indelible.base.instants import NEVER, Duration, Instant, elapsed
from indelible.base.versions import old_version_text, version_text
from indelible.engine.deployment.record import (
    DRAINED,
    DRAINING,
    NO_DRAINAGE,
    Deployment,
    DeploymentVersion,
)

DEPLOYMENTS_PER_NAMESPACE_MAX: Final = 100
VERSIONS_PER_DEPLOYMENT_MAX: Final = 100
QUEUES_PER_VERSION_MAX: Final = 100
PERCENTAGE_MAX: Final = 100.0


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says of itself and of the state that it knows."""

    identity: str
    conflict_token: bytes = b""


def register_worker(
    deployment: Deployment, build_id: str, queue_type: QueueType, queue_name: str, *, now: Instant
) -> Deployment:
    """Take note of a worker that polls a queue under a version; nothing changes if it is known."""
    version = deployment.version(build_id)
    if version is None:
        deployment, version = add_version(deployment, build_id, now=now)
    if version.has_queue(queue_type, queue_name):
        return deployment
    if len(version.queues) >= QUEUES_PER_VERSION_MAX:
        raise resource_exhausted(
            f"maximum number of task queues ({QUEUES_PER_VERSION_MAX}) have been registered "
            "in deployment",
            ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_WORKER_DEPLOYMENT_LIMITS,
            ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
        )
    queues = (*version.queues, (int(queue_type), queue_name))
    return with_version(deployment, replace(version, queues=queues))


def add_version(
    deployment: Deployment, build_id: str, *, now: Instant, request_id: str = ""
) -> tuple[Deployment, DeploymentVersion]:
    """Add a version; a full deployment gives up its oldest drained one for it."""
    versions = deployment.versions
    if len(versions) >= VERSIONS_PER_DEPLOYMENT_MAX:
        evicted = next((one for one in versions if _is_evictable(deployment, one)), None)
        if evicted is None:
            raise too_many_versions(deployment, build_id)
        versions = tuple(one for one in versions if one is not evicted)
    version = DeploymentVersion(build_id=build_id, created_at=now, create_request_id=request_id)
    return replace(deployment, versions=(*versions, version)), version


def too_many_versions(deployment: Deployment, build_id: str) -> ResourceExhaustedError:
    """Return the refusal of one version too many."""
    return resource_exhausted(
        f"cannot add version {version_text(deployment.named(build_id))} since maximum number of "
        f"versions ({VERSIONS_PER_DEPLOYMENT_MAX}) have been registered in the deployment",
        ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_WORKER_DEPLOYMENT_LIMITS,
        ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
    )


def _is_evictable(deployment: Deployment, version: DeploymentVersion) -> bool:
    """Nobody needs a version that nothing goes to and that has no open run."""
    is_routed = deployment.is_current(version.build_id) or deployment.is_ramping_to(
        version.build_id
    )
    return not is_routed and version.drainage_status == DRAINED


def with_version(deployment: Deployment, version: DeploymentVersion) -> Deployment:
    """Return the deployment with a version in the place of the one of its build id."""
    return replace(
        deployment,
        versions=tuple(
            version if one.build_id == version.build_id else one for one in deployment.versions
        ),
    )


def create_version(
    deployment: Deployment, build_id: str, *, request_id: str, identity: str, now: Instant
) -> Deployment:
    """Add a version before a worker polls; the same request may come again."""
    version = deployment.version(build_id)
    if version is None:
        deployment, _ = add_version(deployment, build_id, now=now, request_id=request_id)
        return replace(deployment, last_modifier_identity=identity)
    if version.create_request_id and version.create_request_id == request_id:
        return deployment
    raise AlreadyExistsError(
        f'Worker Deployment Version "{version_text(deployment.named(build_id))}" already exists'
    )


def set_current(
    deployment: Deployment,
    build_id: str,
    conditions: Conditions,
    *,
    now: Instant,
    is_creation_allowed: bool = False,
) -> Deployment:
    """Route the work to a version, or to unversioned workers for the empty build id."""
    is_same = deployment.current_build_id == build_id
    if is_same and deployment.last_modifier_identity == conditions.identity:
        return deployment
    _check_token(deployment, conditions)
    deployment = _existing(
        deployment,
        build_id,
        is_creation_allowed=is_creation_allowed,
        now=now,
    )
    _check_identity(deployment, conditions)
    before = deployment
    if not is_same:
        deployment = replace(
            deployment,
            current_build_id=build_id,
            current_changed_at=now,
            revision=deployment.revision + 1,
        )
        if before.is_ramping and before.ramping_build_id == build_id:
            deployment = _without_ramp(deployment, now)
        deployment = _follow_routing(before, deployment, now)
    return _modified(deployment, conditions)


def set_ramping(
    deployment: Deployment,
    build_id: str | None,
    percentage: float,
    conditions: Conditions,
    *,
    now: Instant,
    is_creation_allowed: bool = False,
) -> Deployment:
    """Route a share of the work to a version, or to unversioned workers; None ends the ramp."""
    if not 0 <= percentage <= PERCENTAGE_MAX:
        raise InvalidArgumentError("Percentage must be between 0 and 100 (inclusive)")
    is_same = (
        deployment.is_ramping == (build_id is not None)
        and deployment.ramping_build_id == (build_id or "")
        and deployment.ramp_percentage == percentage
    )
    if is_same and deployment.last_modifier_identity == conditions.identity:
        return deployment
    _check_token(deployment, conditions)
    if build_id is not None and build_id == deployment.current_build_id:
        raise FailedPreconditionError(
            f"requested ramping version {old_version_text(deployment.named(build_id))} is already "
            "current"
        )
    deployment = _existing(
        deployment,
        build_id or "",
        is_creation_allowed=is_creation_allowed,
        now=now,
    )
    _check_identity(deployment, conditions)
    if not is_same:
        before = deployment
        deployment = _ramped(deployment, build_id, percentage, now)
        deployment = _follow_routing(before, deployment, now)
    return _modified(deployment, conditions)


def _ramped(
    deployment: Deployment, build_id: str | None, percentage: float, now: Instant
) -> Deployment:
    deployment = replace(deployment, revision=deployment.revision + 1)
    if build_id is None:
        return _without_ramp(deployment, now)
    goes_on = deployment.is_ramping and deployment.ramping_build_id == build_id
    return replace(
        deployment,
        is_ramping=True,
        ramping_build_id=build_id,
        ramp_percentage=percentage,
        ramping_changed_at=deployment.ramping_changed_at if goes_on else now,
        ramp_percentage_changed_at=now,
    )


def _without_ramp(deployment: Deployment, now: Instant) -> Deployment:
    return replace(
        deployment,
        is_ramping=False,
        ramping_build_id="",
        ramp_percentage=0.0,
        ramping_changed_at=now,
        ramp_percentage_changed_at=now,
    )


def _follow_routing(before: Deployment, deployment: Deployment, now: Instant) -> Deployment:
    """Have each version know since when it gets work, or that it drains."""
    versions = tuple(_follow(before, deployment, one, now) for one in deployment.versions)
    return replace(deployment, versions=versions)


def _follow(
    before: Deployment, deployment: Deployment, version: DeploymentVersion, now: Instant
) -> DeploymentVersion:
    build_id = version.build_id
    was = (before.is_current(build_id), before.is_ramping_to(build_id))
    is_current, is_ramping = deployment.is_current(build_id), deployment.is_ramping_to(build_id)
    if was == (is_current, is_ramping):
        return replace(version, routing_changed_at=now) if is_ramping else version
    if is_current or is_ramping:
        return replace(
            version,
            routing_changed_at=now,
            current_since=now if is_current else NEVER,
            last_current_at=now if is_current else version.last_current_at,
            ramping_since=now if is_ramping else NEVER,
            first_activated_at=version.first_activated_at or now,
            drainage_status=NO_DRAINAGE,
            drainage_changed_at=NEVER,
            drainage_checked_at=NEVER,
        )
    return replace(
        start_draining(version, now),
        routing_changed_at=now,
        current_since=NEVER,
        ramping_since=NEVER,
        last_deactivated_at=now,
    )


def start_draining(version: DeploymentVersion, now: Instant) -> DeploymentVersion:
    """Let a version work off the runs that are pinned to it."""
    return replace(
        version,
        drainage_status=DRAINING,
        drainage_changed_at=now,
        drainage_checked_at=now,
    )


def is_drainage_check_due(
    version: DeploymentVersion, *, grace: Duration, interval: Duration, now: Instant
) -> bool:
    """Say whether to look for pinned runs of a draining version.

    The first look waits for the grace, for a run may just be on its way to this version; each
    further one for the interval.
    """
    is_first = version.drainage_checked_at == version.drainage_changed_at
    wait = grace if is_first else interval
    return version.drainage_status == DRAINING and elapsed(version.drainage_checked_at, now) >= wait


def note_drainage(
    version: DeploymentVersion, *, has_open_runs: bool, now: Instant
) -> DeploymentVersion:
    """Take note of a look at the pinned runs of a draining version."""
    if version.drainage_status != DRAINING:
        return version
    if has_open_runs:
        return replace(version, drainage_checked_at=now)
    return replace(
        version, drainage_status=DRAINED, drainage_changed_at=now, drainage_checked_at=now
    )


def delete_version(
    deployment: Deployment,
    build_id: str,
    conditions: Conditions,
    *,
    has_pollers: bool,
    is_drainage_skipped: bool,
) -> Deployment:
    """Remove a version that nobody needs; one that is not there is gone already."""
    version = deployment.version(build_id)
    if version is None:
        return deployment
    text = version_text(deployment.named(build_id))
    if deployment.is_current(build_id) or deployment.is_ramping_to(build_id):
        raise FailedPreconditionError(
            f"version '{text}' cannot be deleted since it is current or ramping"
        )
    _check_identity(deployment, conditions)
    if version.drainage_status == DRAINING and not is_drainage_skipped:
        raise FailedPreconditionError(f"version '{text}' cannot be deleted since it is draining")
    if has_pollers:
        raise FailedPreconditionError(
            f"version '{text}' cannot be deleted since it has active pollers"
        )
    return replace(
        deployment,
        versions=tuple(one for one in deployment.versions if one.build_id != build_id),
        last_modifier_identity=conditions.identity,
    )


def check_deletable(deployment: Deployment) -> None:
    """Refuse to delete a deployment that has versions."""
    if deployment.versions:
        raise FailedPreconditionError("deployment has versions, can't be deleted")


def set_manager_identity(
    deployment: Deployment, manager_identity: str, conditions: Conditions
) -> Deployment:
    """Let only this identity change the routing; the empty one lets everybody."""
    is_same = deployment.manager_identity == manager_identity
    if is_same and deployment.last_modifier_identity == conditions.identity:
        return deployment
    _check_token(deployment, conditions)
    return _modified(replace(deployment, manager_identity=manager_identity), conditions)


def change_metadata(
    deployment: Deployment,
    build_id: str,
    *,
    upserted: Mapping[str, bytes],
    removed: Sequence[str],
    identity: str,
) -> Deployment:
    """Set and remove entries of a version's metadata."""
    version = existing_version(deployment, build_id)
    metadata = {**version.metadata, **upserted}
    for key in removed:
        metadata.pop(key, None)
    changed = replace(version, metadata=metadata, last_modifier_identity=identity)
    return with_version(deployment, changed)


def existing_version(deployment: Deployment, build_id: str) -> DeploymentVersion:
    """Return the version of a build id, or refuse."""
    version = deployment.version(build_id)
    if version is None:
        raise NotFoundError(_version_not_found(deployment, build_id))
    return version


def _version_not_found(deployment: Deployment, build_id: str) -> str:
    return f"build ID '{build_id}' not found in Worker Deployment '{deployment.name}'"


def _existing(
    deployment: Deployment,
    build_id: str,
    *,
    is_creation_allowed: bool,
    now: Instant,
) -> Deployment:
    if not build_id or deployment.version(build_id) is not None:
        return deployment
    if not is_creation_allowed:
        raise NotFoundError(_version_not_found(deployment, build_id))
    return add_version(deployment, build_id, now=now)[0]


def _check_token(deployment: Deployment, conditions: Conditions) -> None:
    if conditions.conflict_token and conditions.conflict_token != deployment.conflict_token:
        raise FailedPreconditionError("conflict token mismatch")


def _check_identity(deployment: Deployment, conditions: Conditions) -> None:
    owner = deployment.manager_identity
    if owner and owner != conditions.identity:
        raise FailedPreconditionError(
            f"ManagerIdentity '{owner}' is set and does not match user identity "
            f"'{conditions.identity}'; to proceed, set your own identity as the ManagerIdentity, "
            "remove the ManagerIdentity, or wait for the other client to do so"
        )


def _modified(deployment: Deployment, conditions: Conditions) -> Deployment:
    return replace(
        deployment,
        change_count=deployment.change_count + 1,
        last_modifier_identity=conditions.identity,
    )
