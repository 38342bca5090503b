"""Failures: which permit another attempt, and what is kept of one that is too large."""

from typing import Final

import pytest
from hypothesis import given, strategies as st
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import (
    ApplicationFailureInfo,
    CanceledFailureInfo,
    ChildWorkflowExecutionFailureInfo,
    Failure,
    ServerFailureInfo,
    TerminatedFailureInfo,
)

from indelible.base.failures import (
    FAILURE_TOO_LARGE,
    is_retryable,
    kept_failure,
    server_failure,
    timeout_failure,
    truncated_failure,
)

_T: Final = TimeoutType


def _application(kind: str = "", *, is_final: bool = False) -> Failure:
    return Failure(
        application_failure_info=ApplicationFailureInfo(type=kind, non_retryable=is_final)
    )


@pytest.mark.parametrize(
    ("failure", "is_retried"),
    [
        (Failure(), True),
        (_application(), True),
        (_application("Harmless"), True),
        (_application("Fatal"), False),
        (_application(is_final=True), False),
        (server_failure("", is_non_retryable=False), True),
        (server_failure("", is_non_retryable=True), False),
        (Failure(canceled_failure_info=CanceledFailureInfo()), False),
        (Failure(terminated_failure_info=TerminatedFailureInfo()), False),
        (timeout_failure("", _T.TIMEOUT_TYPE_START_TO_CLOSE), True),
        (timeout_failure("", _T.TIMEOUT_TYPE_HEARTBEAT), False),
        (timeout_failure("", _T.TIMEOUT_TYPE_SCHEDULE_TO_START), False),
        (timeout_failure("", _T.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE), False),
        (timeout_failure("", _T.TIMEOUT_TYPE_UNSPECIFIED), False),
        (
            Failure(
                child_workflow_execution_failure_info=ChildWorkflowExecutionFailureInfo(),
                cause=_application("Fatal"),
            ),
            True,
        ),
    ],
)
def test_what_is_retried(failure: Failure, is_retried: bool) -> None:
    assert is_retryable(failure, ["Fatal", "TemporalTimeout:Heartbeat"]) is is_retried


TEXTS: Final = st.text(max_size=3_000)


@st.composite
def chains(draw: st.DrawFn) -> Failure:
    """Draw a failure with causes."""
    outermost = failure = Failure()
    for _ in range(draw(st.integers(1, 30))):
        failure.message = draw(TEXTS)
        failure.source = draw(TEXTS)
        failure.stack_trace = draw(TEXTS)
        info = draw(st.sampled_from(["application", "server", "none"]))
        if info == "application":
            failure.application_failure_info.type = draw(TEXTS)
            failure.application_failure_info.non_retryable = draw(st.booleans())
            details = Payloads(payloads=[Payload(data=b"x" * 100)])
            failure.application_failure_info.details.CopyFrom(details)
        elif info == "server":
            is_final = draw(st.booleans())
            failure.server_failure_info.CopyFrom(ServerFailureInfo(non_retryable=is_final))
        failure = failure.cause
    return outermost


@given(chains(), st.integers(0, 10_000))
def test_truncation_keeps_within_its_bound_and_the_verdict(failure: Failure, bound: int) -> None:
    shortened = truncated_failure(failure, bound)
    # Every level of the chain may cost a few bytes of framing beyond the count.
    assert shortened.ByteSize() <= bound + 100
    assert is_retryable(shortened, []) == is_retryable(failure, [])
    assert failure.message.startswith(shortened.message)


def test_truncation_cuts_between_characters() -> None:
    failure = Failure(message="\N{EURO SIGN}" * 10)
    assert truncated_failure(failure, 10).message == "\N{EURO SIGN}" * 3


def test_a_small_failure_is_kept_as_it_is() -> None:
    failure = _application("Kind")
    failure.message = "x" * 1_000
    assert Failure.FromString(kept_failure(failure, 2_000)) == failure


@given(chains())
def test_what_is_kept_is_bounded(failure: Failure) -> None:
    bound = 4_096
    kept = Failure.FromString(kept_failure(failure, bound))
    assert kept.ByteSize() <= bound + 200
    if kept != failure:
        assert kept.message == FAILURE_TOO_LARGE
        assert failure.message.startswith(kept.cause.message)
