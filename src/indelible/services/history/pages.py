"""GetWorkflowExecutionHistory: pages, long polls, the close event, backwards (semantics 3.3)."""

from typing import Final

import msgspec
from temporalio.api.enums.v1 import EventType, HistoryEventFilterType
from temporalio.api.history.v1 import (
    History,
    HistoryEvent,
    WorkflowExecutionContinuedAsNewEventAttributes,
)
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    GetWorkflowExecutionHistoryReverseRequest,
    GetWorkflowExecutionHistoryReverseResponse,
)

from indelible.base.ids import ChainKey, EventId, WorkflowId
from indelible.base.instants import SECOND, Duration, Instant, after
from indelible.base.limits import (
    HISTORY_PAGE_EVENTS_MAX,
    LONG_POLL_MARGIN_SECONDS,
)
from indelible.engine.namespace.record import Namespace
from indelible.engine.workflow.history_events import build_event
from indelible.engine.workflow.state import ExecutionRecord
from indelible.engine.workflow.unwritten_events import unwritten_events
from indelible.ports.clock import Clocks
from indelible.ports.rpc import Call
from indelible.services.history.entries import Entry
from indelible.services.history.reading import read_event, read_events, read_events_reverse
from indelible.services.history.shard import Shard
from indelible.services.history.shards import Shards
from indelible.services.history.tokens import (
    HistoryPageToken,
    decode_page_token,
    encode_page_token,
)

CLOSE_EVENT: Final = HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT
FOLLOWS_RUNS: Final = "follows-next-run-id"
PLAIN_CLIENTS: Final = frozenset({"temporal-cli", "temporal-ui"})
"""Clients that are not shown the events of a workflow task under way (trap 12)."""


class _Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One request for a page."""

    chain: ChainKey
    run_id: str
    token: HistoryPageToken | None
    is_waiting: bool
    is_close_only: bool
    page_events: int
    shows_pending_task: bool
    follows_runs: bool


class HistoryOperations:
    """Reads histories for clients."""

    def __init__(self, shards: Shards, clocks: Clocks) -> None:
        self._shards = shards
        self._clocks = clocks

    async def get_history(
        self, namespace: Namespace, request: GetWorkflowExecutionHistoryRequest, call: Call
    ) -> GetWorkflowExecutionHistoryResponse:
        """Return a page; with `wait_new_event`, wait for one up to 20 s, then answer empty."""
        reading = _parse(namespace, request, call)
        shard = self._shards.of(reading.chain)
        give_up_at = self._give_up_at(namespace, call)
        is_last_look = False
        while True:
            async with shard.hold(reading.chain, reading.run_id) as entry:
                await _store_what_is_shown(shard, entry, reading)
                page = await _read_page(shard, entry, reading, is_patient=not is_last_look)
                if page is not None:
                    return page
                key = entry.key
                watch = self._shards.watchers.watch(key)
            is_last_look = not await self._shards.watchers.outcome(key, watch, until=give_up_at)

    def _give_up_at(self, namespace: Namespace, call: Call) -> Instant:
        now = self._clocks.node.now()
        limits = self._shards.limits_of(namespace.name)
        longest = after(now, limits.history_long_poll_span)
        if call.deadline is None:
            return longest
        return min(longest, after(call.deadline, Duration(-LONG_POLL_MARGIN_SECONDS * SECOND)))

    async def get_history_reverse(
        self, namespace: Namespace, request: GetWorkflowExecutionHistoryReverseRequest
    ) -> GetWorkflowExecutionHistoryReverseResponse:
        """Return a page, newest event first."""
        chain = ChainKey(namespace.id, WorkflowId(request.execution.workflow_id))
        run_id = request.execution.run_id
        token: HistoryPageToken | None = None
        if request.next_page_token:
            token = decode_page_token(request.next_page_token, run_id)
            run_id = token.run_id
        shard = self._shards.of(chain)
        async with shard.hold(chain, run_id) as entry:
            await shard.store(entry)
            end = token.end if token is not None else entry.state.execution.next_event_id
            events = await read_events_reverse(
                shard, entry, end=end, events_max=_page_events(request.maximum_page_size)
            )
        response = GetWorkflowExecutionHistoryReverseResponse(history=History(events=events))
        if events and events[-1].event_id > 1:
            response.next_page_token = encode_page_token(
                HistoryPageToken(
                    run_id=entry.key.run_id, first=EventId(1), end=EventId(events[-1].event_id)
                )
            )
        return response


def _page_events(asked: int) -> int:
    return min(asked, HISTORY_PAGE_EVENTS_MAX) if asked > 0 else HISTORY_PAGE_EVENTS_MAX


def _parse(
    namespace: Namespace, request: GetWorkflowExecutionHistoryRequest, call: Call
) -> _Reading:
    run_id = request.execution.run_id
    token: HistoryPageToken | None = None
    if request.next_page_token:
        token = decode_page_token(request.next_page_token, run_id)
        run_id = token.run_id
    features = call.metadata.get("supported-features", "").split(",")
    return _Reading(
        chain=ChainKey(namespace.id, WorkflowId(request.execution.workflow_id)),
        run_id=run_id,
        token=token,
        is_waiting=request.wait_new_event,
        is_close_only=request.history_event_filter_type == CLOSE_EVENT,
        page_events=_page_events(request.maximum_page_size),
        shows_pending_task=call.metadata.get("client-name", "") not in PLAIN_CLIENTS,
        follows_runs=any(feature.strip() == FOLLOWS_RUNS for feature in features),
    )


async def _store_what_is_shown(shard: Shard, entry: Entry, reading: _Reading) -> None:
    """Make the start of a workflow task durable before a client sees its event.

    After a crash another event could have that id, and a client that reads on from there would
    never know. Who waits for the close sees no such event.
    """
    if not reading.is_close_only:
        await shard.store(entry)


async def _read_page(
    shard: Shard, entry: Entry, reading: _Reading, *, is_patient: bool
) -> GetWorkflowExecutionHistoryResponse | None:
    """Return the page that there is; None if the caller should wait for it and has the patience."""
    if reading.is_close_only:
        return await _close_page(shard, entry, reading, is_patient=is_patient)
    execution = entry.state.execution
    first = reading.token.first if reading.token is not None else EventId(1)
    has_news = first < execution.next_event_id
    if not has_news and reading.is_waiting and execution.is_open and is_patient:
        return None
    events = await read_events(
        shard,
        entry,
        first=first,
        end=execution.next_event_id,
        events_max=reading.page_events,
    )
    following = EventId(events[-1].event_id + 1) if events else first
    response = GetWorkflowExecutionHistoryResponse(history=History(events=events))
    is_drained = following >= execution.next_event_id
    if not is_drained or (reading.is_waiting and execution.is_open):
        response.next_page_token = encode_page_token(
            HistoryPageToken(run_id=execution.run_id, first=following, end=execution.next_event_id)
        )
    elif reading.shows_pending_task and execution.workflow_task is not None:
        response.history.events.extend(unwritten_events(execution, execution.workflow_task))
    return response


async def _close_page(
    shard: Shard, entry: Entry, reading: _Reading, *, is_patient: bool
) -> GetWorkflowExecutionHistoryResponse | None:
    """Return the close event alone; for an open run nothing, and a token if the caller waits."""
    execution = entry.state.execution
    response = GetWorkflowExecutionHistoryResponse(history=History())
    if not execution.is_open:
        event = await read_event(shard, entry, execution.close_event_id)
        if execution.successor_run_id and reading.is_waiting and not reading.follows_runs:
            event = _as_continued(event, execution)
        response.history.events.append(event)
        return response
    if not reading.is_waiting:
        if execution.pause is not None:
            # What is paused counts as not running for clients that look at the status; they ask for
            # the last event, and the reference gives it (1.32).
            await shard.store(entry)
            last = EventId(entry.state.execution.next_event_id - 1)
            response.history.events.append(await read_event(shard, entry, last))
        return response
    if is_patient:
        return None
    response.next_page_token = encode_page_token(
        HistoryPageToken(
            run_id=execution.run_id, first=execution.next_event_id, end=execution.next_event_id
        )
    )
    return response


def _as_continued(event: HistoryEvent, execution: ExecutionRecord) -> HistoryEvent:
    """Show a close event to a client that follows runs by continued-as-new events alone."""
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
        return event
    shown = build_event(
        WorkflowExecutionContinuedAsNewEventAttributes(
            new_execution_run_id=execution.successor_run_id
        ),
        at=execution.closed_at,
    )
    shown.event_id = event.event_id
    return shown
