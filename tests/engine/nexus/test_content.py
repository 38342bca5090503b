"""Payloads as content, and back."""

from collections.abc import Mapping

import pytest
from temporalio.api.common.v1 import Payload

from indelible.engine.nexus.content import Content, content_of, payload_of


@pytest.mark.parametrize(
    ("metadata", "headers"),
    [
        ({"encoding": "json/plain"}, {"type": "application/json"}),
        ({"encoding": "binary/plain"}, {"type": "application/octet-stream"}),
        (
            {"encoding": "json/protobuf", "messageType": "a.B"},
            {"type": 'application/json; format=protobuf; message-type="a.B"'},
        ),
        (
            {"encoding": "binary/protobuf", "messageType": "a.B"},
            {"type": 'application/x-protobuf; message-type="a.B"'},
        ),
        ({"encoding": "unknown/nexus-content", "type": "text/plain"}, {"type": "text/plain"}),
        (
            {"encoding": "unknown/nexus-content", "type": "application/json", "language": "en"},
            {"type": "application/json", "language": "en"},
        ),
        # Whatever else a payload says of itself travels with it.
        ({"encoding": "json/plain", "more": "x"}, {"type": "application/x-temporal-payload"}),
        ({"encoding": "json/protobuf"}, {"type": "application/x-temporal-payload"}),
        ({"encoding": "mine"}, {"type": "application/x-temporal-payload"}),
        ({}, {"type": "application/x-temporal-payload"}),
        # No header can hold these.
        (
            {"encoding": "unknown/nexus-content", "type": "a\r\nb: c"},
            {"type": "application/x-temporal-payload"},
        ),
        (
            {"encoding": "json/protobuf", "messageType": "a\nb"},
            {"type": "application/x-temporal-payload"},
        ),
    ],
)
def test_a_payload_comes_back_as_it_was(
    metadata: Mapping[str, str], headers: Mapping[str, str]
) -> None:
    encoded = {name: value.encode() for name, value in metadata.items()}
    payload = Payload(metadata=encoded, data=b"data")
    content = content_of(payload)
    assert content.headers == headers
    # The transfer adds the length.
    assert payload_of(Content({**headers, "length": "4"}, content.body)) == payload


@pytest.mark.parametrize("payload", [None, Payload(metadata={"encoding": b"binary/null"})])
def test_nothing_is_a_payload_too(payload: Payload | None) -> None:
    assert content_of(payload) == Content({}, b"")
    assert payload_of(Content({"length": "0"}, b"")).metadata["encoding"] == b"binary/null"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"type": ""},
        {"type": "text/plain"},
        {"type": "application/json; charset=utf-8"},
        {"type": "application/json; format=protobuf"},
        {"type": "application/x-protobuf"},
        {"type": "application/json", "language": "en"},
    ],
)
def test_what_is_not_understood_is_kept(headers: Mapping[str, str]) -> None:
    payload = payload_of(Content(headers, b"data"))
    kept = {name: value.decode() for name, value in payload.metadata.items()}
    assert kept == {**headers, "encoding": "unknown/nexus-content"}
    assert payload.data == b"data"


def test_a_broken_payload_is_refused() -> None:
    with pytest.raises(ValueError, match="no payload"):
        payload_of(Content({"type": "application/x-temporal-payload"}, b"\xff"))
