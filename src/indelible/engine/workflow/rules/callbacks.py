"""The life of a completion callback: attached, called when the chain has ended, repeated.

Owns when a callback is called, and what it tells (semantics 9.5). Must not know how it is called.
"""

from collections.abc import Sequence
from typing import Final

from temporalio.api.common.v1 import Callback
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import (
    ApplicationFailureInfo,
    CanceledFailureInfo,
    Failure,
    TerminatedFailureInfo,
    TimeoutFailureInfo,
)
from temporalio.api.history.v1 import HistoryEvent

from indelible.base.calls import CallState, callback_retry_policy, next_call_at
from indelible.base.errors import FailedPreconditionError
from indelible.base.invariants import InvariantError
from indelible.base.nexus_operations import OperationEnd, OperationFailed, OperationSucceeded
from indelible.engine.workflow import deltas
from indelible.engine.workflow.state import StateView
from indelible.engine.workflow.tasks import CallCallback
from indelible.engine.workflow.transition import Transition

CLOSED_BEFORE_ANSWER: Final = Failure(
    message=("Workflow Update failed because the Workflow completed before the Update completed."),
    source="Server",
    application_failure_info=ApplicationFailureInfo(
        type="AcceptedUpdateCompletedWorkflow", non_retryable=True
    ),
)


def check_callback_count(
    state: StateView | None, added: Sequence[Callback], *, count_max: int
) -> None:
    """Refuse callbacks that are too many for one run; raise `FailedPreconditionError`."""
    attached = len(state.callbacks) if state is not None else 0
    if attached + len(added) > count_max:
        raise FailedPreconditionError(
            f"cannot attach more than {count_max} callbacks to a workflow "
            f"({attached} callbacks already attached)"
        )


def inherited_callbacks(state: StateView) -> list[Callback]:
    """Return the callbacks that go on with the chain (trap 54)."""
    return [
        Callback.FromString(record.callback)
        for record in state.callbacks.values()
        if record.call.state is CallState.WAITING and not record.update_id
    ]


def call_all_callbacks(step: Transition) -> None:
    """Have all callbacks called that wait for the end of the chain: it has come."""
    _call_waiting(step, "")


def call_update_callbacks(step: Transition, update_id: str) -> None:
    """Have those called who wait for an update: it has its answer, or will not get one."""
    _call_waiting(step, update_id)


def call_callbacks_of_all_updates(step: Transition) -> None:
    """Have those called who wait for any update: the run has closed, and answers none any more."""
    waited_for = {record.update_id: None for record in step.state.callbacks.values()}
    for update_id in waited_for:
        if update_id:
            _call_waiting(step, update_id)


def _call_waiting(step: Transition, update_id: str) -> None:
    for callback_id, record in list(step.state.callbacks.items()):
        if record.update_id == update_id and record.call.state is CallState.WAITING:
            call_callback(step, callback_id)


def call_callback(step: Transition, callback_id: str) -> None:
    """Have a callback called, for the first time or again."""
    step.change(deltas.CallbackScheduled(callback_id=callback_id))
    step.transfer(
        CallCallback(
            task_id=step.next_task_id(),
            callback_id=callback_id,
            attempt=step.state.callbacks[callback_id].call.attempt,
        )
    )


def back_off_callback(step: Transition, callback_id: str, failure: Failure) -> None:
    """Have a callback called again, after its interval."""
    attempt = step.state.callbacks[callback_id].call.attempt
    policy = callback_retry_policy(step.settings.limits)
    step.change(
        deltas.CallbackAttemptFailed(
            callback_id=callback_id,
            failed_at=step.now,
            next_attempt_at=next_call_at(attempt, now=step.now, policy=policy),
            failure=failure.SerializeToString(),
        )
    )


def update_end(completed: HistoryEvent | None) -> OperationEnd:
    """Return what an update tells those who called it as an operation; None if it has no answer."""
    if completed is None:
        return OperationFailed(failure=CLOSED_BEFORE_ANSWER)
    outcome = completed.workflow_execution_update_completed_event_attributes.outcome
    if outcome.HasField("failure"):
        return OperationFailed(failure=outcome.failure)
    payloads = outcome.success.payloads
    return OperationSucceeded(result=payloads[0] if payloads else None)


def operation_end(closing: HistoryEvent) -> OperationEnd:
    """Return what the close of a run tells those who called it as an operation (trap 54)."""
    match closing.event_type:
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
            payloads = closing.workflow_execution_completed_event_attributes.result.payloads
            return OperationSucceeded(result=payloads[0] if payloads else None)
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
            return OperationFailed(
                failure=closing.workflow_execution_failed_event_attributes.failure
            )
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
            canceled = closing.workflow_execution_canceled_event_attributes
            details = canceled.details if canceled.HasField("details") else None
            return OperationFailed(
                failure=Failure(
                    message="operation canceled",
                    canceled_failure_info=CanceledFailureInfo(details=details),
                )
            )
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
            return OperationFailed(
                failure=Failure(
                    message="operation terminated", terminated_failure_info=TerminatedFailureInfo()
                )
            )
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
            return OperationFailed(
                failure=Failure(
                    message="operation exceeded internal timeout",
                    timeout_failure_info=TimeoutFailureInfo(),
                )
            )
        case _:
            raise InvariantError("the callbacks of a run that has a successor go on with it")
