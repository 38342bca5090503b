"""The short form of payloads in JSON: `[1, "x"]` instead of metadata and base64.

Owns both directions, on JSON values of which only the type of the message is known:
`MessageToDict` and `ParseDict` do the rest. A payload is short if nothing is lost by it:
`json/plain` is its value, `json/protobuf` an object that names its type. Whatever is not stays
long, and a long one is understood wherever a short one may stand (reference 1.32).
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import Default as DefaultPool

from indelible.wire.http.api.descriptors import field_named
from indelible.wire.http.api.enum_names import enum_number

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_PAYLOAD: Final = "temporal.api.common.v1.Payload"
_PAYLOADS: Final = "temporal.api.common.v1.Payloads"
_ANY: Final = "google.protobuf.Any"
_STANDARD: Final = "google.protobuf."
"""Timestamps, durations and their kin have a JSON form of their own."""
_TYPE: Final = "_protoMessageType"
_PLAIN: Final = "json/plain"
_PROTOBUF: Final = "json/protobuf"
_NULL: Final = "binary/null"


def shortened(value: Json, message: Descriptor) -> Json:
    """Return the JSON form of a message with its payloads short where they can be."""
    return _walked(value, message, _SHORTEN)


def ordered(value: Json, message: Descriptor) -> Json:
    """Return the JSON form of a message with its maps in the order of their keys, as ever."""
    return _walked(value, message, _ORDER_ONLY)


def expanded(value: Json, message: Descriptor, *, is_short: bool) -> Json:
    """Return what a caller wrote in the form that `ParseDict` takes.

    Short payloads, if `is_short`, and short names of enum values become long.
    """
    return _walked(value, message, _EXPAND if is_short else _NAMES_ONLY)


# ------------------------------------------------------------------------------------- the walk
class _Rules:
    """What a walk does at the places that concern it."""

    def __init__(
        self,
        payload: Callable[[Json], Json] | None,
        payloads: Callable[[Json], Json] | None,
        *,
        names_enums: bool,
    ) -> None:
        self.special = {
            name: rule for name, rule in ((_PAYLOAD, payload), (_PAYLOADS, payloads)) if rule
        }
        self.names_enums = names_enums


def _walked(value: Json, message: Descriptor, rules: _Rules) -> Json:
    special = rules.special.get(message.full_name)
    if special is not None:
        return special(value)
    if not isinstance(value, dict):
        return value
    if message.full_name == _ANY:
        return _walked_any(value, rules)
    if message.full_name.startswith(_STANDARD):
        return value
    return {
        key: one if (field := field_named(message, key)) is None else _inside(one, field, rules)
        for key, one in value.items()
    }


def _walked_any(value: dict[str, Json], rules: _Rules) -> Json:
    url = value.get("@type")
    if not isinstance(url, str):
        return value
    try:
        inner = DefaultPool().FindMessageTypeByName(url.rpartition("/")[2])
    except KeyError:
        return value
    return _walked(value, inner, rules)


def _inside(value: Json, field: FieldDescriptor, rules: _Rules) -> Json:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        entry = field.message_type.fields_by_name["value"]
        if isinstance(value, dict):
            return {key: _walked_one(value[key], entry, rules) for key in sorted(value)}
        return value
    if field.is_repeated:
        if isinstance(value, list):
            return [_walked_one(one, field, rules) for one in value]
        return value
    # A field that is null is a field that is not there.
    return value if value is None else _walked_one(value, field, rules)


def _walked_one(value: Json, field: FieldDescriptor, rules: _Rules) -> Json:
    if field.message_type is not None:
        return _walked(value, field.message_type, rules)
    if rules.names_enums and field.enum_type is not None and isinstance(value, str):
        number = enum_number(field.enum_type, value)
        return value if number is None else number
    return value


# ------------------------------------------------------------------------------------ payloads
def _short(value: Json) -> Json:
    """The short form of a long payload, or the long one if it has none."""
    form = _loaded(value)
    return _in_order(value) if form is _KEPT else form


def _short_list(value: Json) -> Json:
    payloads = value.get("payloads") if isinstance(value, dict) else None
    if not isinstance(payloads, list):
        return []
    forms = [_loaded(one) for one in payloads]
    # One that must stay long keeps the others company: a reader knows the form by the list.
    if any(form is _KEPT for form in forms):
        return {"payloads": [_in_order(one) for one in payloads]}
    return forms


def _in_order(value: Json) -> Json:
    """A long payload with its metadata in the order of the keys, as in every other map."""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(metadata, dict):
        return value
    return {**value, "metadata": {key: metadata[key] for key in sorted(metadata)}}


_KEPT: Final[dict[str, Json]] = {}
"""Stands for a payload that has no short form."""


def _loaded(value: Json) -> Json:
    metadata = value.get("metadata") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(metadata, dict):
        return _KEPT
    words = {key: (_decoded(word) or b"").decode("latin-1") for key, word in metadata.items()}
    if words == {"encoding": _NULL}:
        return value
    if words == {"encoding": _PLAIN}:
        return _parsed(value.get("data"))
    message_type = words.pop("messageType", "")
    if words == {"encoding": _PROTOBUF} and message_type:
        parsed = _parsed(value.get("data"))
        if isinstance(parsed, dict) and parsed is not _KEPT:
            return {**parsed, _TYPE: message_type}
    return _KEPT


def _parsed(encoded: Json) -> Json:
    try:
        value: Json = json.loads(_decoded(encoded) or b"")
    except ValueError:
        return _KEPT
    # What is null reads as the payload for nothing, which has a form of its own.
    return _long_null() if value is None else value


def _long(value: Json) -> Json:
    """The long form of a payload that a caller wrote in either."""
    if value is None:
        return _long_null()
    if isinstance(value, dict):
        if _is_long(value):
            return value
        message_type = value.get(_TYPE)
        if isinstance(message_type, str):
            rest = {key: one for key, one in value.items() if key != _TYPE}
            return _encoded(rest, encoding=_PROTOBUF, messageType=message_type)
    return _encoded(value, encoding=_PLAIN)


def _long_list(value: Json) -> Json:
    return {"payloads": [_long(one) for one in value]} if isinstance(value, list) else value


def _is_long(value: Mapping[str, Json]) -> bool:
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or "encoding" not in metadata:
        return False
    if any(_decoded(word) is None for word in metadata.values()):
        return False
    if set(value) == {"metadata"}:
        return _decoded(metadata["encoding"]) == _NULL.encode()
    return set(value) == {"metadata", "data"} and _decoded(value["data"]) is not None


def _decoded(text: Json) -> bytes | None:
    if not isinstance(text, str):
        return None
    standard = re.sub(r"=+\Z", "", text).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _encoded(value: Json, **metadata: str) -> Json:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return {
        "metadata": {key: _base64(word) for key, word in metadata.items()},
        "data": _base64(text),
    }


def _long_null() -> Json:
    return {"metadata": {"encoding": _base64(_NULL)}}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


_SHORTEN: Final = _Rules(_short, _short_list, names_enums=False)
_EXPAND: Final = _Rules(_long, _long_list, names_enums=True)
_NAMES_ONLY: Final = _Rules(None, None, names_enums=True)
_ORDER_ONLY: Final = _Rules(None, None, names_enums=False)
