"""Simulated clients of Nexus operations without a workflow: they start, await, cancel and end them.

Owns what is kept of each answer, so that the checkers can hold it against what is stored.
"""

from typing import Final

from temporalio.api.enums.v1 import (
    NexusOperationIdConflictPolicy,
    NexusOperationIdReusePolicy,
    NexusOperationWaitStage,
)
from temporalio.api.workflowservice.v1 import (
    CountNexusOperationExecutionsRequest,
    CountNexusOperationExecutionsResponse,
    DeleteNexusOperationExecutionRequest,
    DeleteNexusOperationExecutionResponse,
    DescribeNexusOperationExecutionRequest,
    DescribeNexusOperationExecutionResponse,
    ListNexusOperationExecutionsRequest,
    ListNexusOperationExecutionsResponse,
    PollNexusOperationExecutionRequest,
    PollNexusOperationExecutionResponse,
    RequestCancelNexusOperationExecutionRequest,
    RequestCancelNexusOperationExecutionResponse,
    StartNexusOperationExecutionRequest,
    StartNexusOperationExecutionResponse,
    TerminateNexusOperationExecutionRequest,
    TerminateNexusOperationExecutionResponse,
)

from indelible.base.instants import SECOND, Duration
from simulation.checkers.promises import OperationAnswer, Promises
from simulation.workloads.calls import Calls
from simulation.workloads.commands import ENDPOINT, span
from simulation.workloads.program import draw_operation, encode_input
from simulation.world.node import NAMESPACE
from simulation.world.world import World

_Reuse: Final = NexusOperationIdReusePolicy
_Conflict: Final = NexusOperationIdConflictPolicy
_CLOSED: Final = NexusOperationWaitStage.NEXUS_OPERATION_WAIT_STAGE_CLOSED
_IDS: Final = ("o0", "o1")
Answer = DescribeNexusOperationExecutionResponse | PollNexusOperationExecutionResponse


class Subcontractor:
    """Has operations carried out."""

    def __init__(self, world: World, promises: Promises) -> None:
        self.name = "subcontractor"
        self.process = world.process(self.name)
        self.is_busy = True
        self._world = world
        self._promises = promises
        self._calls = Calls(world, self.name)
        self._chance = self._calls.chance
        self._runs: list[tuple[str, str]] = []

    async def live(self) -> None:
        """Do something now and then until things are calm."""
        acts = (
            (self._start, 4),
            (self._poll, 3),
            (self._describe, 2),
            (self._cancel, 1),
            (self._terminate, 0.7),
            (self._delete, 0.7),
            (self._look, 1),
        )
        while not self._world.is_calm:
            await self._world.pause(Duration(int(self._chance.random() * 2 * SECOND)))
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
        operation_id = self._chance.choice(_IDS)
        op = draw_operation(self._chance, operation_id, ["nobody"])
        request = StartNexusOperationExecutionRequest(
            namespace=NAMESPACE,
            identity=self.name,
            request_id=self._calls.request_id(),
            operation_id=operation_id,
            endpoint=ENDPOINT,
            service="desk",
            operation=op.behavior,
            input=encode_input(op).payloads[0],
            schedule_to_close_timeout=span(op.schedule_to_close_ms),
            id_reuse_policy=_Reuse.NEXUS_OPERATION_ID_REUSE_POLICY_ALLOW_DUPLICATE,
            id_conflict_policy=self._chance.choice(
                (
                    _Conflict.NEXUS_OPERATION_ID_CONFLICT_POLICY_FAIL,
                    _Conflict.NEXUS_OPERATION_ID_CONFLICT_POLICY_USE_EXISTING,
                )
            ),
        )
        answer = await self._calls.ask(request, StartNexusOperationExecutionResponse, attempts=4)
        if answer is not None and (operation_id, answer.run_id) not in self._runs:
            self._runs.append((operation_id, answer.run_id))

    async def _poll(self) -> None:
        await self._ask_for_outcome(self._some_run())

    async def _ask_for_outcome(self, run: tuple[str, str]) -> None:
        operation_id, run_id = run
        request = PollNexusOperationExecutionRequest(
            namespace=NAMESPACE, operation_id=operation_id, run_id=run_id, wait_stage=_CLOSED
        )
        answer = await self._calls.ask(
            request,
            PollNexusOperationExecutionResponse,
            patience=Duration(self._chance.choice((1, 6, 25)) * SECOND),
        )
        self._note(answer)

    async def _describe(self) -> None:
        operation_id, run_id = self._some_run()
        request = DescribeNexusOperationExecutionRequest(
            namespace=NAMESPACE, operation_id=operation_id, run_id=run_id, include_outcome=True
        )
        self._note(await self._calls.ask(request, DescribeNexusOperationExecutionResponse))

    def _note(self, answer: Answer | None) -> None:
        if answer is not None and (answer.HasField("result") or answer.HasField("failure")):
            failure = answer.failure if answer.HasField("failure") else None
            self._promises.operations.append(
                OperationAnswer(run_id=answer.run_id, result=answer.result, failure=failure)
            )

    async def _cancel(self) -> None:
        operation_id, run_id = self._some_run()
        request = RequestCancelNexusOperationExecutionRequest(
            namespace=NAMESPACE,
            operation_id=operation_id,
            run_id=run_id,
            identity=self.name,
            request_id=self._calls.request_id(),
            reason="enough",
        )
        await self._calls.ask(request, RequestCancelNexusOperationExecutionResponse)

    async def _terminate(self) -> None:
        operation_id, run_id = self._some_run()
        request = TerminateNexusOperationExecutionRequest(
            namespace=NAMESPACE,
            operation_id=operation_id,
            run_id=run_id,
            identity=self.name,
            request_id=self._calls.request_id(),
            reason="enough",
        )
        await self._calls.ask(request, TerminateNexusOperationExecutionResponse)

    async def _delete(self) -> None:
        operation_id, run_id = self._some_run()
        request = DeleteNexusOperationExecutionRequest(
            namespace=NAMESPACE, operation_id=operation_id, run_id=run_id
        )
        await self._calls.ask(request, DeleteNexusOperationExecutionResponse)

    async def _look(self) -> None:
        if self._chance.random() < 0.5:
            listed = ListNexusOperationExecutionsRequest(namespace=NAMESPACE, page_size=100)
            await self._calls.ask(listed, ListNexusOperationExecutionsResponse)
        else:
            counted = CountNexusOperationExecutionsRequest(namespace=NAMESPACE)
            await self._calls.ask(counted, CountNexusOperationExecutionsResponse)
