"""Simulated operators of standalone activities: they pause, let go on, reset, and change options.

Owns that what they hold up goes on once all is calm, and for how long nothing may begin. Must not
know what an activity does.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from google.protobuf.duration_pb2 import Duration as DurationMessage
from google.protobuf.message import Message
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import Priority, RetryPolicy
from temporalio.api.workflowservice.v1 import (
    PauseActivityExecutionRequest,
    PauseActivityExecutionResponse,
    ResetActivityExecutionRequest,
    ResetActivityExecutionResponse,
    UnpauseActivityExecutionRequest,
    UnpauseActivityExecutionResponse,
    UpdateActivityExecutionOptionsRequest,
    UpdateActivityExecutionOptionsResponse,
)

from indelible.base.instants import MILLISECOND, SECOND, Duration
from indelible.engine.activity.state import ActivityStatus
from simulation.checkers.journal import Entity, Journal
from simulation.checkers.promises import Hold, Kind, Promise, Promises
from simulation.workloads.calls import Calls
from simulation.workloads.commands import span
from simulation.world.node import NAMESPACE
from simulation.world.world import World

M = TypeVar("M", bound=Message)
OneActivity = (
    PauseActivityExecutionRequest
    | UnpauseActivityExecutionRequest
    | ResetActivityExecutionRequest
    | UpdateActivityExecutionOptionsRequest
)
_HELD: Final = frozenset({ActivityStatus.PAUSED, ActivityStatus.PAUSE_REQUESTED})
_CHANGES: Final[tuple[tuple[str, Callable[[int], ActivityOptions]], ...]] = (
    (
        "start_to_close_timeout",
        lambda drawn: ActivityOptions(start_to_close_timeout=span(1_000 + drawn)),
    ),
    ("heartbeat_timeout", lambda drawn: ActivityOptions(heartbeat_timeout=span(400 + drawn // 2))),
    (
        "retry_policy.initial_interval",
        lambda drawn: ActivityOptions(retry_policy=RetryPolicy(initial_interval=span(100 + drawn))),
    ),
    (
        "priority.priority_key",
        lambda drawn: ActivityOptions(priority=Priority(priority_key=1 + drawn % 5)),
    ),
)
"""What may change without a risk that an activity never ends. No timeout is beyond those that
activities are drawn with: it would be cut."""


class Overseer:
    """Meddles with standalone activities; nobody else does, so it knows what is paused."""

    def __init__(self, world: World, promises: Promises, journal: Journal) -> None:
        self.name = "overseer"
        self.process = world.process(self.name)
        self.is_busy = True
        self._world = world
        self._promises = promises
        self._journal = journal
        self._calls = Calls(world, self.name)
        self._chance = self._calls.chance
        self._doubtful: set[str] = set()
        """Runs that a request of unknown outcome may let go on at any time."""

    async def live(self) -> None:
        """Meddle now and then; when all is calm, let go of what is held up, again and again."""
        acts = (
            (self._pause, 3),
            (self._unpause, 2),
            (self._reset, 2),
            (self._change, 2),
            (self._restore, 1),
        )
        while not self._world.is_calm:
            await self._world.pause(Duration(int(self._chance.random() * SECOND)))
            act = self._chance.choices([act for act, _ in acts], [weight for _, weight in acts])[0]
            entities = self._journal.open_activities()
            if entities:
                await act(self._chance.choice(entities))
        self.is_busy = False
        while True:
            for entity in self._journal.open_activities():
                if entity.state.core.status in _HELD:
                    await self._unpause(entity)
            await self._world.pause(Duration(500 * MILLISECOND))

    async def _pause(self, entity: Entity) -> None:
        # A paused activity waits after any failure, and goes on beyond its last attempt.
        self._anew(entity)
        request = PauseActivityExecutionRequest(reason="wait")
        promise = await self._ask(entity, request, PauseActivityExecutionResponse)
        run_id = entity.key.run_id
        if promise.ok_count and run_id not in self._doubtful:
            self._promises.holds.append(Hold(run_id=run_id, since=promise.ok_at))

    async def _unpause(self, entity: Entity) -> None:
        self._release(entity)
        request = UnpauseActivityExecutionRequest(jitter=self._jitter())
        promise = await self._ask(entity, request, UnpauseActivityExecutionResponse)
        self._doubt(entity, promise)

    async def _reset(self, entity: Entity) -> None:
        self._anew(entity)
        request = ResetActivityExecutionRequest(
            keep_paused=self._chance.random() < 0.5,
            reset_heartbeat=self._chance.random() < 0.5,
            restore_original_options=self._chance.random() < 0.3,
            jitter=self._jitter(),
        )
        if not request.keep_paused:
            self._release(entity)
        promise = await self._ask(entity, request, ResetActivityExecutionResponse)
        if not request.keep_paused:
            self._doubt(entity, promise)

    async def _change(self, entity: Entity) -> None:
        path, draw = self._chance.choice(_CHANGES)
        wanted = draw(self._chance.randrange(1_000))
        request = UpdateActivityExecutionOptionsRequest(activity_options=wanted)
        request.update_mask.paths.append(path)
        answer = await self._change_options(entity, request)
        if answer is not None and _at(answer.activity_options, path) != _at(wanted, path):
            self._world.accuse("options are changed", f"{path}: {answer.activity_options}")

    async def _restore(self, entity: Entity) -> None:
        await self._change_options(
            entity, UpdateActivityExecutionOptionsRequest(restore_original=True)
        )

    async def _change_options(
        self, entity: Entity, request: UpdateActivityExecutionOptionsRequest
    ) -> UpdateActivityExecutionOptionsResponse | None:
        self._address(entity, request)
        return await self._calls.ask(request, UpdateActivityExecutionOptionsResponse)

    # -- how it asks, and what that lets happen ----------------------------------------------------

    async def _ask(self, entity: Entity, request: OneActivity, response_type: type[M]) -> Promise:
        """Ask, and return what came of it. It is in no ledger: its effect has no mark."""
        promise = Promise(kind=Kind.STANDALONE, mark="", workflow_id=entity.key.workflow_id)
        self._address(entity, request)
        await self._calls.ask(request, response_type, promise)
        return promise

    def _address(self, entity: Entity, request: OneActivity) -> None:
        request.namespace = NAMESPACE
        request.activity_id = entity.key.workflow_id
        request.run_id = entity.key.run_id
        request.identity = self.name
        request.request_id = self._calls.request_id()

    def _jitter(self) -> DurationMessage | None:
        return span(self._chance.choice((0, 0, 800)))

    def _anew(self, entity: Entity) -> None:
        self._promises.begun_anew.add((entity.key.run_id, entity.key.workflow_id))

    def _release(self, entity: Entity) -> None:
        """From now on an attempt may begin again."""
        for hold in self._promises.holds:
            if hold.run_id == entity.key.run_id and hold.until is None:
                hold.until = self._world.now

    def _doubt(self, entity: Entity, promise: Promise) -> None:
        """A request whose outcome is unknown may still arrive, behind a later pause."""
        if promise.vague_count:
            self._doubtful.add(entity.key.run_id)


def _at(options: ActivityOptions, path: str) -> object:
    found: object = options
    for name in path.split("."):
        found = getattr(found, name)
    return found
