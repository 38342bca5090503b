"""Retry policies are completed before they are checked, so nothing in them may stop that."""

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import RetryPolicy

from indelible.base.retry_policies import complete_retry_policy, retry_policy_fault

LEAST = -(2**63)
MOST = 2**63 - 1


@pytest.mark.parametrize("seconds", [LEAST, -1])
def test_an_interval_below_zero_is_refused_in_words(seconds: int) -> None:
    given = RetryPolicy(initial_interval=Duration(seconds=seconds))
    fault = retry_policy_fault(complete_retry_policy(given))
    assert fault == "invalid InitialInterval set on retry policy: negative duration"


def test_an_interval_without_end_is_capped() -> None:
    given = RetryPolicy(initial_interval=Duration(seconds=MOST))
    assert retry_policy_fault(complete_retry_policy(given)) is None


def test_what_is_left_out_has_its_default() -> None:
    complete = complete_retry_policy(RetryPolicy())
    assert complete.initial_interval.seconds == 1
    assert complete.maximum_interval.seconds == 100
    assert complete.backoff_coefficient == 2.0
    assert complete.maximum_attempts == 0
