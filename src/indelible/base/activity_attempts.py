"""The attempts of an activity: its timeouts, when it must be looked at, whether it is tried again.

Owns the arithmetic that activities of workflows and standalone ones share (semantics 7.1 to 7.4).
Must not know where an activity is kept, nor who is told what became of it.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from temporalio.api.common.v1 import Payloads, RetryPolicy
from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.api.failure.v1 import Failure

from indelible.base.backoff import retry_interval
from indelible.base.failures import TIMEOUT_TYPE_NAMES, is_retryable, timeout_failure
from indelible.base.instants import NEVER, NO_DURATION, Duration, Instant, after, duration
from indelible.base.limits import STARTED_TIMEOUT_MIN

_UNRETRIED_TIMEOUTS: Final = (
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START,
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE,
)
_OUT_OF_TIME: Final = (
    "Not enough time to schedule next retry before activity ScheduleToClose timeout, "
    "giving up retrying"
)


class Attempt(Protocol):
    """The current attempt of an open activity, with the timeouts that hold for it."""

    @property
    def schedule_to_close_timeout(self) -> Duration:
        """For all attempts together, from `first_scheduled_at` on."""
        ...

    @property
    def schedule_to_start_timeout(self) -> Duration:
        """For the time in the queue."""
        ...

    @property
    def start_to_close_timeout(self) -> Duration:
        """For one attempt."""
        ...

    @property
    def heartbeat_timeout(self) -> Duration:
        """Between two signs of life."""
        ...

    @property
    def retry_policy(self) -> bytes:
        """A complete, serialized `RetryPolicy`; empty for no further attempt."""
        ...

    @property
    def first_scheduled_at(self) -> Instant:
        """When the first attempt could start."""
        ...

    @property
    def scheduled_at(self) -> Instant:
        """When the current attempt can start: in the future while it backs off."""
        ...

    @property
    def started_at(self) -> Instant:
        """When a worker took the current attempt; `NEVER` while it waits for one."""
        ...

    @property
    def last_heartbeat_at(self) -> Instant:
        """Of any attempt."""
        ...

    @property
    def attempt(self) -> int:
        """Its number, from 1 on."""
        ...

    @property
    def is_backing_off(self) -> bool:
        """Whether it is not in its queue yet."""
        ...

    @property
    def is_cancel_requested(self) -> bool:
        """Whether there is to be no further attempt."""
        ...


class ActivityDeadline(NamedTuple):
    """The next deadline of an activity: a timeout, or (UNSPECIFIED) the end of a retry interval."""

    at: Instant
    timeout_type: "TimeoutType.ValueType"


def next_deadline(attempt: Attempt) -> ActivityDeadline | None:
    """Return the earliest deadline of an activity (semantics 7.3)."""
    candidates = list(_deadlines(attempt))
    return min(candidates) if candidates else None


def overall_deadline(attempt: Attempt) -> ActivityDeadline | None:
    """Return the deadline of all attempts together, which holds whatever becomes of each."""
    if not attempt.schedule_to_close_timeout:
        return None
    return ActivityDeadline(
        after(attempt.first_scheduled_at, attempt.schedule_to_close_timeout),
        TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE,
    )


def _deadlines(attempt: Attempt) -> Iterator[ActivityDeadline]:
    if attempt.is_backing_off:
        yield ActivityDeadline(attempt.scheduled_at, TimeoutType.TIMEOUT_TYPE_UNSPECIFIED)
    overall = overall_deadline(attempt)
    if overall is not None:
        yield overall
    if attempt.started_at != NEVER:
        if attempt.start_to_close_timeout:
            yield ActivityDeadline(
                after(attempt.started_at, max(attempt.start_to_close_timeout, STARTED_TIMEOUT_MIN)),
                TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE,
            )
        if attempt.heartbeat_timeout:
            last_seen = max(attempt.started_at, attempt.last_heartbeat_at)
            yield ActivityDeadline(
                after(last_seen, max(attempt.heartbeat_timeout, STARTED_TIMEOUT_MIN)),
                TimeoutType.TIMEOUT_TYPE_HEARTBEAT,
            )
    elif attempt.schedule_to_start_timeout and not attempt.is_backing_off:
        yield ActivityDeadline(
            after(attempt.scheduled_at, attempt.schedule_to_start_timeout),
            TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START,
        )


class Retry(NamedTuple):
    """Whether there is a next attempt: then `state` is IN_PROGRESS and `at` is its time."""

    state: "RetryState.ValueType"
    at: Instant = NEVER

    @property
    def is_granted(self) -> bool:
        """Whether there is a next attempt."""
        return self.state == RetryState.RETRY_STATE_IN_PROGRESS


def next_attempt(attempt: Attempt, failure: Failure, *, now: Instant) -> Retry:
    """Return when an activity is tried again after a failure, or why it is not (semantics 7.4)."""
    policy = RetryPolicy.FromString(attempt.retry_policy)
    refusal = _why_not_retried(attempt, policy, failure)
    if refusal is not None:
        return Retry(refusal)
    at = after(now, _retry_delay(attempt, policy, failure))
    if attempt.schedule_to_close_timeout:
        expires_at = after(attempt.first_scheduled_at, attempt.schedule_to_close_timeout)
        if at > expires_at:
            return Retry(RetryState.RETRY_STATE_TIMEOUT)
    return Retry(RetryState.RETRY_STATE_IN_PROGRESS, at)


def _why_not_retried(
    attempt: Attempt, policy: RetryPolicy, failure: Failure
) -> "RetryState.ValueType | None":
    if not attempt.retry_policy:
        return RetryState.RETRY_STATE_RETRY_POLICY_NOT_SET
    if attempt.is_cancel_requested:
        return RetryState.RETRY_STATE_CANCEL_REQUESTED
    if failure.timeout_failure_info.timeout_type in _UNRETRIED_TIMEOUTS:
        return RetryState.RETRY_STATE_TIMEOUT
    if not is_retryable(failure, policy.non_retryable_error_types):
        return RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE
    if 0 < policy.maximum_attempts <= attempt.attempt:
        return RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED
    return None


def _retry_delay(attempt: Attempt, policy: RetryPolicy, failure: Failure) -> Duration:
    """The failure's own delay replaces the policy's interval, and is not capped (trap 26)."""
    application = failure.application_failure_info
    if application.HasField("next_retry_delay"):
        return max(duration(application.next_retry_delay), NO_DURATION)
    return retry_interval(policy, attempt.attempt)


def timed_out(timeout_type: "TimeoutType.ValueType") -> Failure:
    """Return the failure of an attempt that took too long."""
    return timeout_failure(f"activity {TIMEOUT_TYPE_NAMES[timeout_type]} timeout", timeout_type)


def final_timeout(
    timeout_type: "TimeoutType.ValueType",
    retry_state: "RetryState.ValueType",
    *,
    heartbeat_details: bytes,
    last_failure: bytes,
) -> Failure:
    """Return the failure of an activity that a timeout ended.

    The serialized `Payloads` and `Failure` of earlier attempts are told with it.
    """
    message = timed_out(timeout_type).message
    is_out_of_time = (
        retry_state == RetryState.RETRY_STATE_TIMEOUT
        and timeout_type != TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START
    )
    if is_out_of_time:
        # Whatever took too long: in the end there was no time for another attempt (trap 25).
        timeout_type = TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
        message = _OUT_OF_TIME
    return timeout_failure(
        message,
        timeout_type,
        last_heartbeat_details=(
            Payloads.FromString(heartbeat_details) if heartbeat_details else None
        ),
        cause=Failure.FromString(last_failure) if last_failure else None,
    )
