"""Payloads that only a codec server can read: what leaves, what is shown, and what goes wrong."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from temporalio.api.common.v1 import Header, Memo, Payload, Payloads, SearchAttributes
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import (
    HistoryEvent,
    WorkflowExecutionSignaledEventAttributes,
    WorkflowExecutionStartedEventAttributes,
)
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryResponse

from indelible.cli.remote_codec import units
from tests.cli.codec_server import CodecServer, codec_server
from tests.cli.stage import Ran

Run = Callable[[list[str], str], Ran]


# ------------------------------------------------------------------------------------- the walk
def _payload(data: str) -> Payload:
    return Payload(data=data.encode())


def test_whatever_is_a_payload_is_found_but_search_attributes() -> None:
    started = WorkflowExecutionStartedEventAttributes(
        input=Payloads(payloads=[_payload("one"), _payload("two")]),
        memo=Memo(fields={"note": _payload("memo")}),
        header=Header(fields={"trace": _payload("header")}),
        search_attributes=SearchAttributes(indexed_fields={"Kind": _payload("kind")}),
    )
    signaled = WorkflowExecutionSignaledEventAttributes(input=Payloads(payloads=[_payload("s")]))
    answer = GetWorkflowExecutionHistoryResponse(next_page_token=b"more")
    answer.history.events.extend(
        (
            HistoryEvent(
                event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
                workflow_execution_started_event_attributes=started,
            ),
            HistoryEvent(workflow_execution_signaled_event_attributes=signaled),
        )
    )
    found = [
        [inner.data.decode() for inner in one.payloads]
        if isinstance(one, Payloads)
        else one.data.decode()
        for one in units(answer)
    ]
    assert sorted(map(str, found)) == sorted(["['one', 'two']", "memo", "header", "['s']"])


# ----------------------------------------------------------------------------- against a server
@pytest.fixture
def codec() -> Iterator[CodecServer]:
    with codec_server() as server:
        yield server


@pytest.fixture
def coded(run: Run, codec: CodecServer) -> Callable[[str, list[str]], Any]:
    """Run a command, with the codec server or without it, and return the JSON that it prints."""

    def ran(url: str, words: list[str]) -> Any:
        more = ["--codec-endpoint", url] if url else []
        code, out, err = run([*words, *more, "-o", "json"], "default")
        assert (code, err) == (0, "")
        return json.loads(out or "null")

    return ran


_START = [
    *("workflow", "start", "--type", "Greeting", "--task-queue", "nobody"),
    *("--input", '"Ada"', "--memo", 'note="private"', "--static-summary", "secret"),
]


@pytest.mark.slow
def test_what_leaves_is_encoded_and_what_comes_is_decoded(
    coded: Callable[[str, list[str]], Any], codec: CodecServer
) -> None:
    named = ["--workflow-id", "coded"]
    coded(codec.url, [*_START, *named])
    signal = ["workflow", "signal", *named, "--name", "finish", "--input", '{"a": 1}']
    coded(codec.url, signal)
    stored = coded("", ["workflow", "describe", *named])
    assert stored["workflowExecutionInfo"]["memo"]["fields"]["note"]["metadata"]
    shown = coded(codec.url, ["workflow", "describe", *named])
    assert shown["workflowExecutionInfo"]["memo"]["fields"] == {"note": "private"}
    assert shown["executionConfig"]["userMetadata"]["summary"] == "secret"
    events = coded(codec.url, ["workflow", "show", *named])["events"]
    inputs = [
        inner["input"]["payloads"][0]["data"]
        for event in events
        for inner in event.values()
        if isinstance(inner, dict) and "input" in inner
    ]
    assert inputs == ["IkFkYSI=", "eyJhIjogMX0="]


@pytest.mark.slow
def test_the_codec_server_is_told_who_asks(run: Run, codec: CodecServer) -> None:
    words = [
        *("workflow", "start", "--type", "Greeting", "--task-queue", "nobody", "--input", "1"),
        *("--codec-endpoint", f"{codec.url}/{{namespace}}/"),
        *("--codec-auth", "Bearer secret", "--codec-header", "Shop=7"),
    ]
    assert run(words, "default")[0] == 0
    path, headers = codec.asked[0]
    assert path == "/default/encode"
    assert headers["x-namespace"] == "default"
    assert headers["authorization"] == "Bearer secret"
    assert headers["shop"] == "7"


@pytest.mark.slow
def test_variables_and_profiles_name_the_codec_server(
    run: Run, codec: CodecServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["workflow", "start", "--type", "Greeting", "--task-queue", "nobody", "--input", "1"]
    for prop, value in (("codec.endpoint", codec.url), ("codec.auth", "profile")):
        assert run(["config", "set", "--prop", prop, "--value", value], "default")[0] == 0
    assert run(words, "default")[0] == 0
    monkeypatch.setenv("TEMPORAL_CODEC_AUTH", "variable")
    assert run(words, "default")[0] == 0
    assert [headers["authorization"] for _, headers in codec.asked] == ["profile", "variable"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("instead", "told"),
    [
        ((403, b"not you"), "cannot encode (status 403): not you"),
        ((200, b"hello"), "answered something else than payloads"),
        ((200, b'{"payloads": []}'), "made 0 payloads of one"),
    ],
    ids=["refused", "strange", "lost"],
)
def test_a_codec_server_that_does_not_help_is_named(
    instead: tuple[int, bytes], told: str, run: Run, codec: CodecServer
) -> None:
    codec.instead = instead
    words = [*_START, "--workflow-id", "never", "--codec-endpoint", codec.url]
    code, _, err = run(words, "default")
    assert code == 1
    assert f"the codec server at {codec.url} {told}" in err


@pytest.mark.slow
def test_without_the_codec_server_nothing_is_sent(run: Run) -> None:
    words = ["workflow", "start", "--type", "Greeting", "--task-queue", "nobody", "-w", "never"]
    with codec_server() as codec:
        gone = codec.url
    code, _, err = run([*words, "--input", "1", "--codec-endpoint", gone], "default")
    assert (code, "did not answer" in err) == (1, True)
    assert run(["workflow", "describe", "-w", "never"], "default")[0] == 1
