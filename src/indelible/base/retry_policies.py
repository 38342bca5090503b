"""Retry policies as they are accepted: checked, and complete.

Owns the defaults (semantics 7.1). Must not know what is retried, nor when: `base.backoff` has the
arithmetic.
"""

from typing import Final

from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.enums.v1 import TimeoutType

from indelible.base.attributes import duration_fault
from indelible.base.backoff import DEFAULT_MAXIMUM_INTERVAL_FACTOR
from indelible.base.failures import TIMEOUT_ERROR_TYPE_PREFIX, TIMEOUT_TYPE_NAMES
from indelible.base.instants import DURATION_MAX, SECOND, Duration, duration, duration_message

DEFAULT_INITIAL_INTERVAL: Final = SECOND
DEFAULT_BACKOFF_COEFFICIENT: Final = 2.0

_TIMEOUT_NAMES: Final = (
    *TIMEOUT_TYPE_NAMES.values(),
    *(TimeoutType.Name(timeout_type) for timeout_type in TIMEOUT_TYPE_NAMES),
)


def complete_retry_policy(given: RetryPolicy) -> RetryPolicy:
    """Return a copy in which what was left out has its default."""
    policy = RetryPolicy()
    policy.CopyFrom(given)
    if not duration(policy.initial_interval):
        policy.initial_interval.CopyFrom(duration_message(DEFAULT_INITIAL_INTERVAL))
    if not duration(policy.maximum_interval):
        # An interval below zero is refused later, in words of its own; until then it is a number.
        initial = max(duration(policy.initial_interval), 0)
        maximum = Duration(min(initial * DEFAULT_MAXIMUM_INTERVAL_FACTOR, DURATION_MAX))
        policy.maximum_interval.CopyFrom(duration_message(maximum))
    if not policy.backoff_coefficient:
        policy.backoff_coefficient = DEFAULT_BACKOFF_COEFFICIENT
    return policy


def retry_policy_fault(policy: RetryPolicy) -> str | None:
    """Return what is wrong with a complete policy, or None."""
    if policy.maximum_attempts == 1:
        return None  # Without a second attempt the rest does not matter.
    fault = duration_fault(policy.initial_interval)
    if fault is not None:
        return f"invalid InitialInterval set on retry policy: {fault}"
    if not policy.backoff_coefficient >= 1:  # Written so that it refuses NaN, too.
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
        name = error_type.removeprefix(TIMEOUT_ERROR_TYPE_PREFIX)
        if name != error_type and name not in _TIMEOUT_NAMES:
            return f"Invalid timeout type value: {name}."
    return None
