"""A payload as the content of an HTTP message, and back (semantics 9.4).

Owns which media type stands for which encoding. What neither side has a word for travels as a whole
payload, or is kept with its headers, so that a way there and back changes nothing.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload

_WHOLE: Final = "application/x-temporal-payload"
_JSON: Final = "application/json"
_PROTOBUF: Final = "application/x-protobuf"
_BYTES: Final = "application/octet-stream"
_UNKNOWN: Final = "unknown/nexus-content"
_NOT_CONTENT: Final = frozenset({"encoding", "length"})
"""Headers of the transfer."""
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_SIMPLE: Final[Mapping[str, str]] = {"json/plain": _JSON, "binary/plain": _BYTES}
_OF_MESSAGES: Final[Mapping[str, str]] = {
    "json/protobuf": f"{_JSON}; format=protobuf",
    "binary/protobuf": _PROTOBUF,
}


class Content(NamedTuple):
    """A body, and the headers that describe it without their prefix `content-`."""

    headers: Mapping[str, str]
    body: bytes


class MediaType(NamedTuple):
    """A content type, taken apart."""

    name: str
    parameters: Mapping[str, str]


def media_type(text: str) -> MediaType:
    """Return the parts of a content type, in lower case but for the values."""
    name, *parts = text.split(";")
    pairs = (part.partition("=") for part in parts if part.strip())
    parameters = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
    return MediaType(name.strip().lower(), parameters)


def is_header(name: str, value: str) -> bool:
    """Whether a header can be sent as it is."""
    return bool(_NAME.fullmatch(name) and _VALUE.fullmatch(value))


def content_of(payload: Payload | None) -> Content:
    """Return a payload as content."""
    if payload is None:
        return Content({}, b"")
    metadata = {name: value.decode("utf-8", "replace") for name, value in payload.metadata.items()}
    encoding, message_type = metadata.pop("encoding", ""), metadata.get("messageType", "")
    if encoding == _UNKNOWN and all(is_header(*one) for one in metadata.items()):
        return Content(metadata, payload.data)
    if encoding in _OF_MESSAGES and is_header("_", message_type) and len(metadata) == 1:
        text = f'{_OF_MESSAGES[encoding]}; message-type="{message_type}"'
        return Content({"type": text}, payload.data)
    if not metadata and encoding in _SIMPLE:
        return Content({"type": _SIMPLE[encoding]}, payload.data)
    if not metadata and encoding == "binary/null":
        return Content({}, payload.data)
    return Content({"type": _WHOLE}, payload.SerializeToString())


def payload_of(content: Content) -> Payload:
    """Return content as a payload; raise `ValueError` if it claims to be one and is not."""
    headers = {name: value for name, value in content.headers.items() if name not in _NOT_CONTENT}
    if not headers and not content.body:
        return Payload(metadata={"encoding": b"binary/null"})
    given = media_type(headers.get("type", ""))
    if len(headers) == 1 and given.name == _WHOLE:
        try:
            return Payload.FromString(content.body)
        except DecodeError as error:
            raise ValueError("the content is no payload") from error
    metadata = _known(given) if len(headers) == 1 else None
    if metadata is None:
        metadata = {**headers, "encoding": _UNKNOWN}
    encoded = {name: value.encode() for name, value in metadata.items()}
    return Payload(metadata=encoded, data=content.body)


def _known(given: MediaType) -> dict[str, str] | None:
    parameters = dict(given.parameters)
    message_type = parameters.pop("message-type", "")
    match given.name, parameters:
        case ("application/json", {"format": "protobuf", **others}) if message_type and not others:
            return {"encoding": "json/protobuf", "messageType": message_type}
        case ("application/x-protobuf", others) if message_type and not others:
            return {"encoding": "binary/protobuf", "messageType": message_type}
        case ("application/json", others) if not message_type and not others:
            return {"encoding": "json/plain"}
        case ("application/octet-stream", others) if not message_type and not others:
            return {"encoding": "binary/plain"}
        case _:
            return None
