"""How operators change a run: pause, options, reset (semantics 2.9, 2.11, 10.10)."""

from msgspec.structs import replace
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import ResetPointInfo, ResetPoints

from indelible.base.ids import EventId
from indelible.base.instants import instant, timestamp
from indelible.base.limits import RESET_POINTS_KEPT_MAX
from indelible.engine.workflow.deltas import RunForked, RunReset
from indelible.engine.workflow.state import MutableState, PauseRecord, WorkflowStatus


def apply_paused(state: MutableState, event: HistoryEvent) -> None:
    """The run is open, and makes no progress."""
    given = event.workflow_execution_paused_event_attributes
    state.execution = replace(
        state.execution,
        status=WorkflowStatus.PAUSED,
        pause=PauseRecord(
            paused_at=instant(event.event_time),
            identity=given.identity,
            reason=given.reason,
            request_id=given.request_id,
        ),
    )


def apply_unpaused(state: MutableState, event: HistoryEvent) -> None:
    """The run goes on."""
    state.execution = replace(state.execution, status=WorkflowStatus.RUNNING, pause=None)


def apply_options_updated(state: MutableState, event: HistoryEvent) -> None:
    """The run has other options; what the event leaves out stays as it is."""
    given = event.workflow_execution_options_updated_event_attributes
    execution = state.execution
    if given.unset_versioning_override:
        execution = replace(execution, versioning_override=b"")
    elif given.HasField("versioning_override"):
        override = given.versioning_override.SerializeToString()
        execution = replace(execution, versioning_override=override)
    if given.HasField("priority"):
        execution = replace(execution, priority=given.priority.SerializeToString())
    state.execution = execution


def note_reset_point(state: MutableState, event: HistoryEvent) -> None:
    """Remember the first completion of a build, and forget the oldest ones."""
    given = event.workflow_task_completed_event_attributes
    build_id, checksum = given.worker_version.build_id, given.binary_checksum
    points = ResetPoints.FromString(state.execution.reset_points)
    for point in points.points:
        if (point.build_id, point.binary_checksum) == (build_id, checksum):
            return
    points.points.append(
        ResetPointInfo(
            build_id=build_id,
            binary_checksum=checksum,
            run_id=state.execution.run_id,
            first_workflow_task_completed_id=event.event_id,
            create_time=timestamp(instant(event.event_time)),
            resettable=not (state.children or state.external_cancels or state.external_signals),
        )
    )
    del points.points[:-RESET_POINTS_KEPT_MAX]
    state.execution = replace(state.execution, reset_points=points.SerializeToString())


def apply_forked(state: MutableState, delta: RunForked) -> None:
    """The run has begun now, with a history."""
    state.execution = replace(
        state.execution,
        base_run_id=delta.base_run_id,
        forked_at_event_id=EventId(delta.forked_at_event_id),
        reset_request_id=delta.request_id,
        started_at=delta.started_at,
        run_expires_at=delta.run_expires_at,
        execution_expires_at=delta.execution_expires_at,
        history_size_bytes=delta.history_bytes,
    )


def apply_reset(state: MutableState, delta: RunReset) -> None:
    """Another run goes on from here; those that look for this one find it."""
    state.execution = replace(state.execution, reset_run_id=delta.reset_run_id)
