"""ResetWorkflowExecution: a new run that shares the beginning of an old one.

Owns the reading of the events, and the commit of the two or three runs that change together. What
the new run makes of the events is in `engine.workflow.requests.reset_workflow`.
"""

from collections.abc import Sequence

import msgspec
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    ResetWorkflowExecutionRequest,
    ResetWorkflowExecutionResponse,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.fresh_ids import uuid_text
from indelible.base.ids import FIRST_EVENT_ID, ChainKey, EventId, RunId, WorkflowKey
from indelible.engine.namespace.record import Namespace
from indelible.engine.workflow.replay import replay
from indelible.engine.workflow.requests.reset_workflow import (
    ResetPlan,
    check_kept,
    check_reset_point,
    end_for_reset,
    is_repeated,
    note_reset,
    reset_workflow,
)
from indelible.engine.workflow.state import ExecutionRecord, WorkflowStatus
from indelible.engine.workflow.transition import Transition
from indelible.ports.entropy import Entropy
from indelible.ports.stores import CurrentWrite, HistoryAncestor
from indelible.services.history.entries import Entry
from indelible.services.history.messaging import target
from indelible.services.history.reading import read_events
from indelible.services.history.shard import Shard, Stepped
from indelible.services.history.shards import Shards


class _Following(msgspec.Struct, frozen=True, kw_only=True):
    """What came after the kept events."""

    events: Sequence[HistoryEvent]
    last: Entry
    """The run to which the last of them belongs."""


class ResetOperations:
    """Resets runs."""

    def __init__(self, shards: Shards, entropy: Entropy) -> None:
        self._shards = shards
        self._entropy = entropy

    async def reset_workflow(
        self, namespace: Namespace, request: ResetWorkflowExecutionRequest
    ) -> ResetWorkflowExecutionResponse:
        """Go on from the middle of a run; return the id of the run that does.

        The current run is ended if it is open. Raises `NotFoundError` if the run is missing,
        `InvalidArgumentError` if it cannot be reset to that event.
        """
        chain, run_id = target(namespace, request.workflow_execution)
        shard = self._shards.of(chain)
        async with shard.locks.hold(chain):
            base = await shard.require(chain, run_id)
            check_reset_point(base.state, request.workflow_task_finish_event_id)
            current = await shard.find(chain)
            if current is not None and current.key == base.key:
                # A small cache may have read it twice; two entries of a run would be written twice.
                current = base
            if current is not None and is_repeated(current.state, request):
                return ResetWorkflowExecutionResponse(run_id=current.key.run_id)
            new_run_id = RunId(uuid_text(self._entropy.token(16)))
            await self._reset(shard, base, current, new_run_id, request)
        return ResetWorkflowExecutionResponse(run_id=new_run_id)

    async def _reset(
        self,
        shard: Shard,
        base: Entry,
        current: Entry | None,
        new_run_id: RunId,
        request: ResetWorkflowExecutionRequest,
    ) -> None:
        end = EventId(request.workflow_task_finish_event_id)
        kept = await _all_events(shard, base, first=FIRST_EVENT_ID, end=end)
        following = await _following(shard, base, end)
        entry = _forked_entry(base, new_run_id, kept, end)
        check_kept(entry.state, end)
        # Nothing is awaited from here to the commit.
        steps, events = _end_and_note(shard, base, current, new_run_id, request)
        if current is None or following.last.key != current.key:
            events = ()  # What ended another chain of runs is none of the new run's business.
        plan = ResetPlan(
            base=base.state.execution,
            start=kept[0],
            kept_bytes=sum(event.ByteSize() for event in kept),
            following=[*following.events, *events],
        )
        try:
            _, begun = shard.decide(entry, lambda step: reset_workflow(step, request, plan))
        except BaseException:
            for stepped in steps:
                shard.forget(stepped.entry)
            raise
        await shard.save(
            *steps,
            begun,
            current=CurrentWrite(
                chain=base.chain,
                expected=current.key.run_id if current is not None else None,
                run_id=new_run_id,
            ),
        )


def _end_and_note(
    shard: Shard,
    base: Entry,
    current: Entry | None,
    new_run_id: RunId,
    request: ResetWorkflowExecutionRequest,
) -> tuple[list[Stepped], Sequence[HistoryEvent]]:
    """End the current run, and let the base run name the new one.

    Return the steps, and the events that the end of the current run wrote.
    """

    def decide(step: Transition) -> None:
        if current is not None and step.execution.run_id == current.key.run_id:
            end_for_reset(step, request.reason)
        if step.execution.run_id == base.key.run_id:
            note_reset(step, new_run_id)

    _, base_step = shard.decide(base, decide)
    if current is None or current is base:
        return [base_step], base_step.step.events
    _, current_step = shard.decide(current, decide)
    return [base_step, current_step], current_step.step.events


def _forked_entry(
    base: Entry, new_run_id: RunId, kept: Sequence[HistoryEvent], end: EventId
) -> Entry:
    """Return the new run as it is after the kept events."""
    key = base.key
    seed = ExecutionRecord(
        namespace_id=key.namespace_id, workflow_id=key.workflow_id, run_id=new_run_id
    )
    state = replay(seed, kept)
    state.accept()
    return Entry(state, version=0, ancestor=HistoryAncestor(key=key, end=end))


async def _all_events(
    shard: Shard, entry: Entry, *, first: EventId, end: EventId
) -> list[HistoryEvent]:
    events: list[HistoryEvent] = []
    while first < end:
        page = await read_events(shard, entry, first=first, end=end)
        if not page:
            raise InvalidArgumentError(f"event {first} not found")
        events += page
        first = EventId(page[-1].event_id + 1)
    return events


async def _following(shard: Shard, base: Entry, first: EventId) -> _Following:
    """Read what happened after the kept events, in the base run and those that continued it."""
    entry = base
    end = entry.state.execution.next_event_id
    events = await _all_events(shard, entry, first=first, end=end)
    while entry.state.execution.status is WorkflowStatus.CONTINUED_AS_NEW:
        chain = entry.key.chain
        following = await shard.find(chain, entry.state.execution.successor_run_id)
        if following is None:
            break
        entry = following
        end = entry.state.execution.next_event_id
        events += await _all_events(shard, entry, first=FIRST_EVENT_ID, end=end)
    return _Following(events=events, last=entry)


async def reset_successor(shard: Shard, key: WorkflowKey) -> Entry | None:
    """Return the run that a reset has put in the place of one whose chain's lock is held."""
    chain = key.chain
    entry = await shard.find(chain, key.run_id)
    while entry is not None and not entry.state.execution.is_open:
        reset_run_id = entry.state.execution.reset_run_id
        if not reset_run_id:
            return None
        entry = await shard.find(chain, reset_run_id)
    return entry


async def last_run(shard: Shard, chain: ChainKey, run_id: str) -> Entry | None:
    """Return the run that has come of one whose chain's lock is held, by succession or reset."""
    entry = await shard.find(chain, run_id)
    while entry is not None and not entry.state.execution.is_open:
        execution = entry.state.execution
        following = execution.successor_run_id or execution.reset_run_id
        if not following:
            return entry
        entry = await shard.find(chain, following)
    return entry
