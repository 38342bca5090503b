"""Payloads from options, and payloads for people.

Owns how `--input` and its kin become payloads, and the short text of one.
"""

import base64
import binascii
import json
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from temporalio.api.common.v1 import Header, Memo, Payload, Payloads, SearchAttributes
from temporalio.api.failure.v1 import Failure

from indelible.cli.values import Json, ValueRefusedError, json_pairs

_ENCODING: Final = "encoding"
_PLAIN: Final = "json/plain"


def input_payloads(options: Namespace, prefix: str = "") -> Payloads:
    """Return what `--input`, `--input-file`, `--input-meta` and `--input-base64` ask for."""

    def asked(name: str) -> Sequence[str]:
        return getattr(options, f"{prefix}{name}")

    flag = f"--{prefix.replace('_', '-')}input"
    if asked("input") and asked("input_file"):
        raise ValueRefusedError(f"{flag} and {flag}-file exclude each other")
    contents = [word.encode() for word in asked("input")]
    contents += [_content(name) for name in asked("input_file")]
    metadata = _metadata(asked("input_meta"), len(contents), f"{flag}-meta")
    is_base64 = bool(getattr(options, f"{prefix}input_base64"))
    return Payloads(
        payloads=[
            _payload(content, metadata, place, is_base64=is_base64, flag=flag)
            for place, content in enumerate(contents)
        ]
    )


def _content(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise ValueRefusedError(f"cannot read {name}: {error.strerror}") from None


def _metadata(words: Iterable[str], count: int, flag: str) -> dict[str, list[bytes]]:
    metadata: dict[str, list[bytes]] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ValueRefusedError(f'{flag} takes KEY=VALUE, not "{word}"')
        values = metadata.setdefault(key, [])
        if values and len(values) == count:
            raise ValueRefusedError(f"{flag} {key} is given more often than there are arguments")
        values.append(value.encode())
    metadata.setdefault(_ENCODING, [_PLAIN.encode()])
    return metadata


def _payload(
    content: bytes,
    metadata: Mapping[str, Sequence[bytes]],
    place: int,
    *,
    is_base64: bool,
    flag: str,
) -> Payload:
    # The first value holds for every argument that has none of its own.
    words = {
        key: values[place] if place < len(values) else values[0] for key, values in metadata.items()
    }
    if words[_ENCODING].startswith(b"json/"):
        _check_json(content, f"{flag} number {place + 1}")
    if is_base64:
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error:
            raise ValueRefusedError(f"{flag} number {place + 1} is not base64") from None
    return Payload(metadata=words, data=content)


def _check_json(content: bytes, where: str) -> None:
    try:
        json.loads(content)
    except ValueError:
        raise ValueRefusedError(
            f"{where} is not JSON: {content.decode(errors='replace')[:80]}; a text needs double"
            " quotes of its own, as in --input '\"text\"'"
        ) from None


# ------------------------------------------------------------------------- single JSON values
def json_payload(value: Json) -> Payload:
    """Return the payload of a JSON value, as the SDKs write it."""
    if value is None:
        return Payload(metadata={_ENCODING: b"binary/null"})
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Payload(metadata={_ENCODING: _PLAIN.encode()}, data=text.encode())


def written_payload(text: str, flag: str) -> Payload:
    """Return the payload of a JSON text as it was written. Raises `ValueRefusedError`."""
    _check_json(text.encode(), flag)
    return Payload(metadata={_ENCODING: _PLAIN.encode()}, data=text.encode())


def search_attributes(words: Iterable[str], flag: str = "--search-attribute") -> SearchAttributes:
    """Return the search attributes that `KEY=JSON` words ask for."""
    return SearchAttributes(indexed_fields=_fields(words, flag))


def memo(words: Iterable[str], flag: str = "--memo") -> Memo:
    """Return the memo that `KEY=JSON` words ask for."""
    return Memo(fields=_fields(words, flag))


def header(words: Iterable[str]) -> Header:
    """Return the header that `KEY=JSON` words ask for."""
    return Header(fields=_fields(words, "--headers"))


def _fields(words: Iterable[str], flag: str) -> dict[str, Payload]:
    return {key: json_payload(value) for key, value in json_pairs(words, flag).items()}


# ------------------------------------------------------------------------------- for people
def value_of(payload: Payload) -> Json:
    """Return the value of a payload, or a text that says what it is."""
    encoding = payload.metadata.get(_ENCODING, b"").decode(errors="replace")
    if encoding.startswith("json/"):
        try:
            return json.loads(payload.data)
        except ValueError:
            return f"<{encoding}, {len(payload.data)} bytes that are not JSON>"
    if encoding == "binary/null":
        return None
    return f"<{encoding or 'no encoding'}, {len(payload.data)} bytes>"


def value_of_all(payloads: Payloads) -> Json:
    """Return the value of one payload, or the list of several."""
    values = [value_of(payload) for payload in payloads.payloads]
    return values[0] if len(values) == 1 else (values or None)


def shown_values(payloads: Payloads) -> str:
    """Return the values as a line of JSON."""
    if not payloads.payloads:
        return ""
    return json.dumps(value_of_all(payloads), ensure_ascii=False)


def failure_text(failure: Failure) -> str:
    """Return what a failure and its causes say, one a line."""
    lines: list[str] = []
    depth = 0
    while True:
        kind = failure.application_failure_info.type
        indent = "  " * depth
        message, stack_trace = _told(failure)
        lines.append(f"{indent}{kind}: {message}" if kind else f"{indent}{message}")
        lines.extend(f"{indent}    {line}" for line in stack_trace.splitlines())
        if not failure.HasField("cause"):
            return "\n".join(lines)
        failure = failure.cause
        depth += 1
        lines.append(f"{'  ' * depth}caused by")


def _told(failure: Failure) -> tuple[str, str]:
    """Return message and stack trace; SDKs may keep both in a payload, for codecs to see."""
    kept = value_of(failure.encoded_attributes) if failure.HasField("encoded_attributes") else None
    if not isinstance(kept, dict):
        return failure.message, failure.stack_trace
    return str(kept.get("message", failure.message)), str(kept.get("stack_trace") or "")
