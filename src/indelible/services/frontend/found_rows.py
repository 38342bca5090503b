"""Rows of one kind of entity: found by a query, in pages or counted.

Owns that entities of different kinds, which share a table, never meet in a list. Must not know how
a row looks to clients.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from indelible.base.ids import Archetype
from indelible.base.limits import Limits
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.query import VisibilityQuery, Vocabulary, compile_query
from indelible.engine.visibility.query_syntax import not_supported
from indelible.engine.visibility.record import VisibilityRecord
from indelible.ports.stores import VisibilityFilter, VisibilityStore
from indelible.services.frontend.visibility_pages import Counts, count_rows, read_page


class RowKind(NamedTuple):
    """What is special about the rows of one kind."""

    archetype: Archetype
    vocabulary: Vocabulary
    status_names: Mapping[int, str]


class FoundRows:
    """Finds the rows of one kind. Queries that mean nothing are `InvalidArgumentError`s."""

    def __init__(
        self, kind: RowKind, *, store: VisibilityStore, limits_of: Callable[[str], Limits]
    ) -> None:
        self._kind = kind
        self._store = store
        self._limits_of = limits_of

    async def page(
        self, namespace: Namespace, text: str, *, page_size: int, token: bytes
    ) -> tuple[Sequence[VisibilityRecord], bytes]:
        """Return rows, and the token of the page behind them; empty if there is none."""
        query = compile_query(text, namespace.search_attributes, self._kind.vocabulary)
        if query.group_by is not None:
            raise not_supported("'GROUP BY' clause")
        return await read_page(
            self._store,
            self._filter(namespace, query),
            page_size=page_size,
            rows_max=self._limits_of(namespace.name).visibility_page_rows_max,
            token=token,
        )

    async def counts(self, namespace: Namespace, text: str) -> Counts:
        """Return how many rows a query finds, by groups if it asks for them."""
        query = compile_query(text, namespace.search_attributes, self._kind.vocabulary)
        return await count_rows(
            self._store,
            self._filter(namespace, query),
            group_by=query.group_by,
            status_names=self._kind.status_names,
        )

    def _filter(self, namespace: Namespace, query: VisibilityQuery) -> VisibilityFilter:
        return VisibilityFilter(
            namespace_id=namespace.id,
            archetype=self._kind.archetype,
            comparisons=query.comparisons,
            order_by=query.order_by,
        )
