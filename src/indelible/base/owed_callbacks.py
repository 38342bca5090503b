"""Completion callbacks that something without a history owes: a standalone activity or operation.

Owns their records, from the request that attaches one to the call that was heard, and what there is
to tell of them. Must not know what has ended, nor how somebody is called (semantics 9.5).
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec.structs import replace
from temporalio.api.callback.v1 import CallbackInfo
from temporalio.api.common.v1 import Callback
from temporalio.api.failure.v1 import Failure

from indelible.base.call_states import CALLBACK_STATES
from indelible.base.calls import (
    CallRecord,
    CallState,
    callback_retry_policy,
    is_wanted,
    next_call_at,
)
from indelible.base.errors import FailedPreconditionError
from indelible.base.instants import NEVER, Instant, timestamp
from indelible.base.limits import Limits


class OwedCallback(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody who wants to know how it ends."""

    callback: bytes
    """A serialized `Callback`."""
    request_id: str
    """Of the request that it came with."""
    registered_at: Instant
    call: CallRecord = CallRecord()


OwedCallbacks = tuple[OwedCallback, ...]


class OwingStep(Protocol):
    """A step of something that owes callbacks."""

    @property
    def callbacks(self) -> OwedCallbacks:
        """Who wants to know of the end."""
        ...

    @property
    def now(self) -> Instant:
        """The present."""
        ...

    @property
    def limits(self) -> Limits:
        """The limits of the namespace."""
        ...

    def change_callbacks(self, callbacks: OwedCallbacks) -> None:
        """Set who wants to know of the end."""
        ...

    def call_back(self, number: int) -> None:
        """Have a callback called, for the first time or again."""
        ...


def attach_callbacks(
    step: OwingStep, callbacks: Sequence[Callback], *, request_id: str, to: str
) -> None:
    """Add the callbacks of a request; nothing if it has been attached before.

    Raises `FailedPreconditionError` if they are too many. `to` is what they are attached to.
    """
    known, count_max = step.callbacks, step.limits.callbacks_per_execution_max
    if any(callback.request_id == request_id for callback in known):
        return
    if len(known) + len(callbacks) > count_max:
        raise FailedPreconditionError(
            f"cannot attach more than {count_max} callbacks to {to} "
            f"({len(known)} callbacks already attached)"
        )
    added = (
        OwedCallback(
            callback=callback.SerializeToString(), request_id=request_id, registered_at=step.now
        )
        for callback in callbacks
    )
    step.change_callbacks((*known, *added))


def with_call(known: OwedCallbacks, number: int) -> OwedCallbacks:
    """Have a callback called, for the first time or again."""
    call = known[number].call
    scheduled = replace(
        call, state=CallState.SCHEDULED, attempt=call.attempt + 1, next_attempt_at=NEVER
    )
    return _with(known, number, scheduled)


def record_callback(
    step: OwingStep, number: int, attempt: int, failure: Failure | None, *, is_retryable: bool
) -> None:
    """Record an attempt; no failure means that it was heard. An obsolete one changes nothing."""
    call = step.callbacks[number].call
    if not is_wanted(call, attempt):
        return
    if failure is not None and is_retryable:
        state = CallState.BACKING_OFF
        policy = callback_retry_policy(step.limits)
        next_at = next_call_at(attempt, now=step.now, policy=policy)
    else:
        state, next_at = CallState.SUCCEEDED if failure is None else CallState.FAILED, NEVER
    ended = replace(
        call,
        state=state,
        next_attempt_at=next_at,
        last_attempt_completed_at=step.now,
        last_attempt_failure=b"" if failure is None else failure.SerializeToString(),
    )
    step.change_callbacks(_with(step.callbacks, number, ended))


def repeat_at(known: OwedCallbacks) -> Instant:
    """Return when a callback must be called again; `NEVER` if none must be."""
    return min(
        (
            record.call.next_attempt_at
            for record in known
            if record.call.state is CallState.BACKING_OFF
        ),
        default=NEVER,
    )


def repeat_due(step: OwingStep) -> None:
    """Have those called again whose interval is over."""
    for number, record in enumerate(step.callbacks):
        call = record.call
        if call.state is CallState.BACKING_OFF and call.next_attempt_at <= step.now:
            step.call_back(number)


def describe_callback(record: OwedCallback) -> CallbackInfo:
    """Return what there is to tell of one who waits for the end."""
    call = record.call
    described = CallbackInfo(
        callback=Callback.FromString(record.callback),
        registration_time=timestamp(record.registered_at),
        state=CALLBACK_STATES[call.state],
        attempt=call.attempt - (call.state is CallState.SCHEDULED),
    )
    for field, at in (
        (described.last_attempt_complete_time, call.last_attempt_completed_at),
        (described.next_attempt_schedule_time, call.next_attempt_at),
    ):
        if at != NEVER:
            field.CopyFrom(timestamp(at))
    if call.last_attempt_failure:
        described.last_attempt_failure.ParseFromString(call.last_attempt_failure)
    return described


def _with(known: OwedCallbacks, number: int, call: CallRecord) -> OwedCallbacks:
    return (*known[:number], replace(known[number], call=call), *known[number + 1 :])
