"""How completion callbacks come to a run, and what becomes of them."""

from collections.abc import Iterable

from msgspec.structs import replace
from temporalio.api.common.v1 import Callback
from temporalio.api.history.v1 import HistoryEvent

from indelible.base.calls import CallState
from indelible.base.instants import NEVER, Instant, instant
from indelible.engine.workflow.deltas import (
    CallbackAttemptFailed,
    CallbackEnded,
    CallbackScheduled,
)
from indelible.engine.workflow.records import CallbackRecord
from indelible.engine.workflow.state import MutableState


def attach_callbacks(
    state: MutableState,
    callbacks: Iterable[Callback],
    *,
    request_id: str,
    at: Instant,
    update_id: str = "",
) -> None:
    """Register the callbacks of one request; its id is empty for those of the start.

    Known ones stay as they are: an update that came by a reset is admitted and accepted.
    """
    prefix = f"update:{update_id}:{request_id}" if update_id else request_id
    for number, callback in enumerate(callbacks):
        if f"{prefix}:{number}" not in state.callbacks:
            state.callbacks.put(
                f"{prefix}:{number}",
                CallbackRecord(
                    callback=callback.SerializeToString(),
                    request_id=request_id,
                    update_id=update_id,
                    registered_at=at,
                ),
            )


def apply_options_updated(state: MutableState, event: HistoryEvent) -> None:
    """A request was attached to a run or to one of its updates, with its callbacks."""
    given = event.workflow_execution_options_updated_event_attributes
    attach_callbacks(
        state,
        given.attached_completion_callbacks,
        request_id=given.attached_request_id,
        at=instant(event.event_time),
    )
    for joined in given.workflow_update_options:
        attach_callbacks(
            state,
            joined.attached_completion_callbacks,
            request_id=joined.attached_request_id,
            at=instant(event.event_time),
            update_id=joined.update_id,
        )


def apply_scheduled(state: MutableState, delta: CallbackScheduled) -> None:
    """The callback is to be called: the chain has ended, or an interval has."""
    record = state.callbacks[delta.callback_id]
    attempt = record.call.attempt if record.call.state is CallState.BACKING_OFF else 1
    call = replace(record.call, state=CallState.SCHEDULED, attempt=attempt, next_attempt_at=NEVER)
    state.callbacks.put(delta.callback_id, replace(record, call=call))


def apply_attempt_failed(state: MutableState, delta: CallbackAttemptFailed) -> None:
    """The call failed, and is made again after its interval."""
    record = state.callbacks[delta.callback_id]
    call = replace(
        record.call,
        state=CallState.BACKING_OFF,
        attempt=record.call.attempt + 1,
        next_attempt_at=delta.next_attempt_at,
        last_attempt_completed_at=delta.failed_at,
        last_attempt_failure=delta.failure,
    )
    state.callbacks.put(delta.callback_id, replace(record, call=call))


def apply_ended(state: MutableState, delta: CallbackEnded) -> None:
    """The callback was called, or cannot be."""
    record = state.callbacks[delta.callback_id]
    call = replace(
        record.call,
        state=CallState.FAILED if delta.failure else CallState.SUCCEEDED,
        last_attempt_completed_at=delta.ended_at,
        last_attempt_failure=delta.failure,
    )
    state.callbacks.put(delta.callback_id, replace(record, call=call))
