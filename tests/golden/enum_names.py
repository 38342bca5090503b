"""How an enum's value is spelt in the normal form: without the prefix that repeats its type."""

import re

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

_WORD = re.compile(r"(?<!^)(?=[A-Z])")


def enum_name(described: FieldDescriptor, number: int) -> str:
    """Return the name of a value; the bare number if the API has no name for it."""
    kind = described.enum_type
    assert isinstance(kind, EnumDescriptor)
    known = kind.values_by_number.get(number)
    if known is None:
        return str(number)
    prefix = f"{_WORD.sub('_', kind.name).upper()}_"
    return known.name.removeprefix(prefix)
