"""Failures as Nexus carries them, and back."""

import json

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import (
    NexusHandlerErrorRetryBehavior as Behavior,
    TimeoutType,
)
from temporalio.api.failure.v1 import (
    ApplicationFailureInfo,
    CanceledFailureInfo,
    Failure,
    NexusHandlerFailureInfo,
    TimeoutFailureInfo,
)

from indelible.engine.nexus.failure_json import (
    CAUSES_MAX,
    dumped_failure,
    failure_of,
    nexus_failure,
    operation_error,
    operation_failure,
    parsed_failure,
)

CANCELED = (
    '{"message":"m","metadata":{"type":"nexus.OperationError"},"details":{"state":"canceled"}}'
)
HANDLER = NexusHandlerFailureInfo(
    type="NOT_FOUND",
    retry_behavior=Behavior.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_RETRYABLE,
)


@pytest.mark.parametrize(
    "failure",
    [
        Failure(message="m", stack_trace="s", application_failure_info=ApplicationFailureInfo()),
        Failure(message="m", nexus_handler_failure_info=HANDLER),
        Failure(
            message="Encoded failure",
            nexus_handler_failure_info=NexusHandlerFailureInfo(type="INTERNAL"),
            encoded_attributes=Payload(data=b"secret"),
        ),
        Failure(
            message="outer",
            timeout_failure_info=TimeoutFailureInfo(
                timeout_type=TimeoutType.TIMEOUT_TYPE_HEARTBEAT
            ),
            cause=Failure(
                message="inner",
                application_failure_info=ApplicationFailureInfo(type="t", non_retryable=True),
                cause=Failure(message="innermost", canceled_failure_info=CanceledFailureInfo()),
            ),
        ),
    ],
)
def test_a_failure_comes_back_as_it_was(failure: Failure) -> None:
    text = dumped_failure(nexus_failure(failure))
    assert failure_of(parsed_failure(text)) == failure
    wrapped = dumped_failure(operation_error("failed", nexus_failure(failure)))
    assert failure_of(parsed_failure(wrapped)) == failure


def test_a_handler_error_has_the_form_of_nexus() -> None:
    text = dumped_failure(nexus_failure(Failure(message="m", nexus_handler_failure_info=HANDLER)))
    assert json.loads(text) == {
        "message": "m",
        "metadata": {"type": "nexus.HandlerError"},
        "details": {"type": "NOT_FOUND", "retryableOverride": True},
    }


@pytest.mark.parametrize(
    ("text", "state", "kinds"),
    [
        ('{"message":"m"}', "failed", [None]),
        ('{"message":"m"}', "canceled", ["canceled_failure_info", None]),
        (
            CANCELED,
            "canceled",
            ["canceled_failure_info"],
        ),
        (
            CANCELED,
            "failed",
            ["application_failure_info", "canceled_failure_info"],
        ),
        (
            '{"message":"m","metadata":{"type":"theirs"},"details":[1]}',
            "failed",
            ["application_failure_info"],
        ),
    ],
)
def test_the_end_of_an_operation_is_its_state(
    text: str, state: str, kinds: list[str | None]
) -> None:
    failure = operation_failure(parsed_failure(text.encode()), state)
    found = [failure.WhichOneof("failure_info")]
    while failure.HasField("cause"):
        failure = failure.cause
        found.append(failure.WhichOneof("failure_info"))
    assert found == kinds
    assert failure.message == "m"


def test_what_is_not_understood_is_kept() -> None:
    text = b'{"message":"m","metadata":{"type":"theirs"},"details":{"a":1}}'
    (kept,) = failure_of(parsed_failure(text)).application_failure_info.details.payloads
    assert json.loads(kept.data) == {
        "message": "",
        "metadata": {"type": "theirs"},
        "details": {"a": 1},
    }


def nested(levels: int) -> str:
    return '{"message":"m","cause":' * levels + "null" + "}" * levels


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        '{"message":3}',
        '{"metadata":[]}',
        '{"metadata":{"type":3}}',
        '{"cause":"x"}',
        nested(CAUSES_MAX + 1),
        nested(100_000),
        '{"metadata":{"type":"nexus.HandlerError"},"details":[]}',
        '{"metadata":{"type":"nexus.HandlerError"},"details":{"type":3}}',
        '{"metadata":{"type":"nexus.HandlerError"},"details":{"encodedAttributes":"!"}}',
        '{"metadata":{"type":"nexus.OperationError"},"details":7}',
        '{"metadata":{"type":"temporal.api.failure.v1.Failure"},"details":[1]}',
        '{"metadata":{"type":"temporal.api.failure.v1.Failure"},"details":'
        + nested(CAUSES_MAX + 1)
        + "}",
    ],
)
def test_a_broken_failure_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        failure_of(parsed_failure(text.encode()))


def test_the_deepest_failure_can_be_read_again() -> None:
    failure = failure_of(parsed_failure(nested(CAUSES_MAX).encode()))
    assert Failure.FromString(failure.SerializeToString()) == failure
