"""What a query asks of a row, in the form in which a store answers it.

Owns the plain conditions. Must not know the text they came from, nor how a store finds the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One condition: `field` is a field of `VisibilityRecord` or the name of a search attribute.

    `operator` is one of = != < <= > >= in starts_with. A row without the attribute, or with the
    field empty, meets no comparison. A list (of keywords, or the words of a text) meets `!=` when
    none of its elements is equal, and any other operator when one of them meets it.
    """

    field: str
    is_search_attribute: bool
    operator: str
    value: str | int | float | bool | Sequence[str | int | float]
