"""ResetWorkflowExecution: go on from the middle of a run, in a run of its own (semantics 2.11).

Owns the order of what a reset writes. The shell reads the events, and commits the two or three runs
that change together. Must not know how the new run shares the events that it keeps.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from temporalio.api.enums.v1 import ResetReapplyType, WorkflowTaskFailedCause
from temporalio.api.failure.v1 import Failure, ResetWorkflowFailureInfo
from temporalio.api.history.v1 import (
    HistoryEvent,
    WorkflowTaskFailedEventAttributes,
    WorkflowTaskStartedEventAttributes,
)
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import EventId, RunId
from indelible.base.instants import NEVER, after
from indelible.engine.workflow import deltas
from indelible.engine.workflow.requests.terminate_workflow import terminate_run
from indelible.engine.workflow.requests.update_workflow_options import change_options
from indelible.engine.workflow.rules.reapplying import SIGNAL, UPDATE, Excluded, reapply_event
from indelible.engine.workflow.rules.starting import record_start
from indelible.engine.workflow.rules.task_refreshing import refresh_tasks
from indelible.engine.workflow.rules.workflow_tasks import pending, schedule_workflow_task
from indelible.engine.workflow.state import ExecutionRecord, StateView
from indelible.engine.workflow.transition import Transition

RESETTER_IDENTITY: Final = "history-resetter"
SERVICE_IDENTITY: Final = "history-service"
_RESET: Final = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW


class ResetPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the new run takes from the base run."""

    base: ExecutionRecord
    start: HistoryEvent
    """The first event, which both runs share."""
    kept_bytes: int
    following: Sequence[HistoryEvent]
    """The events behind the kept ones: of the base run, and of the runs that continued it."""


def check_reset_point(base: StateView, event_id: int) -> None:
    """Raise `InvalidArgumentError` if the run has no such event to be replaced."""
    if not 1 < event_id < base.execution.next_event_id:
        raise InvalidArgumentError(
            "Workflow task finish ID must be > 1 && <= workflow last event ID."
        )


def check_kept(kept: StateView, event_id: int) -> None:
    """Raise `InvalidArgumentError` unless the kept events end with a pending workflow task."""
    if kept.execution.workflow_task is None:
        raise InvalidArgumentError(
            "Can only reset workflow to event ID in range "
            f"[WorkflowTaskScheduled +1, WorkflowTaskStarted + 1]: {event_id}"
        )


def is_repeated(current: StateView | None, request: ResetWorkflowExecutionRequest) -> bool:
    """Whether the request has made the current run before."""
    return current is not None and current.execution.reset_request_id == request.request_id


def end_for_reset(step: Transition, reason: str) -> None:
    """End the current run, if it is open, because another one takes its place."""
    if step.execution.is_open:
        terminate_run(step, reason=reason, identity=RESETTER_IDENTITY, is_reset=True)


def note_reset(step: Transition, reset_run_id: RunId) -> None:
    """Let the base run name the run that goes on from its middle."""
    step.change(deltas.RunReset(reset_run_id=reset_run_id))


def reset_workflow(
    step: Transition, request: ResetWorkflowExecutionRequest, plan: ResetPlan
) -> None:
    """Begin the new run, whose state is the fold of the events that it keeps.

    Its pending workflow task is failed; then follow the events that are taken over, and a workflow
    task that has a worker look at them.
    """
    _fork(step, request, plan)
    _fail_workflow_task(step, request, plan)
    excluded = _excluded(request)
    for event in plan.following:
        reapply_event(step, event, excluded)
    for operation in request.post_reset_operations:
        change = operation.update_workflow_options
        change_options(
            step,
            change.workflow_execution_options,
            change.update_mask.paths,
            identity=request.identity,
        )
    refresh_tasks(step)
    schedule_workflow_task(step)


def _fork(step: Transition, request: ResetWorkflowExecutionRequest, plan: ResetPlan) -> None:
    """Begin with the kept events, and with fresh timeouts."""
    execution = step.execution
    run_expires_at = after(step.now, execution.run_timeout) if execution.run_timeout else NEVER
    execution_expires_at = (
        after(step.now, execution.execution_timeout) if execution.execution_timeout else NEVER
    )
    if run_expires_at and execution_expires_at:
        run_expires_at = min(run_expires_at, execution_expires_at)
    record_start(step, plan.start, request_id=plan.base.start_request_id)
    step.change(
        deltas.RunForked(
            base_run_id=plan.base.run_id,
            forked_at_event_id=EventId(request.workflow_task_finish_event_id),
            request_id=request.request_id,
            started_at=step.now,
            run_expires_at=run_expires_at,
            execution_expires_at=execution_expires_at,
            history_bytes=plan.kept_bytes,
        )
    )


def _fail_workflow_task(
    step: Transition, request: ResetWorkflowExecutionRequest, plan: ResetPlan
) -> None:
    """End the pending task, started or not, in a way that its events show."""
    if not pending(step).is_started:
        step.emit(
            WorkflowTaskStartedEventAttributes(
                scheduled_event_id=pending(step).scheduled_event_id,
                identity=SERVICE_IDENTITY,
                request_id=step.fresh.uuid(),
                history_size_bytes=step.execution.history_size_bytes,
            )
        )
    task = pending(step)
    step.emit(
        WorkflowTaskFailedEventAttributes(
            scheduled_event_id=task.scheduled_event_id,
            started_event_id=task.started_event_id,
            cause=_RESET,
            failure=Failure(
                message=request.reason,
                reset_workflow_failure_info=ResetWorkflowFailureInfo(),
            ),
            identity=SERVICE_IDENTITY,
            base_run_id=plan.base.run_id,
            new_run_id=step.execution.run_id,
        )
    )
    step.change(deltas.NextWorkflowTaskAttempt(attempt=1, failed_cause=_RESET))


def _excluded(request: ResetWorkflowExecutionRequest) -> Excluded:
    """Return what is not taken over; the deprecated type says the same in fewer words."""
    excluded = set(request.reset_reapply_exclude_types)
    reapplied = request.reset_reapply_type
    if reapplied in (
        ResetReapplyType.RESET_REAPPLY_TYPE_SIGNAL,
        ResetReapplyType.RESET_REAPPLY_TYPE_NONE,
    ):
        excluded.add(UPDATE)
    if reapplied == ResetReapplyType.RESET_REAPPLY_TYPE_NONE:
        excluded.add(SIGNAL)
    return frozenset(excluded)
