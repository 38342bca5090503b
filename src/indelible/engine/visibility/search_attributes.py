"""Search attributes: which exist, which values they take, and how a value is compared.

Owns the system and predefined attributes, the rules for new names, and the validation and decoding
of values (semantics 12.3 and 12.4). Must not know namespaces: custom attributes come as a mapping
of name to type.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import msgspec
from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.enums.v1 import IndexedValueType

from indelible.base.errors import InvalidArgumentError
from indelible.base.instants import Instant
from indelible.base.limits import Limits
from indelible.engine.visibility.datetimes import parse_rfc3339
from indelible.engine.visibility.record import IndexedValue

KEYWORD: Final = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
TEXT: Final = IndexedValueType.INDEXED_VALUE_TYPE_TEXT
INT: Final = IndexedValueType.INDEXED_VALUE_TYPE_INT
DOUBLE: Final = IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE
BOOL: Final = IndexedValueType.INDEXED_VALUE_TYPE_BOOL
DATETIME: Final = IndexedValueType.INDEXED_VALUE_TYPE_DATETIME
KEYWORD_LIST: Final = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST

TYPE_NAMES: Final[Mapping[int, str]] = {
    TEXT: "Text",
    KEYWORD: "Keyword",
    INT: "Int",
    DOUBLE: "Double",
    BOOL: "Bool",
    DATETIME: "Datetime",
    KEYWORD_LIST: "KeywordList",
}
"""The names of the types as clients see them in payload metadata and in error texts."""

SYSTEM: Final[Mapping[str, IndexedValueType.ValueType]] = {
    "WorkflowId": KEYWORD,
    "RunId": KEYWORD,
    "WorkflowType": KEYWORD,
    "StartTime": DATETIME,
    "ExecutionTime": DATETIME,
    "CloseTime": DATETIME,
    "ExecutionStatus": KEYWORD,
    "TaskQueue": KEYWORD,
    "HistoryLength": INT,
    "ExecutionDuration": INT,
    "StateTransitionCount": INT,
    "HistorySizeBytes": INT,
    "ParentWorkflowId": KEYWORD,
    "ParentRunId": KEYWORD,
    "RootWorkflowId": KEYWORD,
    "RootRunId": KEYWORD,
}
"""Fields of the row itself."""

NAMESPACE_DIVISION: Final = "TemporalNamespaceDivision"
"""What an execution of the service's own has; lists leave it out unless they ask for it."""

_PREDEFINED_SETTABLE: Final[Mapping[str, IndexedValueType.ValueType]] = {
    "TemporalChangeVersion": KEYWORD_LIST,
    "BinaryChecksums": KEYWORD_LIST,
    "BuildIds": KEYWORD_LIST,
    "BatcherNamespace": KEYWORD,
    "BatcherUser": KEYWORD,
    "TemporalScheduledStartTime": DATETIME,
    "TemporalScheduledById": KEYWORD,
    "TemporalSchedulePaused": BOOL,
    NAMESPACE_DIVISION: KEYWORD,
    "TemporalPauseInfo": KEYWORD_LIST,
    "TemporalReportedProblems": KEYWORD_LIST,
}
PREDEFINED: Final[Mapping[str, IndexedValueType.ValueType]] = {
    **_PREDEFINED_SETTABLE,
    "TemporalWorkerDeploymentVersion": KEYWORD,
    "TemporalWorkflowVersioningBehavior": KEYWORD,
    "TemporalWorkerDeployment": KEYWORD,
    "TemporalUsedWorkerDeploymentVersions": KEYWORD_LIST,
    "TemporalExternalPayloadCount": INT,
    "TemporalExternalPayloadSizeBytes": INT,
}
"""Attributes of every namespace that are kept beside the custom ones."""

RESERVED_PREFIX: Final = "Temporal"
_RESERVED_NAMES: Final = frozenset({"NamespaceId", "MemoEncoding", "Memo", "VisibilityTaskKey"})
_TYPE_KEY: Final = "type"
_ENCODING_KEY: Final = "encoding"
_NULL_ENCODING: Final = b"binary/null"
_JSON_ENCODING: Final = b"json/plain"

CustomTypes = Mapping[str, int]
"""The custom search attributes of a namespace: name -> `IndexedValueType`."""

_STRINGS: Final = msgspec.json.Decoder(str | list[str] | None)
_KEYWORD_LISTS: Final = msgspec.json.Decoder(list[str] | None)
_INTS: Final = msgspec.json.Decoder(int | list[int] | None)
_DOUBLES: Final = msgspec.json.Decoder(float | list[float] | None)
_BOOLS: Final = msgspec.json.Decoder(bool | list[bool] | None)
_WORD: Final = re.compile(r"\w+")
_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**63 - 1


def is_reserved(name: str) -> bool:
    """Whether no custom search attribute may have this name."""
    return (
        name in SYSTEM
        or name in PREDEFINED
        or name in _RESERVED_NAMES
        or name.startswith(RESERVED_PREFIX)
    )


def type_of(name: str, custom: CustomTypes) -> int | None:
    """Return the type of a stored search attribute, custom or predefined; None if unknown."""
    return custom.get(name) or PREDEFINED.get(name)


def check_search_attributes(
    attributes: SearchAttributes, *, custom: CustomTypes, namespace: str, limits: Limits
) -> None:
    """Raise `InvalidArgumentError` unless a client may set these attributes to these values."""
    fields = attributes.indexed_fields
    if not fields:
        return
    for name in fields:
        if name not in SYSTEM and name not in PREDEFINED and name not in custom:
            raise InvalidArgumentError(
                f"Namespace {namespace} has no mapping defined for search attribute {name}"
            )
    if len(fields) > limits.search_attribute_keys_max:
        raise InvalidArgumentError(
            f"number of search attributes {len(fields)} exceeds limit "
            f"{limits.search_attribute_keys_max}"
        )
    for name, payload in fields.items():
        _check_value(name, payload, custom)
    _check_sizes(attributes, limits)


def _check_value(name: str, payload: Payload, custom: CustomTypes) -> None:
    if name not in custom and name not in _PREDEFINED_SETTABLE:
        raise InvalidArgumentError(f"{name} attribute can't be set in SearchAttributes")
    value_type = custom.get(name) or _PREDEFINED_SETTABLE[name]
    try:
        decode_value(payload, value_type)
    except ValueError:
        shown = payload.data[:100].decode(errors="replace")
        raise InvalidArgumentError(
            f"invalid value for search attribute {name} of type {TYPE_NAMES[value_type]}: {shown}"
        ) from None


def _check_sizes(attributes: SearchAttributes, limits: Limits) -> None:
    value_max = limits.search_attribute_value_bytes_max
    for name, payload in attributes.indexed_fields.items():
        if len(payload.data) > value_max:
            raise InvalidArgumentError(
                f"search attribute {name} value size {len(payload.data)} "
                f"exceeds size limit {value_max}"
            )
    total = attributes.ByteSize()
    if total > limits.search_attributes_bytes_max:
        raise InvalidArgumentError(
            f"total size of search attributes {total} exceeds size limit "
            f"{limits.search_attributes_bytes_max}"
        )


def decode_value(payload: Payload, value_type: int) -> IndexedValue | None:
    """Return a value in its comparable form; None if the payload removes the attribute.

    A list of one element stands for a scalar. Raises `ValueError` if the value is not of the type.
    """
    encoding = payload.metadata.get(_ENCODING_KEY, b"")
    if encoding == _NULL_ENCODING or not payload.data:
        return None
    if encoding != _JSON_ENCODING:
        raise ValueError(encoding)
    reader = _READERS.get(value_type)
    if reader is None:
        raise ValueError(value_type)
    try:
        return reader(payload.data)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


_T = TypeVar("_T", str, int, float, bool)


def _only(value: _T | list[_T] | None) -> _T | None:
    if not isinstance(value, list):
        return value
    if len(value) > 1:
        raise ValueError("a list for a scalar")
    return value[0] if value else None


def _read_string(raw: bytes) -> str | None:
    return _only(_STRINGS.decode(raw))


def _read_keyword_list(raw: bytes) -> tuple[str, ...] | None:
    return tuple(_KEYWORD_LISTS.decode(raw) or ()) or None


def _read_datetime(raw: bytes) -> Instant | None:
    text = _only(_STRINGS.decode(raw))
    if text is None:
        return None
    instant = parse_rfc3339(text)
    if instant is None:
        raise ValueError("not a time with an offset")
    return instant


def _read_int(raw: bytes) -> int | None:
    value = _only(_INTS.decode(raw))
    if value is not None and not _INT_MIN <= value <= _INT_MAX:
        raise ValueError("more than 64 bits")
    return value


def _read_double(raw: bytes) -> float | None:
    return _only(_DOUBLES.decode(raw))


def _read_bool(raw: bytes) -> bool | None:
    return _only(_BOOLS.decode(raw))


_READERS: Final[Mapping[int, Callable[[bytes], IndexedValue | None]]] = {
    KEYWORD: _read_string,
    TEXT: _read_string,
    DATETIME: _read_datetime,
    KEYWORD_LIST: _read_keyword_list,
    INT: _read_int,
    DOUBLE: _read_double,
    BOOL: _read_bool,
}


def indexed_values(fields: Mapping[str, bytes], custom: CustomTypes) -> dict[str, IndexedValue]:
    """Return stored search attributes (serialized payloads) in their comparable form.

    What is not registered (any more), or is not of its registered type, is left out. A text
    becomes its words, so that it is compared as a list.
    """
    values: dict[str, IndexedValue] = {}
    for name, blob in fields.items():
        value_type = type_of(name, custom)
        if value_type is None:
            continue
        try:
            value = decode_value(Payload.FromString(blob), value_type)
        except ValueError:
            continue
        if value is not None:
            values[name] = text_words(str(value)) if value_type == TEXT else value
    return values


def text_words(text: str) -> tuple[str, ...]:
    """Return the words of a text, in the form in which they are compared."""
    return tuple(word.casefold() for word in _WORD.findall(text))


def typed_attributes(fields: Mapping[str, bytes], custom: CustomTypes) -> SearchAttributes:
    """Return stored search attributes as clients see them: with the `type` of each (trap 60).

    Attributes that are not registered (any more) are left out, as the reference does.
    """
    attributes = SearchAttributes()
    for name, blob in fields.items():
        if type_of(name, custom) is not None:
            attributes.indexed_fields[name].MergeFromString(blob)
    add_types(attributes, custom)
    return attributes


def add_types(attributes: SearchAttributes, custom: CustomTypes) -> None:
    """Add the `type` metadata to each registered attribute of a message that is being built."""
    for name, payload in attributes.indexed_fields.items():
        value_type = type_of(name, custom)
        if value_type is not None:
            payload.metadata[_TYPE_KEY] = TYPE_NAMES[value_type].encode()
