"""Calls that are made until they succeed: to the handlers of Nexus operations, and callbacks.

Owns the record of one call's attempts, and when it is made again. Must not know who is called, nor
what the answer means.
"""

from enum import IntEnum
from typing import Final

import msgspec
from temporalio.api.common.v1 import RetryPolicy

from indelible.base.backoff import retry_interval
from indelible.base.instants import HOUR, NEVER, SECOND, Instant, after, duration_message
from indelible.base.limits import Limits

CALL_RETRY_POLICY: Final = RetryPolicy(
    initial_interval=duration_message(SECOND),
    backoff_coefficient=2.0,
    maximum_interval=duration_message(HOUR),
)
"""Without jitter, unlike the reference's."""


class CallState(IntEnum):
    """Where a call is that is made until it succeeds; stored, so the values never change."""

    WAITING = 0
    """There is a reason not to call yet."""
    SCHEDULED = 1
    """To be made, or under way."""
    BACKING_OFF = 2
    SUCCEEDED = 3
    FAILED = 4


class CallRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The attempts of one call to somebody else."""

    state: CallState = CallState.WAITING
    attempt: int = 0
    """The number of the attempt that is scheduled, backing off, or was the last."""
    next_attempt_at: Instant = NEVER
    """While backing off."""
    last_attempt_completed_at: Instant = NEVER
    last_attempt_failure: bytes = b""
    """A serialized `Failure`."""


def callback_retry_policy(limits: Limits) -> RetryPolicy:
    """Return the policy by which completion callbacks are called again."""
    return RetryPolicy(
        initial_interval=duration_message(limits.callback_retry_interval_initial),
        backoff_coefficient=2.0,
        maximum_interval=duration_message(limits.callback_retry_interval_max),
    )


def next_call_at(attempt: int, *, now: Instant, policy: RetryPolicy = CALL_RETRY_POLICY) -> Instant:
    """Return when a call is made again whose attempt of this number has just failed."""
    return after(now, retry_interval(policy, attempt))


def is_wanted(call: CallRecord | None, attempt: int) -> bool:
    """Whether the state still waits for the outcome of this very attempt."""
    return call is not None and call.state is CallState.SCHEDULED and call.attempt == attempt
