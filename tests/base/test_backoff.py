"""How long a retry waits."""

import pytest
from temporalio.api.common.v1 import RetryPolicy

from indelible.base.backoff import retry_interval
from indelible.base.instants import DURATION_MAX, duration_message, in_seconds, seconds


@pytest.mark.parametrize(
    ("coefficient", "maximum", "attempt", "expected"),
    [
        (2.0, 100, 1, 1),
        (2.0, 100, 2, 2),
        (2.0, 100, 7, 64),
        (2.0, 100, 8, 100),
        (1.0, 100, 50, 1),
        (1.5, 100, 3, 2.25),
        (2.0, 0, 8, 100),
        (2.0, 100, 2**31 - 1, 100),
        (float("inf"), 100, 2, 100),
        (1e308, 100, 3, 100),
    ],
)
def test_intervals_grow_up_to_the_maximum(
    coefficient: float, maximum: float, attempt: int, expected: float
) -> None:
    policy = RetryPolicy(
        initial_interval=duration_message(seconds(1)),
        backoff_coefficient=coefficient,
        maximum_interval=duration_message(seconds(maximum)),
    )
    assert in_seconds(retry_interval(policy, attempt)) == expected


def test_no_interval_is_longer_than_any_duration_may_be() -> None:
    policy = RetryPolicy(initial_interval=duration_message(DURATION_MAX), backoff_coefficient=2.0)
    assert retry_interval(policy, 3) == DURATION_MAX
