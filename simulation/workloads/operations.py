"""Simulated handlers of Nexus operations: they answer at once, refuse, or start a workflow.

Owns how each behaviour of an operation looks from the handler's side. Must not know its caller.
"""

from random import Random
from typing import Final

from google.protobuf.message import Message
from temporalio.api.common.v1 import Callback, Payload, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy, WorkflowIdReusePolicy
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure, NexusHandlerFailureInfo
from temporalio.api.nexus.v1 import (
    CancelOperationResponse,
    Response,
    StartOperationRequest,
    StartOperationResponse,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollNexusTaskQueueRequest,
    PollNexusTaskQueueResponse,
    RequestCancelWorkflowExecutionRequest,
    RequestCancelWorkflowExecutionResponse,
    RespondNexusTaskCompletedRequest,
    RespondNexusTaskCompletedResponse,
    RespondNexusTaskFailedRequest,
    RespondNexusTaskFailedResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)

from indelible.base.errors import StatusCode
from indelible.base.instants import MILLISECOND, SECOND, Duration
from simulation.workloads.calls import Calls
from simulation.workloads.commands import deployment_of, span
from simulation.workloads.program import decode_operation, encode_input
from simulation.world.network import Caller, RpcError
from simulation.world.node import NAMESPACE
from simulation.world.process import Process
from simulation.world.world import World

_FAILURES: Final = 0.05
"""Of tasks that fail and are tried again, even if all is well."""
_STALE: Final = frozenset({StatusCode.INVALID_ARGUMENT})
"""What may be answered where a callback's token has lost its run."""


class OperationWorker:
    """The Nexus side of a worker."""

    def __init__(self, world: World, name: str, queue: str, process: Process, build: str) -> None:
        self._world = world
        self._name = name
        self._queue = queue
        self._process = process
        self._build = build
        self._caller = Caller(name)
        self._calls = Calls(world, f"operations/{name}")
        self._chance: Random = self._calls.chance

    def start(self) -> None:
        """Begin to poll."""
        self._process.spawn("nexus poller", self._poll())

    async def _poll(self) -> None:
        while True:
            request = PollNexusTaskQueueRequest(
                namespace=NAMESPACE,
                task_queue=TaskQueue(name=self._queue),
                identity=self._name,
                deployment_options=deployment_of(self._build),
            )
            try:
                task = await self._world.call(
                    self._caller,
                    "PollNexusTaskQueue",
                    request,
                    PollNexusTaskQueueResponse,
                    patience=Duration(self._chance.choice((5, 60)) * SECOND),
                )
            except RpcError:
                await self._world.pause(Duration(200 * MILLISECOND))
                continue
            if task.task_token:
                self._process.spawn("operation", self._work_on(task))

    async def _work_on(self, task: PollNexusTaskQueueResponse) -> None:
        if self._chance.random() < self._world.mischief.forget:
            return
        await self._world.pause(Duration(self._chance.choice((0, 5, 300)) * MILLISECOND))
        if self._chance.random() < max(self._world.mischief.fail, _FAILURES):
            await self._fail(task)
        elif task.request.HasField("cancel_operation"):
            await self._cancel(task, task.request.cancel_operation.operation_token)
        else:
            await self._begin(task, task.request.start_operation)

    async def _begin(self, task: PollNexusTaskQueueResponse, asked: StartOperationRequest) -> None:
        match asked.operation:
            case "at_once":
                answer = StartOperationResponse(
                    sync_success=StartOperationResponse.Sync(payload=Payload(data=b"1"))
                )
            case "refused":
                answer = StartOperationResponse(
                    failure=Failure(
                        message="no",
                        application_failure_info=ApplicationFailureInfo(
                            type="No", non_retryable=True
                        ),
                    )
                )
            case "by_workflow":
                if not await self._start_workflow(asked):
                    await self._fail(task)
                    return
                answer = _started(_workflow_id(asked))
            case _:
                answer = _started("nobody")
        await self._complete(task, Response(start_operation=answer))

    async def _start_workflow(self, asked: StartOperationRequest) -> bool:
        callback = Callback(
            nexus=Callback.Nexus(url=asked.callback, header=dict(asked.callback_header))
        )
        request = StartWorkflowExecutionRequest(
            namespace=NAMESPACE,
            workflow_id=_workflow_id(asked),
            workflow_type=WorkflowType(name="program"),
            task_queue=TaskQueue(name=self._queue),
            input=encode_input(decode_operation(asked.payload).program),
            workflow_task_timeout=span(2_000),
            request_id=asked.request_id,
            completion_callbacks=[callback],
            workflow_id_reuse_policy=(
                WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
            ),
            workflow_id_conflict_policy=(WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL),
        )
        answer = await self._calls.ask(request, StartWorkflowExecutionResponse)
        return answer is not None

    async def _cancel(self, task: PollNexusTaskQueueResponse, workflow_id: str) -> None:
        request = RequestCancelWorkflowExecutionRequest(
            namespace=NAMESPACE, workflow_execution=WorkflowExecution(workflow_id=workflow_id)
        )
        await self._calls.ask(request, RequestCancelWorkflowExecutionResponse)
        await self._complete(task, Response(cancel_operation=CancelOperationResponse()))

    async def _complete(self, task: PollNexusTaskQueueResponse, response: Response) -> None:
        request = RespondNexusTaskCompletedRequest(
            namespace=NAMESPACE,
            identity=self._name,
            task_token=task.task_token,
            response=response,
        )
        await self._answer(request, RespondNexusTaskCompletedResponse)

    async def _fail(self, task: PollNexusTaskQueueResponse) -> None:
        failure = Failure(
            message="later", nexus_handler_failure_info=NexusHandlerFailureInfo(type="INTERNAL")
        )
        request = RespondNexusTaskFailedRequest(
            namespace=NAMESPACE, identity=self._name, task_token=task.task_token, failure=failure
        )
        await self._answer(request, RespondNexusTaskFailedResponse)

    async def _answer(self, request: Message, response_type: type[Message]) -> None:
        await self._calls.ask(request, response_type, also_expected=_STALE)


def _workflow_id(asked: StartOperationRequest) -> str:
    """One workflow per operation, however often the operation is started."""
    return f"n.{asked.request_id}"


def _started(token: str) -> StartOperationResponse:
    return StartOperationResponse(async_success=StartOperationResponse.Async(operation_token=token))
