"""Fields of a message set from text: what stands in a path or in a query.

Owns the text forms of values and the way along dots. Whatever it refuses is an
`InvalidArgumentError` that names the field.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, TypeAlias
from urllib.parse import parse_qsl

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from indelible.base.errors import InvalidArgumentError
from indelible.wire.http.api.descriptors import descriptor_of, field_named
from indelible.wire.http.api.enum_names import enum_number

_Value: TypeAlias = "bool | int | float | str | bytes"

_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_UNIT_NANOSECONDS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_SPAN: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)")
_MAP_KEY: Final = re.compile(r"(.*)\[(.*)\]")
_NOTHING: Final = descriptor_of(Empty())
"""What is inside of a scalar."""
_JSON_TYPES: Final = frozenset({"google.protobuf.Struct", "google.protobuf.Value"})


def set_from_query(message: Message, query: str, *, reserved: Collection[str]) -> None:
    """Set fields as a query names them; what the request does not have is ignored.

    Fields in `reserved` are set already and are left alone. Raises `InvalidArgumentError`.
    """
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    for name, texts in values.items():
        keyed = _MAP_KEY.fullmatch(name)
        path, all_texts = (keyed[1], [keyed[2], *texts]) if keyed else (name, texts)
        fields = _fields_along(message, path.split("."))
        if fields and ".".join(field.name for field in fields) not in reserved:
            _set(message, fields, all_texts)


def set_from_path(message: Message, variables: Mapping[str, str]) -> None:
    """Set the fields that the variables of a path name. Raises `InvalidArgumentError`."""
    for path, text in variables.items():
        _set(message, _fields_along(message, path.split(".")), [text])


def _fields_along(message: Message, names: Iterable[str]) -> list[FieldDescriptor]:
    """The fields that a path names, outermost first; none if one of them does not exist."""
    fields: list[FieldDescriptor] = []
    within = descriptor_of(message)
    for name in names:
        if fields and fields[-1].is_repeated:
            raise InvalidArgumentError(f'invalid path: "{fields[-1].name}" is not a message')
        field = field_named(within, name)
        if field is None:
            return []
        fields.append(field)
        within = field.message_type or _NOTHING
    return fields


def _set(message: Message, fields: list[FieldDescriptor], texts: list[str]) -> None:
    *outer, last = fields
    for field in outer:
        _require_free_choice(message, field)
        message = getattr(message, field.name)
        message.SetInParent()
    _require_free_choice(message, last)
    if last.message_type is not None and last.message_type.GetOptions().map_entry:
        _set_entry(message, last, texts)
    elif last.is_repeated:
        for text in texts:
            _add(getattr(message, last.name), last, text)
    elif len(texts) > 1:
        raise InvalidArgumentError(f'too many values for field "{last.name}": {", ".join(texts)}')
    elif last.message_type is not None:
        _merge(getattr(message, last.name), last, texts[0])
    else:
        setattr(message, last.name, _scalar(last, texts[0]))


def _require_free_choice(message: Message, field: FieldDescriptor) -> None:
    choice = field.containing_oneof
    chosen = message.WhichOneof(choice.name) if choice is not None else None
    if choice is None or chosen is None:
        return
    if field.message_type is None or chosen != field.name:
        raise InvalidArgumentError(f'field already set for oneof "{choice.name}"')


def _set_entry(message: Message, field: FieldDescriptor, texts: list[str]) -> None:
    entry = field.message_type
    key_text, *value_texts = texts
    if entry is None or len(value_texts) != 1:
        raise InvalidArgumentError(f'"{field.name}" takes one value for each key, as name[key]')
    key = _scalar(entry.fields_by_name["key"], key_text)
    value = entry.fields_by_name["value"]
    mapping = getattr(message, field.name)
    if value.message_type is not None:
        _merge(mapping[key], value, value_texts[0])
    else:
        mapping[key] = _scalar(value, value_texts[0])


class _Repeated:
    """What a repeated field can do, as far as it is needed here."""

    append: Callable[[_Value], None]
    add: Callable[[], Message]


def _add(repeated: _Repeated, field: FieldDescriptor, text: str) -> None:
    if field.message_type is not None:
        _merge(repeated.add(), field, text)
    else:
        repeated.append(_scalar(field, text))


def _merge(message: Message, field: FieldDescriptor, text: str) -> None:
    name = message.DESCRIPTOR.full_name
    try:
        if name == "google.protobuf.Duration":
            json_format.Parse(json.dumps(_seconds_text(text)), message)
        elif name in _JSON_TYPES:
            json_format.Parse(text, message)
        elif name.startswith("google.protobuf."):
            json_format.Parse(json.dumps(text), message)
        else:
            raise InvalidArgumentError(
                f'parsing field "{field.name}": unsupported message type: "{name}"'
            )
    except (json_format.ParseError, ValueError) as error:
        raise InvalidArgumentError(f'parsing field "{field.name}": {error}') from error


def _seconds_text(text: str) -> str:
    """Go's form of a span, such as `1h30m`, as the JSON form of a duration."""
    sign, rest = ("-", text[1:]) if text.startswith("-") else ("", text)
    parts = _SPAN.findall(rest)
    if rest == "0":
        return "0s"
    if not parts or "".join(number + unit for number, unit in parts) != rest:
        raise ValueError(f'invalid duration "{text}"')
    nanoseconds = sum(round(float(number) * _UNIT_NANOSECONDS[unit]) for number, unit in parts)
    whole, fraction = divmod(nanoseconds, 1_000_000_000)
    return f"{sign}{whole}.{fraction:09d}s"


# -------------------------------------------------------------------------------------- scalars
def _scalar(field: FieldDescriptor, text: str) -> _Value:
    try:
        return _PARSERS[field.cpp_type](field, text)
    except (ValueError, OverflowError) as error:
        raise InvalidArgumentError(f'parsing field "{field.name}": {error}') from error


def _text_or_bytes(field: FieldDescriptor, text: str) -> _Value:
    if field.type != FieldDescriptor.TYPE_BYTES:
        return text
    standard = re.sub(r"=+\Z", "", text).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(f"illegal base64 data: {error}") from error


def _truth(_field: FieldDescriptor, text: str) -> _Value:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f'"{text}" is neither true nor false')


def _enum(field: FieldDescriptor, text: str) -> _Value:
    enum = field.enum_type
    number = enum_number(enum, text) if enum is not None else None
    if number is None:
        raise ValueError(f'"{text}" is not a valid value')
    return number


def _integer(bits: int, *, is_signed: bool) -> Callable[[FieldDescriptor, str], _Value]:
    lowest = -(1 << (bits - 1)) if is_signed else 0
    highest = (1 << (bits - 1)) - 1 if is_signed else (1 << bits) - 1

    def parse(_field: FieldDescriptor, text: str) -> _Value:
        if not re.fullmatch(r"[+-]?[0-9]+", text):
            raise ValueError(f'"{text}" is no integer')
        number = int(text)
        if not lowest <= number <= highest:
            raise ValueError(f'"{text}" is out of range')
        return number

    return parse


def _float(_field: FieldDescriptor, text: str) -> _Value:
    return float(text)


_PARSERS: Final[Mapping[int, Callable[[FieldDescriptor, str], _Value]]] = {
    FieldDescriptor.CPPTYPE_BOOL: _truth,
    FieldDescriptor.CPPTYPE_ENUM: _enum,
    FieldDescriptor.CPPTYPE_STRING: _text_or_bytes,
    FieldDescriptor.CPPTYPE_INT32: _integer(32, is_signed=True),
    FieldDescriptor.CPPTYPE_INT64: _integer(64, is_signed=True),
    FieldDescriptor.CPPTYPE_UINT32: _integer(32, is_signed=False),
    FieldDescriptor.CPPTYPE_UINT64: _integer(64, is_signed=False),
    FieldDescriptor.CPPTYPE_FLOAT: _float,
    FieldDescriptor.CPPTYPE_DOUBLE: _float,
}
