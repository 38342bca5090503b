"""What an error becomes on the wire."""

import grpc
import pytest
from temporalio.api.common.v1 import GrpcStatus
from temporalio.api.errordetails.v1 import WorkflowExecutionAlreadyStartedFailure

from indelible.base.errors import (
    AlreadyExistsError,
    InternalError,
    InvalidArgumentError,
    ServiceError,
    StatusCode,
)
from indelible.base.invariants import InvariantError
from indelible.wire.calls.status import status_of


def test_every_code_has_its_number_on_the_wire() -> None:
    assert {code.name: int(code) for code in StatusCode} == {
        code.name: code.value[0] for code in grpc.StatusCode if code is not grpc.StatusCode.OK
    }


def test_details_carry_code_message_and_the_full_type_url() -> None:
    detail = WorkflowExecutionAlreadyStartedFailure(run_id="r", start_request_id="q")
    status = GrpcStatus.FromString(status_of(AlreadyExistsError("in use", detail)).details)
    assert (status.code, status.message) == (6, "in use")
    assert [entry.type_url for entry in status.details] == [
        "type.googleapis.com/temporal.api.errordetails.v1.WorkflowExecutionAlreadyStartedFailure"
    ]
    assert WorkflowExecutionAlreadyStartedFailure.FromString(status.details[0].value) == detail


def test_no_details_no_bytes() -> None:
    assert status_of(InvalidArgumentError("no")).details == b""


@pytest.mark.parametrize(
    "error", [ValueError("secret"), InvariantError("secret"), InternalError("secret")]
)
def test_a_defect_is_masked_with_a_stable_hash(error: Exception) -> None:
    first, second = status_of(error), status_of(error)
    assert first.code is StatusCode.INTERNAL
    assert first.is_masked
    assert "secret" not in first.message
    assert first == second
    assert first.message != status_of(ValueError("another")).message


class UnknownError(ServiceError):
    """A code of its own."""


def test_unknown_is_masked_and_keeps_its_code() -> None:
    status = status_of(UnknownError("secret"))
    assert (status.code, status.is_masked) == (StatusCode.UNKNOWN, True)


@pytest.mark.parametrize(("text", "kept"), [("a" * 5_000, 4_000), ("ä" * 2_001, 2_000)])
def test_long_messages_end_at_4000_bytes_between_characters(text: str, kept: int) -> None:
    assert status_of(InvalidArgumentError(text)).message == text[:kept]


def test_a_message_that_is_no_unicode_is_still_told() -> None:
    assert status_of(InvalidArgumentError("bad \ud800 id")).message == "bad ? id"
