"""The turns of many schedules in one commit.

Owns the usual case: a time has come, and one workflow is started for it. The schedule's step, the
workflow and its first task are written together, for as many schedules as share the commit; a
crash finds all of it or nothing. Whatever is less simple is left to a turn of its own.
"""

from collections.abc import Callable, Sequence

import structlog

from indelible.base.errors import ServiceError
from indelible.base.ids import ChainKey, WorkflowKey
from indelible.base.instants import NEVER
from indelible.engine.namespace.record import DELETED
from indelible.engine.schedule.advancing import advance, closes_at, ready_starts
from indelible.engine.schedule.outcomes import record_started
from indelible.engine.schedule.state import BufferedStart, ScheduleState
from indelible.engine.schedule.step import ScheduleStep
from indelible.services.history.entities import Decided, Entities
from indelible.services.history.prepared import Prepared, commit_prepared
from indelible.services.history.schedule_actions import ScheduleActions
from indelible.services.history.shards import Shards

_log = structlog.get_logger("indelible.history.schedules")

Host = Entities[ScheduleState]
Begin = Callable[[Host, ScheduleState], ScheduleStep]


class JointTurns:
    """Takes turns together."""

    def __init__(
        self,
        shards: Shards,
        actions: ScheduleActions,
        *,
        host_of: Callable[[ChainKey], Host],
        begin: Begin,
    ) -> None:
        self._shards = shards
        self._actions = actions
        self._host_of = host_of
        self._begin = begin

    async def take(self, keys: Sequence[WorkflowKey]) -> list[WorkflowKey]:
        """Give schedules their turns; return those that need one of their own.

        Raises `UnavailableError` if it is not known what of the others is stored.
        """
        left: list[WorkflowKey] = []
        ready: list[Prepared] = []
        held: list[ChainKey] = []
        try:
            for key in keys:
                turn = await self._prepare(key, held)
                if turn:
                    ready += turn
                else:
                    left.append(key)
            if ready:
                await commit_prepared(self._host_of(keys[0].chain).shard.write, ready)
        finally:
            for chain in held:
                self._shards.of(chain).locks.release(chain)
        return left

    async def _prepare(self, key: WorkflowKey, held: list[ChainKey]) -> list[Prepared]:
        """Return what a turn writes; nothing if it is not a simple one. Its locks go to `held`."""
        host = self._host_of(key.chain)
        locks = host.shard.locks
        # Nobody is waited for while other locks are held, so no two wait for each other.
        if not locks.is_free(key.chain):
            return []
        await locks.acquire(key.chain)
        turn: list[Prepared] = []
        try:
            turn = await self._decide(host, key, held)
        except ServiceError as error:
            _log.info("schedule gets a turn of its own", schedule=key, reason=error.message)
        finally:
            if turn:
                held.append(key.chain)
            else:
                locks.release(key.chain)
        return turn

    async def _decide(self, host: Host, key: WorkflowKey, held: list[ChainKey]) -> list[Prepared]:
        entry = await host.find(key.chain, key.run_id)
        if entry is None or closes_at(entry.state) != NEVER:
            return []
        step = self._begin(host, entry.state)
        advance(step)
        if step.state == entry.state or _has_stops(step.state):
            return []
        starts = ready_starts(step.state, step.now)
        if not starts:
            return [host.prepare(entry, Decided(state=step.state))]
        if len(starts) > 1 or not _is_usual(step, starts[0]):
            return []
        namespace = host.shard.parts.namespaces.by_id(key.namespace_id)
        if namespace.state == DELETED:
            return []
        begun = await self._actions.prepare_start(namespace, step.state, starts[0], step.rules)
        if begun is None:
            return []
        held.append(begun.chain)
        record_started(
            step,
            starts[0].number,
            workflow_id=begun.chain.workflow_id,
            run_id=begun.run_id,
            started_at=step.now,
        )
        return [begun.prepared, host.prepare(entry, Decided(state=step.state))]


def _is_usual(step: ScheduleStep, start: BufferedStart) -> bool:
    """Whether nobody can have made a start before, nor used the id of its workflow."""
    return start.attempt == 1 and not start.is_manual and not step.rules.keeps_workflow_id


def _has_stops(state: ScheduleState) -> bool:
    return any(action.stop and not action.is_stop_delivered for action in state.core.running)
