"""Timeouts and retry policies: what is refused, and what stands for what is left out.

Owns the normalisation that starts, children and continued runs share (semantics 2.1). Must not know
the state of a run.
"""

from typing import Final

from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.enums.v1 import TimeoutType

from indelible.base.backoff import DEFAULT_MAXIMUM_INTERVAL_FACTOR
from indelible.base.instants import (
    DURATION_MAX,
    SECOND,
    Duration,
    duration,
    duration_message,
)
from indelible.base.limits import Limits

RETRY_INITIAL_INTERVAL: Final = Duration(SECOND)
RETRY_BACKOFF_COEFFICIENT: Final = 2.0
TIMEOUT_TYPE_PREFIX: Final = "TemporalTimeout:"
"""A non-retryable error type with this prefix names a type of timeout."""

_TIMEOUT_NAMES: Final = frozenset(
    name.removeprefix("TIMEOUT_TYPE_").title().replace("_", "")
    for name in TimeoutType.keys()  # noqa: SIM118  # the wrapper of an enum is no mapping
    if name != "TIMEOUT_TYPE_UNSPECIFIED"
)


def duration_fault(message: DurationMessage) -> str | None:
    """Return what is wrong with a duration from outside, or None."""
    if message.seconds > 0 > message.nanos or message.seconds < 0 < message.nanos:
        return "duration has seconds and nanos with different signs"
    if message.seconds < 0 or message.nanos < 0:
        return "negative duration"
    return None


def run_timeout_within(run_timeout: Duration, execution_timeout: Duration) -> Duration:
    """Return the run timeout that counts: the execution timeout is its default and its cap."""
    if not execution_timeout:
        return run_timeout
    return min(run_timeout or execution_timeout, execution_timeout)


def task_timeout_within(task_timeout: Duration, run_timeout: Duration, limits: Limits) -> Duration:
    """Return the workflow task timeout that counts, never above the run timeout."""
    timeout = min(
        task_timeout or limits.workflow_task_timeout_default, limits.workflow_task_timeout_max
    )
    return min(timeout, run_timeout) if run_timeout else timeout


def complete_retry_policy(policy: RetryPolicy) -> RetryPolicy:
    """Return the policy with its defaults filled in."""
    complete = RetryPolicy()
    complete.CopyFrom(policy)
    if not duration(complete.initial_interval):
        complete.initial_interval.CopyFrom(duration_message(RETRY_INITIAL_INTERVAL))
    if not duration(complete.maximum_interval):
        longest = duration(complete.initial_interval) * DEFAULT_MAXIMUM_INTERVAL_FACTOR
        complete.maximum_interval.CopyFrom(duration_message(Duration(min(longest, DURATION_MAX))))
    if not complete.backoff_coefficient:
        complete.backoff_coefficient = RETRY_BACKOFF_COEFFICIENT
    return complete


def retry_policy_fault(policy: RetryPolicy) -> str | None:
    """Return what is wrong with a complete policy, or None. With one attempt nothing matters."""
    if policy.maximum_attempts == 1:
        return None
    fault = duration_fault(policy.initial_interval)
    if fault is not None:
        return f"invalid InitialInterval set on retry policy: {fault}"
    if not policy.backoff_coefficient >= 1:  # written so that it refuses NaN, too
        return "BackoffCoefficient cannot be less than 1 on retry policy."
    fault = duration_fault(policy.maximum_interval)
    if fault is not None:
        return f"invalid MaximumInterval set on retry policy: {fault}"
    if 0 < duration(policy.maximum_interval) < duration(policy.initial_interval):
        return "MaximumInterval cannot be less than InitialInterval on retry policy."
    if policy.maximum_attempts < 0:
        return "MaximumAttempts cannot be negative on retry policy."
    return _error_types_fault(policy)


def _error_types_fault(policy: RetryPolicy) -> str | None:
    for error_type in policy.non_retryable_error_types:
        name = error_type.removeprefix(TIMEOUT_TYPE_PREFIX)
        if name != error_type and name not in _TIMEOUT_NAMES:
            return f"Invalid timeout type value: {name}."
    return None
