"""The targets of a batch operation, group by group.

Owns the way from a query to rows. Rows are read from behind the last one that was tried, in the
order of lists, so what a target's operation changes moves no other target out of the way. Must not
know what is done to a target.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from temporalio.api.workflowservice.v1 import StartBatchOperationRequest

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import Archetype, RunId
from indelible.engine.batch.state import BatchCore, Position
from indelible.engine.batch.targets import (
    Target,
    concerns_closed,
    is_about_activities,
    listed_executions,
    listed_targets,
    query_of,
)
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.filters import Comparison
from indelible.engine.visibility.query import ACTIVITIES, WORKFLOWS, compile_query, listed
from indelible.ports.stores import VisibilityCursor, VisibilityFilter, VisibilityStore

_IS_OPEN: Final = Comparison(field="close_time", is_search_attribute=False, operator="is null")


class Group(NamedTuple):
    """Targets that are tried together."""

    targets: Sequence[Target]
    position: Position
    """The last of them."""


class BatchTargets:
    """Finds the targets of one job."""

    def __init__(
        self,
        store: VisibilityStore,
        namespace: Namespace,
        request: StartBatchOperationRequest,
        core: BatchCore,
    ) -> None:
        """Compile the query; raise `InvalidArgumentError` if it means nothing (any more)."""
        self._store = store
        self._request = request
        query = query_of(request)
        self._filter = _filter(namespace, request, query, core) if query else None

    async def count(self) -> int:
        """Return how many there seem to be."""
        if self._filter is None:
            return len(listed_executions(self._request))
        counts = await self._store.count_executions(self._filter)
        return sum(counts.values())

    async def behind(self, position: Position, *, count_max: int) -> Group:
        """Return the targets that follow a position; none at the end."""
        if self._filter is None:
            listed = listed_targets(self._request, first=position.count, count_max=count_max)
            return Group(listed, Position(count=position.count + len(listed)))
        rows = await self._store.list_executions(
            self._filter, after=_cursor(position), limit=count_max
        )
        if not rows:
            return Group((), position)
        last = rows[-1]
        return Group(
            [Target(row.workflow_id, row.run_id) for row in rows],
            Position(
                count=position.count + len(rows),
                close_time=last.close_time,
                start_time=last.start_time,
                run_id=last.run_id,
            ),
        )


def _filter(
    namespace: Namespace, request: StartBatchOperationRequest, text: str, core: BatchCore
) -> VisibilityFilter:
    vocabulary = ACTIVITIES if is_about_activities(request) else WORKFLOWS
    query = compile_query(text, namespace.search_attributes, vocabulary)
    if query.group_by is not None:
        raise InvalidArgumentError("'GROUP BY' clause is not supported in a batch operation")
    # The cursor follows the order of every list, whatever order the query names.
    # What began after the job is none of its business; or a reset would find its own new runs.
    comparisons = [*listed(query), _begun_before(core)]
    if not concerns_closed(request):
        comparisons.append(_IS_OPEN)
    return VisibilityFilter(
        namespace_id=namespace.id,
        archetype=(Archetype.ACTIVITY if is_about_activities(request) else Archetype.WORKFLOW),
        comparisons=comparisons,
    )


def _begun_before(core: BatchCore) -> Comparison:
    return Comparison(
        field="start_time", is_search_attribute=False, operator="<=", value=core.started_at
    )


def _cursor(position: Position) -> VisibilityCursor | None:
    if not position.run_id:
        return None
    return VisibilityCursor(
        close_time=position.close_time,
        start_time=position.start_time,
        run_id=RunId(position.run_id),
    )
