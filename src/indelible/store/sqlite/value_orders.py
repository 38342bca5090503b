"""Indexes that have rows in the order of a value.

Owns which of them serves a sort key, and where the rows are that have no value for it: these come
last, either way. Must not know filters, nor how a page is read.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from indelible.engine.visibility.ordering import SortKey
from indelible.store.sqlite.access_paths import ALL_ROWS, VALUES
from indelible.store.sqlite.sorting import Operand, attribute_path
from indelible.store.sqlite.visibility_rows import OPEN_CLOSE_ORDER, UNLISTED_ATTRIBUTE


class ValueOrder(NamedTuple):
    """Where the rows that have a value lie in its order, and the others in any."""

    column: str
    """What the index calls the value."""
    source: str
    condition: str
    lacking: str
    """The condition of rows without a value, in the same source; "" if those are elsewhere."""
    has_large_groups: bool
    """Whether many rows may have one value."""
    parameters: Sequence[Operand] = ()
    """Of the condition."""


def _along(index: str, column: str, nothing: str, *, has_large_groups: bool = False) -> ValueOrder:
    source = f"visibility INDEXED BY {index}"
    return ValueOrder(
        column, source, f"{column} <> {nothing}", f"{column} = {nothing}", has_large_groups
    )


_COLUMNS: Final[Mapping[str, ValueOrder]] = {
    "workflow_id": _along("visibility_by_workflow", "workflow_id", "''"),
    "workflow_type": _along("visibility_by_type", "workflow_type", "''", has_large_groups=True),
    "status": _along("visibility_by_status", "status", "0", has_large_groups=True),
    "start_time": _along("visibility_by_start", "start_time", "0"),
    "close_time": ValueOrder(
        "close_order",
        ALL_ROWS,
        f"close_order < {OPEN_CLOSE_ORDER}",
        f"close_order = {OPEN_CLOSE_ORDER}",
        has_large_groups=False,
    ),
}


def value_order(key: SortKey) -> ValueOrder | None:
    """Return the index that has rows in the order of a key, if there is one."""
    if not key.is_search_attribute:
        return _COLUMNS.get(key.field)
    if key.field == UNLISTED_ATTRIBUTE:
        return None
    # A list has an entry for each element, and no place in an order.
    condition = "name = ? AND json_type(indexed_values, ?) <> 'array'"
    return ValueOrder(
        "value",
        VALUES,
        condition,
        "",
        has_large_groups=True,
        parameters=[key.field, attribute_path(key.field)],
    )
