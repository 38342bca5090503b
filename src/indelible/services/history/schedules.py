"""Schedules: kept, changed and described for clients, woken when they are due.

Owns the shell around `engine.schedule`: locks, commits, wake-ups, turns (semantics 11). A turn
decides and commits, carries out what was decided, and records what came of it; a crash in between
repeats the part that was not recorded.
"""

from collections.abc import Callable, Sequence

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    CreateScheduleRequest,
    DescribeScheduleResponse,
    PatchScheduleRequest,
    UpdateScheduleRequest,
)

from indelible.base.callback_token import ScheduleToken
from indelible.base.errors import NotFoundError, workflow_already_started
from indelible.base.ids import Archetype, ChainKey, RunId, WorkflowId, WorkflowKey
from indelible.base.instants import NEVER, Instant
from indelible.base.time_zones import TimeZones
from indelible.engine.namespace.record import DELETED, Namespace
from indelible.engine.schedule import changes
from indelible.engine.schedule.advancing import advance, closes_at, ready_starts, wake_at
from indelible.engine.schedule.changes import conflict_token, new_schedule
from indelible.engine.schedule.description import describe
from indelible.engine.schedule.endings import action_end
from indelible.engine.schedule.outcomes import record_ended
from indelible.engine.schedule.state import ScheduleState
from indelible.engine.schedule.step import ScheduleStep, cached_rules
from indelible.engine.visibility.search_attributes import typed_attributes
from indelible.engine.workflow.state import ExecutionRecord
from indelible.ports.clock import Clocks
from indelible.ports.stores import CurrentWrite
from indelible.services.history.entities import Decided, Entities, EntityEntry
from indelible.services.history.joint_turns import JointTurns
from indelible.services.history.schedule_actions import ScheduleActions
from indelible.services.history.schedule_kind import ScheduleKind
from indelible.services.history.schedule_turns import ScheduleTurns
from indelible.services.history.shards import Shards
from indelible.services.history.wakeups import Spawn


def schedule_not_found() -> NotFoundError:
    """Return the refusal for a schedule that does not exist."""
    return NotFoundError("schedule not found")


class Schedules:
    """The schedules of all shards."""

    def __init__(
        self,
        shards: Shards,
        actions: ScheduleActions,
        *,
        clocks: Clocks,
        spawn: Spawn,
        zones: TimeZones,
    ) -> None:
        self._shards = shards
        self._actions = actions
        self._kind = ScheduleKind()
        self._hosts: dict[int, Entities[ScheduleState]] = {}
        self._rules = cached_rules(zones)
        joint = JointTurns(shards, actions, host_of=self._host, begin=self._begin)
        self._turns = ScheduleTurns(clocks, spawn, take=self._take_turn, take_together=joint.take)

    # -- for clients -------------------------------------------------------------------------------

    async def create_schedule(self, namespace: Namespace, request: CreateScheduleRequest) -> bytes:
        """Create a schedule and return its conflict token; `AlreadyExistsError` if there is one.

        The same request again changes nothing.
        """
        chain = _chain(namespace, request.schedule_id)
        host = self._host(chain)
        async with host.shard.locks.hold(chain):
            current = await host.find(chain)
            if current is not None:
                return _repeated(current.state, request)
            now = host.shard.now_in(namespace.id)
            run_id = RunId(host.shard.fresh.run_id(now))
            entry = host.new_entry(
                new_schedule(request, namespace_id=namespace.id, run_id=run_id, now=now)
            )
            token = conflict_token(entry.state.core)
            await self._step(
                host,
                entry,
                lambda step: changes.begin(step, request.initial_patch),
                current=CurrentWrite(chain=chain, expected=None, run_id=run_id),
            )
        await self._follow_up(host, entry.key)
        return token

    async def describe_schedule(
        self, namespace: Namespace, schedule_id: str
    ) -> DescribeScheduleResponse:
        """Return all that is known of a schedule."""
        chain = _chain(namespace, schedule_id)
        host = self._host(chain)
        async with host.hold(chain, "", schedule_not_found) as entry:
            state = entry.state
        response = describe(self._begin(host, state))
        fields = state.definition.search_attributes
        if fields:
            response.search_attributes.CopyFrom(
                typed_attributes(fields, namespace.search_attributes)
            )
        running = [
            one for one in response.info.running_workflows if await self._runs(namespace, one)
        ]
        del response.info.running_workflows[:]
        response.info.running_workflows.extend(running)
        return response

    async def update_schedule(self, namespace: Namespace, request: UpdateScheduleRequest) -> None:
        """Replace what a schedule is; `FailedPreconditionError` if it has changed meanwhile."""
        await self._change(
            namespace, request.schedule_id, lambda step: changes.update(step, request)
        )

    async def patch_schedule(self, namespace: Namespace, request: PatchScheduleRequest) -> None:
        """Pause a schedule or let it go on, and have it act."""
        await self._change(
            namespace, request.schedule_id, lambda step: changes.patch_schedule(step, request)
        )

    async def schedule_times(
        self, namespace: Namespace, schedule_id: str, start: Instant, end: Instant, count_max: int
    ) -> Sequence[Instant]:
        """Return the times of a schedule behind `start` up to `end`."""
        chain = _chain(namespace, schedule_id)
        host = self._host(chain)
        async with host.hold(chain, "", schedule_not_found) as entry:
            step = self._begin(host, entry.state)
        found = step.rules.times.times_between(start, end, step.seed, count_max)
        return [one.at for one in found]

    async def delete_schedule(self, namespace: Namespace, schedule_id: str) -> None:
        """Remove a schedule; the workflows that it has started go on."""
        chain = _chain(namespace, schedule_id)
        host = self._host(chain)
        async with host.hold(chain, "", schedule_not_found) as entry:
            await host.delete(entry)

    # -- by themselves -----------------------------------------------------------------------------

    async def wake(self, key: WorkflowKey) -> None:
        """Give a schedule its turn: its time has come. Returns when the turn is over."""
        await self._turns.take(key)

    async def action_ended(
        self, token: ScheduleToken, execution: ExecutionRecord, closing: HistoryEvent
    ) -> None:
        """Record how the workflow of an action has ended; nothing if the schedule is gone."""
        chain = ChainKey(token.namespace_id, WorkflowId(token.schedule_id), Archetype.SCHEDULE)
        if token.namespace_id != execution.namespace_id:
            raise schedule_not_found()
        host = self._host(chain)
        async with host.shard.locks.hold(chain):
            entry = await host.find(chain, token.run_id)
            if entry is None:
                return
            end = action_end(
                closing,
                workflow_id=execution.workflow_id,
                first_run_id=execution.first_run_id,
                started_at=execution.started_at,
            )
            await self._step(host, entry, lambda step: record_ended(step, token.number, end))

    def stop(self) -> None:
        """Let no schedule act any more."""
        self._turns.stop()

    async def _take_turn(self, key: WorkflowKey) -> None:
        host = self._host(key.chain)
        namespace = host.shard.parts.namespaces.by_id(key.namespace_id)
        if namespace.state == DELETED:
            return  # It is about to go, with all that it might start.
        async with host.shard.locks.hold(key.chain):
            entry = await host.find(key.chain, key.run_id)
            if entry is None:
                return
            if NEVER < closes_at(entry.state) <= host.shard.now_in(key.namespace_id):
                await host.delete(entry)
                return
            await self._advance(host, entry)
            state = entry.state
        outcomes = await self._actions.carry_out(namespace, state, self._rules(state.definition))
        async with host.shard.locks.hold(key.chain):
            entry = await host.find(key.chain, key.run_id)
            if entry is None:
                return

            def record(step: ScheduleStep) -> None:
                for outcome in outcomes:
                    outcome(step)

            await self._step(host, entry, record, is_noted=False)
            host.note_deadline(entry)

    async def _advance(
        self, host: Entities[ScheduleState], entry: EntityEntry[ScheduleState]
    ) -> None:
        """Decide what is to be done now. If that is a start, its outcome is what lists show."""
        step = self._begin(host, entry.state)
        advance(step)
        if step.state != entry.state:
            is_shown = not ready_starts(step.state, step.now)
            await host.save(entry, Decided(state=step.state), is_noted=False, is_shown=is_shown)

    # -- the runtime -------------------------------------------------------------------------------

    async def _follow_up(self, host: Entities[ScheduleState], key: WorkflowKey) -> None:
        """Carry out at once what a request has set off, so that whoever asked finds it done."""
        async with host.shard.locks.hold(key.chain):
            entry = await host.find(key.chain, key.run_id)
            is_due = entry is not None and (
                NEVER < wake_at(entry.state) <= host.shard.now_in(key.namespace_id)
            )
        if is_due:
            await self._turns.take_now(key)

    async def _change(
        self, namespace: Namespace, schedule_id: str, decision: Callable[[ScheduleStep], None]
    ) -> None:
        chain = _chain(namespace, schedule_id)
        host = self._host(chain)
        async with host.hold(chain, "", schedule_not_found) as entry:
            await self._step(host, entry, decision)
            key = entry.key
        await self._follow_up(host, key)

    async def _runs(self, namespace: Namespace, execution: WorkflowExecution) -> bool:
        """Whether the chain of runs that began with this one goes on."""
        chain = ChainKey(namespace.id, WorkflowId(execution.workflow_id))
        shard = self._shards.of(chain)
        async with shard.locks.hold(chain):
            entry = await shard.find(chain)
            if entry is None:
                return False
            found = entry.state.execution
            return found.is_open and found.first_run_id == execution.run_id

    def _host(self, chain: ChainKey) -> Entities[ScheduleState]:
        shard = self._shards.of(chain)
        host = self._hosts.get(shard.shard_id)
        if host is None:
            host = self._hosts[shard.shard_id] = Entities(shard, self._kind)
        return host

    def _begin(self, host: Entities[ScheduleState], state: ScheduleState) -> ScheduleStep:
        now = host.shard.now_in(state.core.namespace_id)
        return ScheduleStep(state, now=now, rules_of=self._rules)

    async def _step(
        self,
        host: Entities[ScheduleState],
        entry: EntityEntry[ScheduleState],
        decision: Callable[[ScheduleStep], None],
        *,
        current: CurrentWrite | None = None,
        is_noted: bool = True,
    ) -> None:
        """Make one step, and save it if it changed anything."""
        step = self._begin(host, entry.state)
        decision(step)
        if step.state == entry.state and entry.version:
            return
        await host.save(entry, Decided(state=step.state), current=current, is_noted=is_noted)


def _chain(namespace: Namespace, schedule_id: str) -> ChainKey:
    return ChainKey(namespace.id, WorkflowId(schedule_id), Archetype.SCHEDULE)


def _repeated(state: ScheduleState, request: CreateScheduleRequest) -> bytes:
    core = state.core
    if request.request_id != core.create_request_id:
        raise workflow_already_started(
            f'schedule "{core.schedule_id}" is already registered',
            start_request_id=core.create_request_id,
            run_id=core.run_id,
            first_run_id=core.run_id,
        )
    return conflict_token(core)
