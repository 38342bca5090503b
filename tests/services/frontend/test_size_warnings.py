"""Warnings about large payloads: which fields are weighed, and how many lines are logged."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from structlog.testing import capture_logs
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Memo, Payload, Payloads
from temporalio.api.workflowservice import v1 as api

from indelible.base.instants import SECOND, Instant
from indelible.base.limits import Limits
from indelible.services.frontend.size_warnings import COMMAND_FIELDS, FIELDS, SizeWarnings

NOW = Instant(1_700_000_000 * SECOND)
LIMITS = Limits(blob_bytes_warn=1_000, memo_bytes_warn=100, throttled_logs_per_second=2)


def payloads(size: int) -> Payloads:
    """Return a message of so many bytes."""
    message = Payloads(payloads=[Payload(data=b"")])
    while message.ByteSize() < size:
        missing = size - message.ByteSize()
        message.payloads[0].data += b"x" * max(1, missing - 4)
    assert message.ByteSize() == size
    return message


def memo(size: int) -> Memo:
    return Memo(fields={"m": Payload(data=b"x" * size)})


def start(**fields: Any) -> Message:
    return api.StartWorkflowExecutionRequest(workflow_id="w", **fields)


def completed(command: Command) -> Message:
    return api.RespondWorkflowTaskCompletedRequest(commands=[command])


def marker(size: int) -> Message:
    command = Command()
    command.record_marker_command_attributes.details["result"].CopyFrom(payloads(size))
    return completed(command)


def activity(size: int) -> Message:
    command = Command()
    command.schedule_activity_task_command_attributes.input.CopyFrom(payloads(size))
    return completed(command)


def update_with_start(size: int) -> Message:
    request = api.ExecuteMultiOperationRequest()
    request.operations.add().start_workflow.workflow_id = "w"
    request.operations.add().update_workflow.request.input.args.CopyFrom(payloads(size))
    return request


def logged(method: str, request: Message, limits: Limits = LIMITS) -> list[tuple[str, str, int]]:
    look = SizeWarnings(lambda _: limits).look_at(method)
    assert look is not None
    with capture_logs() as logs:
        look(request, "default", NOW)
    assert all(log["namespace"] == "default" and log["operation"] == method for log in logs)
    return [(log["event"], log["field"], log["size_bytes"]) for log in logs]


BLOB, MEMO = "blob_size_beyond_warn", "memo_size_beyond_warn"


@pytest.mark.parametrize(
    ("method", "request_", "expected"),
    [
        ("StartWorkflowExecution", start(input=payloads(1_000)), []),
        ("StartWorkflowExecution", start(input=payloads(1_001)), [(BLOB, "input", 1_001)]),
        ("StartWorkflowExecution", start(memo=memo(200)), [(MEMO, "memo", 212)]),
        ("StartWorkflowExecution", start(memo=memo(80)), []),
        # The many small fields of a large request are no large field.
        ("StartWorkflowExecution", start(identity="i" * 2_000), []),
        ("RespondWorkflowTaskCompleted", activity(2_000), [(BLOB, "input", 2_000)]),
        ("RespondWorkflowTaskCompleted", activity(900), []),
        ("RespondWorkflowTaskCompleted", marker(2_000), [(BLOB, "details", 2_006)]),
        ("RespondWorkflowTaskCompleted", completed(Command()), []),
        ("ExecuteMultiOperation", update_with_start(2_000), [(BLOB, "request.input.args", 2_000)]),
        (
            "RespondActivityTaskCompleted",
            api.RespondActivityTaskCompletedRequest(result=payloads(1_500)),
            [(BLOB, "result", 1_500)],
        ),
    ],
)
def test_what_is_beyond_the_bound_is_logged(
    method: str, request_: Message, expected: list[tuple[str, str, int]]
) -> None:
    assert logged(method, request_) == expected


def test_who_is_warned_about_is_named() -> None:
    look = SizeWarnings(lambda _: LIMITS).look_at("StartWorkflowExecution")
    assert look is not None
    with capture_logs() as logs:
        look(start(input=payloads(2_000)), "default", NOW)
    assert [log["workflow_id"] for log in logs] == ["w"]


def test_lines_are_bounded_per_second() -> None:
    look = SizeWarnings(lambda _: LIMITS).look_at("StartWorkflowExecution")
    assert look is not None
    with capture_logs() as logs:
        for _ in range(10):
            look(start(input=payloads(2_000)), "default", NOW)
        assert len(logs) == 2
        look(start(input=payloads(2_000)), "default", Instant(NOW + SECOND))
    assert len(logs) == 3


def test_requests_without_payloads_are_not_looked_at() -> None:
    assert SizeWarnings(lambda _: LIMITS).look_at("DescribeWorkflowExecution") is None


def descriptors() -> Iterator[tuple[Descriptor | None, str]]:
    for method, paths in FIELDS.items():
        for path in paths:
            yield getattr(api, f"{method}Request").DESCRIPTOR, path
    for variant, names in COMMAND_FIELDS.items():
        for name in names:
            yield Command.DESCRIPTOR.fields_by_name[variant].message_type, name


def test_every_field_of_the_tables_exists() -> None:
    for descriptor, path in descriptors():
        place = descriptor
        for name in path.split("."):
            assert place is not None
            place = place.fields_by_name[name].message_type
        assert place is not None
