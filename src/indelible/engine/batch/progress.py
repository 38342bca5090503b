"""How a batch operation goes on: the decisions, each a new state.

Owns the life of a job. Targets are tried in groups, and a group is recorded as a whole: what a
crash interrupts begins again behind the last group that was recorded.
"""

from typing import NamedTuple

from msgspec.structs import replace
from temporalio.api.workflowservice.v1 import StartBatchOperationRequest

from indelible.base.ids import NamespaceId, RunId
from indelible.base.instants import NEVER, Duration, Instant, after
from indelible.base.invariants import invariant
from indelible.engine.batch.state import BatchCore, BatchState, BatchStatus, Position
from indelible.engine.batch.targets import OPERATION_TYPES, identity_of, operation_name


class Tried(NamedTuple):
    """What came of a group of targets."""

    position: Position
    """The last of them."""
    complete_count: int
    failure_count: int


def new_batch(
    request: StartBatchOperationRequest, *, namespace_id: NamespaceId, run_id: RunId, now: Instant
) -> BatchState:
    """Return a job that has not begun."""
    return BatchState(
        BatchCore(
            namespace_id=namespace_id,
            job_id=request.job_id,
            run_id=run_id,
            operation_type=OPERATION_TYPES[operation_name(request)],
            reason=request.reason,
            identity=identity_of(request),
            started_at=now,
        ),
        request.SerializeToString(),
    )


def counted(core: BatchCore, total_count: int) -> BatchCore:
    """Note how many targets there seem to be."""
    return replace(core, total_count=total_count)


def went_on(core: BatchCore, tried: Tried) -> BatchCore:
    """Record a group of targets; a job that was stopped meanwhile stays as it is."""
    if not core.is_open:
        return core
    return replace(
        core,
        position=tried.position,
        complete_count=core.complete_count + tried.complete_count,
        failure_count=core.failure_count + tried.failure_count,
    )


def completed(core: BatchCore, *, now: Instant, retention: Duration) -> BatchCore:
    """End a job that has no more targets; from here on the total is what was tried."""
    if not core.is_open:
        return core
    return replace(
        _closed(core, BatchStatus.COMPLETED, now, retention),
        total_count=core.complete_count + core.failure_count,
    )


def stopped(
    core: BatchCore, *, reason: str, identity: str, now: Instant, retention: Duration
) -> BatchCore:
    """End a job before its time."""
    invariant(core.is_open, "a closed batch operation was stopped")
    return replace(
        _closed(core, BatchStatus.FAILED, now, retention),
        close_reason=reason,
        close_identity=identity,
    )


def _closed(core: BatchCore, status: BatchStatus, now: Instant, retention: Duration) -> BatchCore:
    return replace(core, status=status, closed_at=now, retention=retention)


def wake_at(core: BatchCore) -> Instant:
    """Return when the job must be looked at next: at the end of its retention."""
    return NEVER if core.is_open else after(core.closed_at, core.retention)


def is_expired(core: BatchCore, now: Instant) -> bool:
    """Whether a closed job has been kept long enough."""
    return not core.is_open and wake_at(core) <= now
