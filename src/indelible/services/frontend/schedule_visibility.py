"""Requests that find schedules.

Owns how a row becomes a `ScheduleListEntry` (semantics 11.1). They share the rows' table with
workflows, and never meet them in a list.
"""

from collections.abc import Callable
from typing import Final

from google.protobuf.message import Message
from temporalio.api.schedule.v1 import ScheduleListEntry
from temporalio.api.workflowservice.v1 import (
    CountSchedulesRequest,
    CountSchedulesResponse,
    ListSchedulesRequest,
    ListSchedulesResponse,
)

from indelible.base.ids import Archetype
from indelible.base.instants import NO_DURATION
from indelible.base.limits import Limits
from indelible.base.time_zones import TimeZones
from indelible.engine.namespace.record import Namespace
from indelible.engine.schedule.listing import list_entry
from indelible.engine.schedule.step import cached_rules
from indelible.engine.visibility.query import SCHEDULES
from indelible.engine.visibility.record import VisibilityRecord
from indelible.engine.visibility.search_attributes import PREDEFINED, typed_attributes
from indelible.ports.clock import Clocks
from indelible.ports.rpc import Call
from indelible.ports.stores import VisibilityStore
from indelible.services.frontend.found_rows import FoundRows, RowKind
from indelible.services.frontend.routes import Routes, namespace_route

_KIND: Final = RowKind(archetype=Archetype.SCHEDULE, vocabulary=SCHEDULES, status_names={})
ENTRIES_AT_ONCE_MAX: Final = 20
"""Entries made before others get a turn: each computes the times that come next."""


class ScheduleVisibilityHandlers:
    """Answers the requests that find schedules."""

    def __init__(
        self,
        *,
        store: VisibilityStore,
        clocks: Clocks,
        zones: TimeZones,
        limits_of: Callable[[str], Limits],
    ) -> None:
        self._rows = FoundRows(_KIND, store=store, limits_of=limits_of)
        self._clocks = clocks
        self._rules_of = cached_rules(zones)

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "ListSchedules": namespace_route(ListSchedulesRequest, self._list),
            "CountSchedules": namespace_route(CountSchedulesRequest, self._count),
        }

    async def _list(
        self, request: ListSchedulesRequest, namespace: Namespace, _call: Call
    ) -> Message:
        rows, token = await self._rows.page(
            namespace,
            request.query,
            page_size=request.maximum_page_size,
            token=request.next_page_token,
        )
        response = ListSchedulesResponse(next_page_token=token)
        for number, row in enumerate(rows, start=1):
            response.schedules.append(self._entry(row, namespace))
            if number % ENTRIES_AT_ONCE_MAX == 0:
                await self._clocks.node.sleep(NO_DURATION)
        return response

    async def _count(
        self, request: CountSchedulesRequest, namespace: Namespace, _call: Call
    ) -> Message:
        counts = await self._rows.counts(namespace, request.query)
        response = CountSchedulesResponse(count=counts.total)
        for value, count in counts.groups:
            response.groups.add(count=count, group_values=[value])
        return response

    def _entry(self, row: VisibilityRecord, namespace: Namespace) -> ScheduleListEntry:
        entry = list_entry(
            row.workflow_id,
            row.workflow_type,
            row.memo,
            now=self._clocks.clock_of(namespace.id).now(),
            rules_of=self._rules_of,
        )
        fields = {
            name: blob for name, blob in row.search_attributes.items() if name not in PREDEFINED
        }
        if fields:
            entry.search_attributes.CopyFrom(typed_attributes(fields, namespace.search_attributes))
        return entry
