"""Task tokens come from outside: whatever the bytes, the answer is a token or a refusal."""

from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import EventId, NamespaceId, RunId, WorkflowId
from indelible.base.task_token import (
    ActivityTaskToken,
    NexusTaskToken,
    QueryTaskToken,
    TaskToken,
    WorkflowTaskToken,
    decode_task_token,
    encode_task_token,
)

KEY = (NamespaceId("n"), WorkflowId("w"), RunId("r"))
ACTIVITY = ActivityTaskToken(
    *KEY, scheduled_event_id=EventId(5), attempt=2, activity_id="\N{SNOWMAN}"
)
WORKFLOW = WorkflowTaskToken(
    *KEY, scheduled_event_id=EventId(2), started_event_id=EventId(3), attempt=1, started_at=7
)
QUERY = QueryTaskToken(NamespaceId("n"), "queue", "query")
NEXUS = NexusTaskToken(NamespaceId("n"), "queue" * 60, "task")
TOKENS = [ACTIVITY, WORKFLOW, QUERY, NEXUS]


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_comes_back_as_it_went(token: TaskToken) -> None:
    assert decode_task_token(encode_task_token(token)) == token


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_is_text(token: TaskToken) -> None:
    assert encode_task_token(token).decode("utf-8").isprintable()


@pytest.mark.parametrize("token", [ACTIVITY, WORKFLOW])
def test_a_token_names_its_run(token: ActivityTaskToken | WorkflowTaskToken) -> None:
    assert token.key[:3] == KEY


def test_no_token() -> None:
    with pytest.raises(InvalidArgumentError, match="Task token not set on request"):
        decode_task_token(b"")


def test_no_such_token() -> None:
    with pytest.raises(InvalidArgumentError, match="Error deserializing task token"):
        decode_task_token(b"token")


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes(raw: bytes) -> None:
    with suppress(InvalidArgumentError):
        token = decode_task_token(raw)
        assert decode_task_token(encode_task_token(token)) == token


@given(st.integers(0, 60), st.integers(0, 255))
def test_a_broken_token_is_refused_or_is_another_one(position: int, value: int) -> None:
    raw = bytearray(encode_task_token(WORKFLOW))
    raw[position % len(raw)] = value
    with suppress(InvalidArgumentError):
        decode_task_token(bytes(raw))
