"""The custom search attributes of a namespace: which names it has, of which types.

Owns adding and removing them, and the older form of the same fact: an alias for one of a fixed
number of numbered fields per type (semantics 12.4). Whether a name is reserved is up to the caller.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from temporalio.api.enums.v1 import IndexedValueType

from indelible.base.errors import InvalidArgumentError
from indelible.engine.namespace.record import Namespace

FIELDS_PER_TYPE: Final[Mapping[int, tuple[str, int]]] = {
    IndexedValueType.INDEXED_VALUE_TYPE_BOOL: ("Bool", 3),
    IndexedValueType.INDEXED_VALUE_TYPE_INT: ("Int", 3),
    IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE: ("Double", 3),
    IndexedValueType.INDEXED_VALUE_TYPE_DATETIME: ("Datetime", 3),
    IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD: ("Keyword", 10),
    IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST: ("KeywordList", 3),
    IndexedValueType.INDEXED_VALUE_TYPE_TEXT: ("Text", 3),
}
"""How many attributes of each type a namespace may have; the reference's bounds for SQL stores."""

_TYPE_OF_FIELD: Final[Mapping[str, int]] = {
    f"{prefix}{number:02d}": value_type
    for value_type, (prefix, count) in FIELDS_PER_TYPE.items()
    for number in range(1, count + 1)
}


def add_search_attributes(namespace: Namespace, added: Mapping[str, int]) -> Namespace:
    """Return the namespace with more search attributes; those that exist are left as they are."""
    types = dict(namespace.search_attributes)
    fields = dict(namespace.search_attribute_fields)
    for name, value_type in added.items():
        if name not in types:
            fields[name] = _free_field(value_type, list(fields.values()))
            types[name] = value_type
    return _with_search_attributes(namespace, types, fields)


def remove_search_attributes(namespace: Namespace, removed: Iterable[str]) -> Namespace:
    """Return the namespace without some search attributes; unknown ones are ignored."""
    types = dict(namespace.search_attributes)
    fields = dict(namespace.search_attribute_fields)
    for name in removed:
        types.pop(name, None)
        fields.pop(name, None)
    return _with_search_attributes(namespace, types, fields)


def apply_aliases(namespace: Namespace, aliases: Mapping[str, str]) -> Namespace:
    """Return the namespace with field -> alias changes; an empty alias removes the attribute."""
    types = dict(namespace.search_attributes)
    fields = dict(namespace.search_attribute_fields)
    taken = {field: name for name, field in fields.items()}
    for field, alias in aliases.items():
        if not alias:
            name = taken.pop(field, "")
            types.pop(name, None)
            fields.pop(name, None)
        elif alias not in types:
            if field in taken:
                raise InvalidArgumentError("Custom search attribute field name already allocated.")
            if field not in _TYPE_OF_FIELD:
                raise InvalidArgumentError(f"Search attribute field {field} doesn't exist.")
            types[alias] = _TYPE_OF_FIELD[field]
            fields[alias] = field
            taken[field] = alias
    return _with_search_attributes(namespace, types, fields)


def _free_field(value_type: int, taken: list[str]) -> str:
    prefix, count = FIELDS_PER_TYPE[value_type]
    for number in range(1, count + 1):
        field = f"{prefix}{number:02d}"
        if field not in taken:
            return field
    raise InvalidArgumentError(
        f"Unable to create search attributes: cannot have more than {count} "
        f"search attribute of type {prefix}."
    )


def _with_search_attributes(
    namespace: Namespace, types: dict[str, int], fields: dict[str, str]
) -> Namespace:
    if types == namespace.search_attributes:
        return namespace
    return msgspec.structs.replace(
        namespace, search_attributes=types, search_attribute_fields=fields
    )
