"""What a query asks of a row, in the form in which a store answers it.

Owns the plain conditions. Must not know the text they came from, nor how a store finds the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One condition: `field` is a field of `VisibilityRecord` or the name of a search attribute.

    `operator` is one of = != < <= > >= in starts_with. A row without the attribute meets no
    comparison but one: a list (of keywords, or the words of a text) meets `=` and `in` when any
    of its elements does, and `!=` when none does, which includes the list that is not there.
    """

    field: str
    is_search_attribute: bool
    operator: str
    value: str | int | float | bool | Sequence[str | int | float]
