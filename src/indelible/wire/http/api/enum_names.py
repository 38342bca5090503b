"""The short names of enum values: `Running` for `WORKFLOW_EXECUTION_STATUS_RUNNING`.

Owns the way from a name that a person wrote to a number. Answers have the full names.
"""

import re
from collections.abc import Mapping
from functools import cache

from google.protobuf.descriptor import EnumDescriptor


def enum_number(enum: EnumDescriptor, text: str) -> int | None:
    """Return the number that a full name, a short name or digits stand for; None if none does."""
    value = enum.values_by_name.get(text)
    if value is not None:
        return value.number
    if re.fullmatch(r"-?[0-9]+", text):
        return int(text) if int(text) in enum.values_by_number else None
    return _short_names(enum).get(text)


@cache
def _short_names(enum: EnumDescriptor) -> Mapping[str, int]:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name)
    prefix = f"{words.upper()}_"
    return {
        _camel_case(value.name.removeprefix(prefix)): value.number
        for value in enum.values
        if value.name.startswith(prefix)
    }


def _camel_case(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
