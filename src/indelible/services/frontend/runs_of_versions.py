"""Whether runs exist that build ids have worked on, which is what reachability is about.

Owns the search. What a run says of its versions is its search attribute `BuildIds`.
"""

from collections.abc import Sequence
from typing import Final

from indelible.base.ids import NamespaceId
from indelible.engine.visibility.filters import Comparison, Filter, any_of
from indelible.ports.stores import VisibilityFilter, VisibilityStore

UNVERSIONED_ENTRY: Final = "unversioned"
"""What is said of a run by unversioned workers."""
OPEN: Final = "="
CLOSED: Final = "!="
_RUNNING: Final = 1


async def has_runs(
    visibility: VisibilityStore,
    namespace_id: NamespaceId,
    queue_name: str,
    *,
    entries: Sequence[str],
    with_fresh: bool,
    state: str | None = None,
) -> bool:
    """Whether a queue has runs with one of the entries.

    `with_fresh` counts those that no worker has seen yet as well. `state` is OPEN or CLOSED, None
    for both.
    """
    worked_on: list[Filter] = [_build_ids_are("=", entry) for entry in entries]
    if with_fresh:
        worked_on.append(_build_ids_are("is null"))
    wanted: list[Filter] = [_field("task_queue", "=", queue_name), any_of(worked_on)]
    if state is not None:
        wanted.append(_field("status", state, _RUNNING))
    counts = await visibility.count_executions(
        VisibilityFilter(namespace_id=namespace_id, comparisons=tuple(wanted))
    )
    return counts.get(0, 0) > 0


def _build_ids_are(operator: str, value: str | None = None) -> Comparison:
    return Comparison(field="BuildIds", is_search_attribute=True, operator=operator, value=value)


def _field(field: str, operator: str, value: str | int) -> Comparison:
    return Comparison(field=field, is_search_attribute=False, operator=operator, value=value)
