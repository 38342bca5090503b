"""JSON in, JSON out: which form a caller wants, and messages in it.

Owns the two options (indented or not, payloads short or long) and where a caller says them.
"""

import json
from collections.abc import Iterable
from typing import NoReturn
from urllib.parse import parse_qsl

import msgspec
from google.protobuf import json_format
from google.protobuf.message import Message

from indelible.base.errors import InvalidArgumentError
from indelible.wire.http.api.descriptors import descriptor_of
from indelible.wire.http.api.payload_shorthand import Json, expanded, ordered, shortened
from indelible.wire.http.messages import Request


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """How messages look."""

    is_pretty: bool = False
    is_short: bool = True
    """Whether payloads that can be are written as plain values."""


def asked_form(request: Request) -> Form:
    """Return the form of the answer: the query's word, or that of `Accept`, or of the body."""
    flags = {name for name, _ in parse_qsl(request.query, keep_blank_values=True)}
    flags &= {"pretty", "noPayloadShorthand"}
    if flags:
        return Form(is_pretty="pretty" in flags, is_short="noPayloadShorthand" not in flags)
    accepted = _of_types(request.header("accept").split(","))
    return accepted or body_form(request)


def body_form(request: Request) -> Form:
    """Return the form that the body of a request has."""
    return _of_types([request.header("content-type")]) or Form()


def parsed(message: Message, body: bytes, form: Form) -> None:
    """Read a body into an empty message. Raises `InvalidArgumentError`."""
    if not body.strip():
        return
    try:
        value: Json = json.loads(body, parse_constant=_refuse_constant)
        if not isinstance(value, dict):
            raise InvalidArgumentError("the request must be a JSON object")
        long = expanded(value, descriptor_of(message), is_short=form.is_short)
        json_format.ParseDict(long, message)  # pyright: ignore[reportArgumentType] - a dict as well
    except (json_format.ParseError, ValueError, RecursionError) as error:
        # The library lists what the message has instead, on further lines.
        reason = str(error).partition("\n")[0]
        raise InvalidArgumentError(f"request cannot be read: {reason}") from error


def written(message: Message, form: Form) -> bytes:
    """Return the JSON of a message."""
    value: Json = json_format.MessageToDict(message)
    arranged = shortened if form.is_short else ordered
    return dumped(arranged(value, descriptor_of(message)), form)


def dumped(value: Json, form: Form) -> bytes:
    """Return a JSON value as bytes, indented or not."""
    if form.is_pretty:
        return json.dumps(value, ensure_ascii=False, indent=2).encode()
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _of_types(types: Iterable[str]) -> Form | None:
    for one in types:
        name, *options = one.partition(";")[0].strip().casefold().split("+")
        if name == "application/json" and options:
            return Form(
                is_pretty="pretty" in options, is_short="no-payload-shorthand" not in options
            )
    return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
