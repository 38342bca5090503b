"""What a query asks of a row, in the form in which a store answers it.

Owns the plain conditions and how they are joined. There is no negation: the opposite of each
operator is an operator, so a row that lacks a value meets neither a comparison nor its opposite, as
in SQL. Must not know the text they came from, nor how a store finds the rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec.structs import replace

Operand: TypeAlias = str | int | float | bool | Sequence[str | int | float] | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One condition: `field` is a field of a row, or the name of a search attribute.

    Fields are those of `VisibilityRecord`, and `execution_duration`, which a closed row has.

    `operator` is one of = != < <= > >= in starts_with, "not in", "not starts_with", or without a
    value, "is null" and "is not null". A row without the attribute, or with the field empty, meets
    "is null" and nothing else. A list (of keywords, or the words of a text) meets `!=` and "not"
    when none of its elements meets the opposite, and any other operator when one of them meets it.
    """

    field: str
    is_search_attribute: bool
    operator: str
    value: Operand = None


class AllOf(msgspec.Struct, frozen=True):
    """Every part holds."""

    parts: tuple["Filter", ...]


class AnyOf(msgspec.Struct, frozen=True):
    """One part holds at least."""

    parts: tuple["Filter", ...]


Filter: TypeAlias = Comparison | AllOf | AnyOf

_EQUALITIES: Final = frozenset({"=", "in"})


def conjuncts(filters: Iterable[Filter]) -> Iterator[Filter]:
    """Yield what all has to hold, with conjunctions taken apart."""
    for part in filters:
        if isinstance(part, AllOf):
            yield from conjuncts(part.parts)
        else:
            yield part


def all_of(parts: Iterable[Filter]) -> Filter:
    """Join what all has to hold."""
    flat = tuple(conjuncts(parts))
    return flat[0] if len(flat) == 1 else AllOf(flat)


def any_of(parts: Sequence[Filter]) -> Filter:
    """Join alternatives; values of the same field become one comparison, which an index answers."""
    flat: list[Filter] = []
    for part in parts:
        flat += part.parts if isinstance(part, AnyOf) else (part,)
    first = flat[0]
    if len(flat) == 1:
        return first
    if not isinstance(first, Comparison):
        return AnyOf(tuple(flat))
    values: list[str | int | float] = []
    for part in flat:
        if not (
            isinstance(part, Comparison)
            and part.operator in _EQUALITIES
            and (part.field, part.is_search_attribute) == (first.field, first.is_search_attribute)
        ):
            return AnyOf(tuple(flat))
        values += operands(part)
    return replace(first, operator="in", value=tuple(values))


def operands(comparison: Comparison) -> Sequence[str | int | float]:
    """Return the values of a comparison, however many they are."""
    if comparison.value is None:
        return ()
    if isinstance(comparison.value, str | int | float):
        return (comparison.value,)
    return comparison.value


def comparisons_of(part: Filter) -> Iterator[Comparison]:
    """Yield every comparison of a tree."""
    if isinstance(part, Comparison):
        yield part
        return
    for inner in part.parts:
        yield from comparisons_of(inner)


def depth_of(part: Filter) -> int:
    """Return how many joints lie within each other."""
    return 0 if isinstance(part, Comparison) else 1 + max(map(depth_of, part.parts))
