"""Writes the rows by which executions are found, and what is derived from them.

Owns the three tables of visibility: the rows, an entry for each value of each search attribute, and
the counts. They change in the same transaction, so none of them is ever ahead. Must not know how
they are searched.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from indelible.base.instants import NEVER
from indelible.engine.visibility.record import IndexedValue
from indelible.engine.visibility.search_attributes import NAMESPACE_DIVISION
from indelible.ports.stores import VisibilityRecord
from indelible.store.sqlite import statements as sql

OPEN_CLOSE_ORDER: Final = 2**63 - 1
"""`visibility.close_order` of an open run: later than any close."""
UNLISTED_ATTRIBUTE: Final = "BuildIds"
UNLISTED_PREFIX: Final = "unversioned"
"""Elements of that attribute that have no entry: workers leave them on every execution."""

_VALUES: Final = msgspec.json.Decoder(dict[str, str | int | float | bool | list[str] | None])


class _Place(NamedTuple):
    """Where a row lies in the indexes, and what it counts as."""

    namespace_ref: int
    archetype: int
    workflow_type: str
    status: int
    close_order: int
    start_time: int
    indexed_values: str

    @property
    def counted(self) -> tuple[int, int, str, int]:
        """The row of the counts."""
        return self[:4]


class VisibilityWriter:
    """The only writer of the three tables. Runs in the transactions of `CommitWriter`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._executemany = connection.executemany
        self._changes: Counter[tuple[int, int, str, int]] = Counter()

    def reload(self) -> None:
        """Forget the changes of a transaction that was undone."""
        self._changes.clear()

    def put(self, execution_id: int, namespace_ref: int, row: VisibilityRecord) -> None:
        """Insert or replace a row. Its ids and its start time are those of the row before."""
        before = self._place(execution_id)
        place = _Place(
            namespace_ref=namespace_ref,
            # The service's own executions lie apart: see the schema.
            archetype=-row.archetype if NAMESPACE_DIVISION in row.indexed_values else row.archetype,
            workflow_type=row.workflow_type,
            status=row.status,
            close_order=OPEN_CLOSE_ORDER if row.close_time == NEVER else row.close_time,
            start_time=row.start_time if before is None else before.start_time,
            indexed_values=_json_text(row.indexed_values),
        )
        self._execute(sql.PUT_VISIBILITY, _parameters(execution_id, place, row))
        if before is not None:
            self._changes[before.counted] -= 1
        self._changes[place.counted] += 1
        self._move_entries(execution_id, before, place)

    def remove(self, execution_id: int) -> None:
        """Delete a row."""
        before = self._place(execution_id)
        if before is not None:
            self._execute(sql.DELETE_VISIBILITY, (execution_id,))
            self._changes[before.counted] -= 1
            self._move_entries(execution_id, before, None)

    def finish(self) -> None:
        """Write, at the end of a transaction, by how much its commits changed the counts."""
        for counted, change in self._changes.items():
            if change:
                self._execute(sql.ADD_VISIBILITY_COUNT, (*counted, change))
            if change < 0:
                self._execute(sql.DELETE_VISIBILITY_COUNT, counted)
        self._changes.clear()

    def _place(self, execution_id: int) -> _Place | None:
        row = self._execute(sql.VISIBILITY_PLACE, (execution_id,)).fetchone()
        return None if row is None else _Place._make(row)

    def _move_entries(self, execution_id: int, before: _Place | None, place: _Place | None) -> None:
        gone = set(_entries(execution_id, before))
        new = set(_entries(execution_id, place))
        if gone != new:
            self._executemany(sql.DELETE_VISIBILITY_VALUE, gone - new)
            self._executemany(sql.PUT_VISIBILITY_VALUE, new - gone)


def has_entry(name: str, value: str | float) -> bool:
    """Whether a value of a search attribute has an entry."""
    return name != UNLISTED_ATTRIBUTE or not str(value).startswith(UNLISTED_PREFIX)


def _entries(
    execution_id: int, place: _Place | None
) -> Iterable[tuple[int, int, str, str, int, int, int]]:
    """Return the entries of a row; a value is JSON, as SQLite reads it in the row itself."""
    if place is None or place.indexed_values == "{}":
        return
    for name, stored in _VALUES.decode(place.indexed_values).items():
        for value in _elements(stored):
            if has_entry(name, value):
                yield (
                    place.namespace_ref,
                    place.archetype,
                    name,
                    msgspec.json.encode(value).decode(),
                    place.close_order,
                    place.start_time,
                    execution_id,
                )


def _elements(stored: IndexedValue | None) -> Sequence[str | int | float]:
    if stored is None:
        return ()
    return (stored,) if isinstance(stored, str | int | float) else stored


def _parameters(execution_id: int, place: _Place, row: VisibilityRecord) -> tuple[object, ...]:
    return (
        execution_id,
        place.namespace_ref,
        place.archetype,
        place.status,
        place.close_order,
        place.start_time,
        row.execution_time,
        row.history_length,
        row.history_size_bytes,
        row.state_transition_count,
        row.workflow_id,
        row.run_id,
        row.workflow_type,
        row.task_queue,
        row.parent_workflow_id,
        row.parent_run_id,
        row.root_workflow_id,
        row.root_run_id,
        place.indexed_values,
        msgspec.msgpack.encode(dict(row.search_attributes)),
        row.memo,
    )


def _json_text(values: Mapping[str, object]) -> str:
    return msgspec.json.encode(dict(values)).decode() if values else "{}"
