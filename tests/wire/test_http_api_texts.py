"""What stands in paths, queries and bodies, and what becomes of it."""

import json
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import given, strategies as st
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import HistoryEventFilterType, WorkflowIdReusePolicy
from temporalio.api.schedule.v1 import Schedule
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    GetWorkflowExecutionHistoryRequest,
    ListScheduleMatchingTimesRequest,
    ListWorkflowExecutionsRequest,
    StartWorkflowExecutionRequest,
)

from indelible.base.errors import InvalidArgumentError
from indelible.wire.http.api.fields import set_from_path, set_from_query
from indelible.wire.http.api.forms import Form, parsed, written

LONG = Form(is_short=False)
SHORT = Form()


def read(body: object, form: Form = SHORT) -> StartWorkflowExecutionRequest:
    message = StartWorkflowExecutionRequest()
    parsed(message, json.dumps(body).encode(), form)
    return message


def payload(encoding: str, data: bytes = b"", **metadata: str) -> Payload:
    words = {"encoding": encoding, **metadata}
    return Payload(metadata={key: word.encode() for key, word in words.items()}, data=data)


# ------------------------------------------------------------------------------------ payloads
@pytest.mark.parametrize(
    ("written_value", "meant"),
    [
        (1, payload("json/plain", b"1")),
        ("ä", payload("json/plain", '"ä"'.encode())),
        ([], payload("json/plain", b"[]")),
        ({"b": 1, "a": None}, payload("json/plain", b'{"b":1,"a":null}')),
        (None, payload("binary/null")),
        (
            {"_protoMessageType": "a.B", "c": 1},
            payload("json/protobuf", b'{"c":1}', messageType="a.B"),
        ),
        # The long form is understood as well, in both alphabets of base64 and without padding.
        (
            {"metadata": {"encoding": "YmluYXJ5L3BsYWlu"}, "data": "-_8"},
            payload("binary/plain", b"\xfb\xff"),
        ),
        ({"metadata": {"encoding": "YmluYXJ5L251bGw="}}, payload("binary/null")),
        # What only resembles it is a value of the user's.
        ({"metadata": 1}, payload("json/plain", b'{"metadata":1}')),
        (
            {"metadata": {"encoding": "?"}, "data": ""},
            payload("json/plain", b'{"metadata":{"encoding":"?"},"data":""}'),
        ),
    ],
)
def test_a_short_payload_means_a_long_one(written_value: object, meant: Payload) -> None:
    assert read({"input": [written_value]}).input == Payloads(payloads=[meant])


@pytest.mark.parametrize(
    ("payloads", "text"),
    [
        ([payload("json/plain", b' {"b": 1, "a": [] }')], '[{"b":1,"a":[]}]'),
        ([payload("json/protobuf", b'{"c":1}', messageType="a.B")], None),
        ([payload("binary/null")], '[{"metadata":{"encoding":"YmluYXJ5L251bGw="}}]'),
        ([payload("json/plain", b"null")], '[{"metadata":{"encoding":"YmluYXJ5L251bGw="}}]'),
        ([], "[]"),
    ],
)
def test_a_payload_that_can_be_short_is(payloads: list[Payload], text: str | None) -> None:
    message = StartWorkflowExecutionRequest(input=Payloads(payloads=payloads))
    expected = text or '[{"c":1,"_protoMessageType":"a.B"}]'
    assert written(message, SHORT).decode() == f'{{"input":{expected}}}'


@pytest.mark.parametrize(
    "kept",
    [
        payload("binary/plain", b"x"),
        payload("json/plain", b"1", other="x"),
        payload("json/plain", b"no json"),
        payload("json/protobuf", b"1", messageType="a.B"),
        Payload(data=b"x"),
    ],
)
def test_one_that_must_stay_long_keeps_the_others_long(kept: Payload) -> None:
    message = StartWorkflowExecutionRequest(
        input=Payloads(payloads=[payload("json/plain", b"1"), kept])
    )
    assert json.loads(written(message, SHORT)) == json_format.MessageToDict(message)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values=st.lists(_JSON), memo=st.dictionaries(st.text(), _JSON))
def test_what_was_read_is_written_again(values: list[Any], memo: dict[str, Any]) -> None:
    message = read({"input": values, "memo": {"fields": memo}})
    for form in (SHORT, LONG, Form(is_pretty=True)):
        again = StartWorkflowExecutionRequest()
        parsed(again, written(message, form), form)
        assert again == message


def test_payloads_are_found_wherever_they_are() -> None:
    body = {
        "memo": {"fields": {"a": 1}},
        "searchAttributes": {"indexed_fields": {"b": "x"}},
        "continuedFailure": {"cause": {"applicationFailureInfo": {"details": [1]}}},
    }
    message = read(body)
    plain = payload("json/plain", b"1")
    assert message.memo.fields["a"] == plain
    assert message.search_attributes.indexed_fields["b"].data == b'"x"'
    cause = message.continued_failure.cause
    assert cause.application_failure_info.details.payloads == [plain]


def test_a_long_body_is_read_as_it_is() -> None:
    with pytest.raises(InvalidArgumentError, match="input"):
        read({"input": [1]}, LONG)


# ----------------------------------------------------------------------------------- the rest
@pytest.mark.parametrize(
    "text", ["RejectDuplicate", "WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE", 3]
)
def test_an_enum_has_a_short_name_too(text: object) -> None:
    message = read({"workflowIdReusePolicy": text})
    expected = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
    assert message.workflow_id_reuse_policy == expected


def test_enums_are_named_wherever_they_are() -> None:
    message = Schedule()
    parsed(message, b'{"policies": {"overlapPolicy": "BufferOne"}}', SHORT)
    assert json.loads(written(message, SHORT)) == {
        "policies": {"overlapPolicy": "SCHEDULE_OVERLAP_POLICY_BUFFER_ONE"}
    }


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"[]", "must be a JSON object"),
        (b"{", "request cannot be read"),
        (b'{"workflowTyp": {}}', 'no field named "workflowTyp"'),
        (b'{"workflowType": "t"}', "workflowType"),
        (b'{"workflowIdReusePolicy": "Nope"}', "Nope"),
        (b'{"workflowRunTimeout": "12"}', "12"),
        (b'{"input": [NaN]}', "NaN is no JSON"),
        (b'{"a": 1} trailing', "Extra data"),
        (b"[" * 100_000, "request cannot be read"),
    ],
)
def test_what_cannot_be_read_is_told(body: bytes, told: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parsed(StartWorkflowExecutionRequest(), body, SHORT)
    assert told in caught.value.message
    assert "\n" not in caught.value.message


def test_no_body_is_an_empty_request() -> None:
    message = StartWorkflowExecutionRequest()
    parsed(message, b" \n", SHORT)
    assert message == StartWorkflowExecutionRequest()


# ------------------------------------------------------------------------------------- fields
def query(message: Message, text: str, *reserved: str) -> dict[str, Any]:
    set_from_query(message, text, reserved=reserved)
    return json_format.MessageToDict(message)


@pytest.mark.parametrize(
    ("message", "text", "expected"),
    [
        (
            ListWorkflowExecutionsRequest(),
            "pageSize=5&query=a%20%3D%20b",
            {"pageSize": 5, "query": "a = b"},
        ),
        (ListWorkflowExecutionsRequest(), "page_size=5", {"pageSize": 5}),
        (ListWorkflowExecutionsRequest(), "bogus=1&page_size.x=1", {}),
        (ListWorkflowExecutionsRequest(), "nextPageToken=-_8", {"nextPageToken": "+/8="}),
        (
            DescribeTaskQueueRequest(),
            "reportPollers=1&taskQueue.name=q&taskQueue.kind=Sticky",
            {"reportPollers": True, "taskQueue": {"name": "q", "kind": "TASK_QUEUE_KIND_STICKY"}},
        ),
        (
            DescribeTaskQueueRequest(),
            "taskQueueTypes=1&taskQueueTypes=TASK_QUEUE_TYPE_ACTIVITY",
            {"taskQueueTypes": ["TASK_QUEUE_TYPE_WORKFLOW", "TASK_QUEUE_TYPE_ACTIVITY"]},
        ),
        (
            ListScheduleMatchingTimesRequest(),
            "startTime=2020-01-01T00:00:00.5Z",
            {"startTime": "2020-01-01T00:00:00.500Z"},
        ),
        (
            StartWorkflowExecutionRequest(),
            "workflowRunTimeout=1h30m0.5s",
            {"workflowRunTimeout": "5400.500s"},
        ),
        (
            StartWorkflowExecutionRequest(),
            "workflowRunTimeout=-1ms",
            {"workflowRunTimeout": "-0.001s"},
        ),
    ],
)
def test_a_query_sets_fields(message: Message, text: str, expected: dict[str, Any]) -> None:
    assert query(type(message)(), text) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("maximumPageSize=x", 'parsing field "maximum_page_size"'),
        ("maximumPageSize=3000000000", "out of range"),
        (
            "maximumPageSize=1&maximumPageSize=2",
            'too many values for field "maximum_page_size": 1, 2',
        ),
        ("waitNewEvent=yes", "neither true nor false"),
        ("historyEventFilterType=9", "not a valid value"),
        ("nextPageToken=!", "illegal base64"),
        ("execution=x", "unsupported message type"),
    ],
)
def test_a_wrong_value_is_told_with_its_field(text: str, told: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        query(GetWorkflowExecutionHistoryRequest(), text)
    assert told in caught.value.message


def test_what_the_path_has_set_a_query_cannot_change() -> None:
    message = GetWorkflowExecutionHistoryRequest()
    set_from_path(message, {"namespace": "n", "execution.workflow_id": "w"})
    query(
        message,
        "namespace=x&execution.workflowId=x&execution.runId=r&historyEventFilterType=CloseEvent",
        *("namespace", "execution.workflow_id"),
    )
    close = HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT
    assert (message.namespace, message.history_event_filter_type) == ("n", close)
    assert (message.execution.workflow_id, message.execution.run_id) == ("w", "r")
