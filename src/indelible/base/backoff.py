"""How long to wait before the next attempt.

Owns the arithmetic of a retry policy (semantics 2.6 and 7.4): no jitter. Must not decide whether
there is a next attempt.
"""

from temporalio.api.common.v1 import RetryPolicy

from indelible.base.instants import DURATION_MAX, Duration, duration

DEFAULT_MAXIMUM_INTERVAL_FACTOR = 100
"""The longest wait, in initial intervals, of a policy that names none."""


def retry_interval(policy: RetryPolicy, attempt: int) -> Duration:
    """Return the wait after the given failed attempt (counted from 1).

    The policy is complete: defaults were filled in when it was accepted.
    """
    initial = duration(policy.initial_interval)
    maximum = duration(policy.maximum_interval) or Duration(
        min(initial * DEFAULT_MAXIMUM_INTERVAL_FACTOR, DURATION_MAX)
    )
    try:
        interval = initial * policy.backoff_coefficient ** (attempt - 1)
    except OverflowError:
        return maximum
    return Duration(int(min(interval, maximum)))
