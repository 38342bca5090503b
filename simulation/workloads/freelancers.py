"""Simulated clients of standalone activities: they start, await, cancel, end and delete them.

Owns what is kept of each answer, so that the checkers can hold it against what is stored.
"""

from typing import Final

from temporalio.api.activity.v1 import ActivityExecutionOutcome
from temporalio.api.common.v1 import ActivityType, RetryPolicy
from temporalio.api.enums.v1 import ActivityIdConflictPolicy, ActivityIdReusePolicy
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DeleteActivityExecutionRequest,
    DeleteActivityExecutionResponse,
    DescribeActivityExecutionRequest,
    DescribeActivityExecutionResponse,
    ListActivityExecutionsRequest,
    ListActivityExecutionsResponse,
    PollActivityExecutionRequest,
    PollActivityExecutionResponse,
    RequestCancelActivityExecutionRequest,
    RequestCancelActivityExecutionResponse,
    StartActivityExecutionRequest,
    StartActivityExecutionResponse,
    TerminateActivityExecutionRequest,
    TerminateActivityExecutionResponse,
)

from indelible.base.instants import SECOND, Duration
from simulation.checkers.promises import ActivityAnswer, Promises
from simulation.workloads.calls import Calls
from simulation.workloads.commands import span
from simulation.workloads.program import draw_activity, encode_input
from simulation.world.node import NAMESPACE
from simulation.world.world import World

_Reuse: Final = ActivityIdReusePolicy
_Conflict: Final = ActivityIdConflictPolicy
_IDS: Final = ("f0", "f1")


class Freelancer:
    """Has work done without a workflow."""

    def __init__(self, world: World, promises: Promises, queue: str) -> None:
        self.name = "freelancer"
        self.process = world.process(self.name)
        self.is_busy = True
        self._world = world
        self._promises = promises
        self._queue = queue
        self._calls = Calls(world, self.name)
        self._chance = self._calls.chance
        self._runs: list[tuple[str, str]] = []

    async def live(self) -> None:
        """Do something now and then until things are calm."""
        acts = (
            (self._start, 4),
            (self._poll, 4),
            (self._describe, 2),
            (self._cancel, 1),
            (self._terminate, 0.7),
            (self._delete, 0.7),
            (self._list, 1),
        )
        while not self._world.is_calm:
            await self._world.pause(Duration(int(self._chance.random() * 1.5 * SECOND)))
            act = self._chance.choices([act for act, _ in acts], [weight for _, weight in acts])[0]
            await act()
        for run in self._runs:
            await self._ask_for_outcome(run)
        self.is_busy = False

    def _some_run(self) -> tuple[str, str]:
        if self._runs and self._chance.random() < 0.8:
            return self._chance.choice(self._runs)
        return self._chance.choice(_IDS), ""

    async def _start(self) -> None:
        activity_id = self._chance.choice(_IDS)
        op = draw_activity(self._chance, activity_id)
        attempts_max = op.attempts_max or 5  # It must end by itself, however hopeless.
        request = StartActivityExecutionRequest(
            namespace=NAMESPACE,
            identity=self.name,
            request_id=self._calls.request_id(),
            activity_id=activity_id,
            activity_type=ActivityType(name="act"),
            task_queue=TaskQueue(name=self._queue),
            input=encode_input(op),
            schedule_to_close_timeout=span(op.schedule_to_close_ms),
            schedule_to_start_timeout=span(op.schedule_to_start_ms),
            start_to_close_timeout=span(op.start_to_close_ms),
            heartbeat_timeout=span(op.heartbeat_ms),
            retry_policy=RetryPolicy(
                initial_interval=span(200), backoff_coefficient=2, maximum_attempts=attempts_max
            ),
            id_reuse_policy=_Reuse.ACTIVITY_ID_REUSE_POLICY_ALLOW_DUPLICATE,
            id_conflict_policy=self._chance.choice(
                (
                    _Conflict.ACTIVITY_ID_CONFLICT_POLICY_FAIL,
                    _Conflict.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING,
                )
            ),
            start_delay=span(self._chance.choice((0, 0, 0, 900))),
        )
        answer = await self._calls.ask(request, StartActivityExecutionResponse, attempts=4)
        if answer is None:
            return
        if (activity_id, answer.run_id) not in self._runs:
            self._runs.append((activity_id, answer.run_id))
        if answer.started:
            self._promises.activity_runs[answer.run_id] = op.attempts_max

    async def _poll(self) -> None:
        await self._ask_for_outcome(self._some_run())

    async def _ask_for_outcome(self, run: tuple[str, str]) -> None:
        activity_id, run_id = run
        request = PollActivityExecutionRequest(
            namespace=NAMESPACE, activity_id=activity_id, run_id=run_id
        )
        answer = await self._calls.ask(
            request,
            PollActivityExecutionResponse,
            patience=Duration(self._chance.choice((1, 6, 25)) * SECOND),
        )
        if answer is not None and answer.outcome.WhichOneof("value"):
            self._note(answer.run_id, answer.outcome)

    async def _describe(self) -> None:
        activity_id, run_id = self._some_run()
        request = DescribeActivityExecutionRequest(
            namespace=NAMESPACE, activity_id=activity_id, run_id=run_id, include_outcome=True
        )
        answer = await self._calls.ask(request, DescribeActivityExecutionResponse)
        if answer is not None and answer.outcome.WhichOneof("value"):
            self._note(answer.run_id, answer.outcome)

    def _note(self, run_id: str, outcome: ActivityExecutionOutcome) -> None:
        self._promises.outcomes.append(ActivityAnswer(run_id=run_id, outcome=outcome))

    async def _cancel(self) -> None:
        activity_id, run_id = self._some_run()
        request = RequestCancelActivityExecutionRequest(
            namespace=NAMESPACE,
            activity_id=activity_id,
            run_id=run_id,
            identity=self.name,
            request_id=self._calls.request_id(),
            reason="enough",
        )
        await self._calls.ask(request, RequestCancelActivityExecutionResponse)

    async def _terminate(self) -> None:
        activity_id, run_id = self._some_run()
        request = TerminateActivityExecutionRequest(
            namespace=NAMESPACE,
            activity_id=activity_id,
            run_id=run_id,
            identity=self.name,
            request_id=self._calls.request_id(),
            reason="enough",
        )
        await self._calls.ask(request, TerminateActivityExecutionResponse)

    async def _delete(self) -> None:
        activity_id, run_id = self._some_run()
        request = DeleteActivityExecutionRequest(
            namespace=NAMESPACE, activity_id=activity_id, run_id=run_id
        )
        await self._calls.ask(request, DeleteActivityExecutionResponse)

    async def _list(self) -> None:
        request = ListActivityExecutionsRequest(namespace=NAMESPACE, page_size=100)
        await self._calls.ask(request, ListActivityExecutionsResponse)
