"""Simulated clients: they start, signal, query, cancel, terminate, list, and repeat themselves.

A request that was not answered is sent again, with the same request id.

Owns what a client may conclude from an answer at once. What must hold at the end is in `checkers`.
"""

from random import Random
from typing import Final, TypeVar

from google.protobuf.message import Message
from temporalio.api.common.v1 import RetryPolicy, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy, WorkflowIdReusePolicy
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    DeleteWorkflowExecutionResponse,
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
    QueryWorkflowRequest,
    QueryWorkflowResponse,
    RequestCancelWorkflowExecutionRequest,
    RequestCancelWorkflowExecutionResponse,
    SignalWithStartWorkflowExecutionRequest,
    SignalWithStartWorkflowExecutionResponse,
    SignalWorkflowExecutionRequest,
    SignalWorkflowExecutionResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
    TerminateWorkflowExecutionRequest,
    TerminateWorkflowExecutionResponse,
)

from indelible.base.instants import MILLISECOND, SECOND, Duration
from simulation.checkers.journal import Journal
from simulation.checkers.promises import Kind, Promise, Promises
from simulation.workloads.calls import TIMEOUT, Calls
from simulation.workloads.commands import span
from simulation.workloads.program import draw_program, encode_input
from simulation.workloads.worker import Worker
from simulation.world.node import NAMESPACE
from simulation.world.world import World

_Reuse: Final = WorkflowIdReusePolicy
_Conflict: Final = WorkflowIdConflictPolicy
M = TypeVar("M", bound=Message)


class Client:
    """One client process, which looks after one workflow id and bothers others."""

    def __init__(
        self,
        world: World,
        promises: Promises,
        journal: Journal,
        workflow_id: str,
        peers: list[str],
    ) -> None:
        self.workflow_id = workflow_id
        self.name = f"client-{workflow_id}"
        self.process = world.process(self.name)
        self._peers = peers
        self._world = world
        self._promises = promises
        self._journal = journal
        self._calls = Calls(world, self.name)
        self._chance: Random = world.stream(f"client/{workflow_id}")
        self.is_busy = True
        """Until it has done the last thing that it had begun."""

    async def live(self, queue: str, workers: list[Worker]) -> None:
        """Start the workflow, and do something now and then until things are calm."""
        await self._start(queue, workers)
        acts = (
            (self._signal, 6),
            (self._query, 3),
            (self._describe, 2),
            (self._list, 2),
            (self._cancel, 1),
            (self._terminate, 0.5),
            (self._delete, 0.6),
            (lambda: self._start(queue, workers), 1),
            (lambda: self._signal_with_start(queue), 1),
        )
        while not self._world.is_calm:
            await self._world.pause(Duration(int(self._chance.random() * 2 * SECOND)))
            act = self._chance.choices([act for act, _ in acts], [weight for _, weight in acts])[0]
            await act()
        self.is_busy = False

    # -- calls -------------------------------------------------------------------------------------

    async def _call(
        self,
        request: Message,
        response_type: type[M],
        promise: Promise | None = None,
        *,
        patience: Duration = TIMEOUT,
    ) -> M | None:
        """Call, repeat while nobody knows what became of it; None for a refusal."""
        return await self._calls.ask(request, response_type, promise, patience=patience)

    def _target(self) -> str:
        children = [f"{self.workflow_id}.{step}{letter}" for step in "012" for letter in "ab"]
        if self._chance.random() < 0.15:
            return self._chance.choice(children)
        return self._chance.choice([self.workflow_id] * 4 + self._peers)

    # -- acts --------------------------------------------------------------------------------------

    async def _start(self, queue: str, workers: list[Worker]) -> None:
        chance = self._chance
        promise = self._promises.ask(Kind.START, self.workflow_id, who=self.name)
        request = StartWorkflowExecutionRequest(
            namespace=NAMESPACE,
            workflow_id=self.workflow_id,
            workflow_type=WorkflowType(name="program"),
            task_queue=TaskQueue(name=queue),
            input=encode_input(draw_program(chance, self.workflow_id, self._peers)),
            identity=promise.mark,
            request_id=self._calls.request_id(),
            workflow_task_timeout=span(chance.choice((1_000, 3_000, 3_000, 70_000))),
            workflow_run_timeout=span(chance.choice((0, 0, 0, 9_000))),
            workflow_execution_timeout=span(chance.choice((0, 0, 0, 15_000))),
            workflow_id_reuse_policy=_Reuse.ValueType(chance.choice((1, 1, 1, 2, 3))),
            workflow_id_conflict_policy=_Conflict.ValueType(chance.choice((1, 1, 2, 3))),
            request_eager_execution=self._world.character.is_eager,
            workflow_start_delay=span(chance.choice((0, 0, 0, 0, 1_500))),
        )
        if (
            request.workflow_id_reuse_policy == _Reuse.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
            and (
                request.workflow_id_conflict_policy
                == _Conflict.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
            )
        ):
            request.workflow_id_conflict_policy = _Conflict.WORKFLOW_ID_CONFLICT_POLICY_FAIL
        self._add_repetition(request)
        response = await self._call(request, StartWorkflowExecutionResponse, promise)
        if response is None:
            return
        if response.started:
            promise.answers.append(response.run_id)
        if response.eager_workflow_task.task_token and workers:
            worker = chance.choice(workers)
            if not worker.process.is_dead:
                work = worker.work_on(response.eager_workflow_task)
                worker.process.spawn("eager workflow task", work)
        await self._list()

    def _add_repetition(self, request: StartWorkflowExecutionRequest) -> None:
        kind = self._chance.random()
        if kind < 0.15:
            request.retry_policy.CopyFrom(
                RetryPolicy(
                    initial_interval=span(300),
                    backoff_coefficient=2,
                    maximum_attempts=self._chance.choice((2, 4)),
                )
            )
        elif kind < 0.25:
            request.cron_schedule = self._chance.choice(("@every 2s", "@every 5s"))
            request.ClearField("workflow_start_delay")
            request.request_eager_execution = False

    async def _signal_with_start(self, queue: str) -> None:
        promise = self._promises.ask(Kind.SIGNAL, self.workflow_id, who=self.name)
        request = SignalWithStartWorkflowExecutionRequest(
            namespace=NAMESPACE,
            workflow_id=self.workflow_id,
            workflow_type=WorkflowType(name="program"),
            task_queue=TaskQueue(name=queue),
            input=encode_input(draw_program(self._chance, self.workflow_id, self._peers)),
            identity=promise.mark,
            request_id=self._calls.request_id(),
            signal_name="with start",
            workflow_task_timeout=span(2_000),
            workflow_id_reuse_policy=_Reuse.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
            workflow_id_conflict_policy=_Conflict.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
        )
        await self._call(
            request,
            SignalWithStartWorkflowExecutionResponse,
            promise,
        )

    async def _signal(self) -> None:
        target = self._target()
        promise = self._promises.ask(Kind.SIGNAL, target, who=self.name)
        request = SignalWorkflowExecutionRequest(
            namespace=NAMESPACE,
            workflow_execution=WorkflowExecution(workflow_id=target),
            signal_name="hello",
            identity=promise.mark,
            request_id=self._calls.request_id(),
        )
        response = await self._call(request, SignalWorkflowExecutionResponse, promise)
        if response is not None and self._chance.random() < 0.2:
            # As a proxy in between may do: the same request again, after it was answered.
            await self._call(request, SignalWorkflowExecutionResponse)

    async def _cancel(self) -> None:
        target = self._target()
        promise = self._promises.ask(Kind.CANCEL, target, who=self.name)
        request = RequestCancelWorkflowExecutionRequest(
            namespace=NAMESPACE,
            workflow_execution=WorkflowExecution(workflow_id=target),
            identity=promise.mark,
            request_id=self._calls.request_id(),
        )
        await self._call(
            request,
            RequestCancelWorkflowExecutionResponse,
            promise,
        )

    async def _terminate(self) -> None:
        await self.terminate(self._target())

    async def terminate(self, target: str) -> None:
        """End the current run of a workflow id."""
        promise = self._promises.ask(Kind.TERMINATE, target, who=self.name)
        request = TerminateWorkflowExecutionRequest(
            namespace=NAMESPACE,
            workflow_execution=WorkflowExecution(workflow_id=target),
            reason="enough",
            identity=promise.mark,
        )
        await self._call(request, TerminateWorkflowExecutionResponse, promise)

    async def _delete(self) -> None:
        # No children: a deletion does not wait yet until a parent was told (tests/simulation).
        target = self._chance.choice([self.workflow_id, *self._peers])
        request = DeleteWorkflowExecutionRequest(
            namespace=NAMESPACE, workflow_execution=WorkflowExecution(workflow_id=target)
        )
        await self._call(request, DeleteWorkflowExecutionResponse)

    async def _query(self) -> None:
        """Ask how many signals a run has had: at least those that it had when we asked."""
        run = self._journal.current_run(self.workflow_id)
        if run is None:
            return
        expected = run.signal_count
        request = QueryWorkflowRequest(
            namespace=NAMESPACE,
            execution=WorkflowExecution(workflow_id=self.workflow_id, run_id=run.key.run_id),
            query=WorkflowQuery(query_type="signal count"),
        )
        response = await self._call(
            request,
            QueryWorkflowResponse,
            patience=Duration(self._chance.choice((1, 5, 12)) * SECOND),
        )
        if response is None or self._world.may_reads_be_stale:
            return
        if not response.HasField("query_rejected"):
            answer = int(response.query_result.payloads[0].data)
            if answer < expected:
                self._world.accuse(
                    "queries see what was acknowledged",
                    f"{self.workflow_id} {run.key.run_id[-6:]} answered {answer} signals,"
                    f" and had {expected}",
                )

    async def _describe(self) -> None:
        run = self._journal.current_run(self.workflow_id)
        request = DescribeWorkflowExecutionRequest(
            namespace=NAMESPACE, execution=WorkflowExecution(workflow_id=self.workflow_id)
        )
        length = run.length if run is not None else 0
        response = await self._call(request, DescribeWorkflowExecutionResponse)
        if response is None or run is None or self._world.may_reads_be_stale:
            return
        described = response.workflow_execution_info
        if described.execution.run_id == run.key.run_id and described.history_length < length:
            self._world.accuse(
                "reads see what was acknowledged",
                f"{self.workflow_id}: described with {described.history_length} events of {length}",
            )

    async def _list(self) -> None:
        """Whatever was started before must be listed."""
        expected = self._journal.run_ids(self.workflow_id)
        request = ListWorkflowExecutionsRequest(
            namespace=NAMESPACE, query=f"WorkflowId = '{self.workflow_id}'", page_size=1000
        )
        response = await self._call(request, ListWorkflowExecutionsResponse)
        if response is None:
            return
        listed = {row.execution.run_id for row in response.executions}
        missing = [
            run_id
            for run_id in expected
            if run_id not in listed and run_id in self._journal.run_ids(self.workflow_id)
        ]
        if missing:
            self._world.accuse("a list sees what was started", f"{self.workflow_id}: {missing}")

    async def put_to_rest(self) -> None:
        """When all is calm: end what would go on for ever."""
        while True:
            run = self._journal.current_run(self.workflow_id)
            if run is not None and run.is_open and run.record.cron_schedule:
                await self.terminate(self.workflow_id)
            await self._world.pause(Duration(500 * MILLISECOND))
