"""What the simulator has found, each as the shortest script that shows it."""

from collections.abc import Coroutine
from typing import TypeVar

import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import EventType, ParentClosePolicy
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
    TerminateWorkflowExecutionRequest,
    TerminateWorkflowExecutionResponse,
)

from indelible.base.instants import MILLISECOND, NO_DURATION, SECOND, Duration
from indelible.ports.stores import Commit
from indelible.store.faulty import FaultRates
from simulation.checkers.journal import Journal
from simulation.workloads.commands import start_child
from simulation.workloads.program import Program, RunChild, encode_input
from simulation.world.character import CALM
from simulation.world.network import Caller
from simulation.world.node import NAMESPACE
from simulation.world.world import World

pytestmark = pytest.mark.simulation

M = TypeVar("M", bound=Message)
QUEUE = TaskQueue(name="queue")


class Script:
    """A world, the journal of its disk, and a client's calls."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.journal = Journal(accuse=world.accuse, note=world.note)
        world.disk.watcher = self.journal.committed

    def play(self, scenes: Coroutine[object, object, None]) -> None:
        self.world.loop.run(scenes)
        self.world.require_innocence()

    async def call(self, method: str, request: Message, response_type: type[M]) -> M:
        return await self.world.call(
            Caller("script"), method, request, response_type, patience=Duration(5 * SECOND)
        )

    async def start(self, workflow_id: str) -> str:
        request = StartWorkflowExecutionRequest(
            namespace=NAMESPACE,
            workflow_id=workflow_id,
            workflow_type=WorkflowType(name="any"),
            task_queue=QUEUE,
            input=encode_input(Program(steps=[])),
        )
        started = await self.call("StartWorkflowExecution", request, StartWorkflowExecutionResponse)
        return started.run_id

    async def poll(self) -> PollWorkflowTaskQueueResponse:
        request = PollWorkflowTaskQueueRequest(namespace=NAMESPACE, task_queue=QUEUE)
        return await self.call("PollWorkflowTaskQueue", request, PollWorkflowTaskQueueResponse)

    async def history(self, workflow_id: str) -> list[int]:
        request = GetWorkflowExecutionHistoryRequest(
            namespace=NAMESPACE, execution=WorkflowExecution(workflow_id=workflow_id)
        )
        page = await self.call(
            "GetWorkflowExecutionHistory", request, GetWorkflowExecutionHistoryResponse
        )
        return [event.event_type for event in page.history.events]

    async def terminate(self, workflow_id: str) -> None:
        request = TerminateWorkflowExecutionRequest(
            namespace=NAMESPACE, workflow_execution=WorkflowExecution(workflow_id=workflow_id)
        )
        await self.call("TerminateWorkflowExecution", request, TerminateWorkflowExecutionResponse)


def test_an_event_that_was_shown_survives_a_crash(quiet_world: World) -> None:
    """The start of a workflow task is volatile, but not once a client has seen its event."""
    script = Script(quiet_world)

    async def scenes() -> None:
        await quiet_world.start_node()
        await script.start("w")
        await script.poll()
        shown = await script.history("w")
        assert shown[-1] == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
        await quiet_world.crash(NO_DURATION)
        assert await script.history("w") == shown

    script.play(scenes())


@pytest.mark.parametrize("policy", ["TERMINATE", "ABANDON"])
def test_a_child_whose_start_was_not_recorded_is_not_forgotten(
    quiet_world: World, policy: str
) -> None:
    """The child is there, its parent could not be told, and closes before it is told again."""
    script = Script(quiet_world)
    close_policy = ParentClosePolicy.Value(f"PARENT_CLOSE_POLICY_{policy}")
    child = RunChild(op_id="c", program=Program(steps=[]), close_policy=close_policy)

    def watch(commit: Commit) -> None:
        script.journal.committed(commit)
        if any(write.key.workflow_id == "w.c" for write in commit.executions):
            assert quiet_world.node is not None
            quiet_world.node.store.rates = broken if len(script.journal.runs) == 2 else CALM

    broken = FaultRates(write_fails_before=1.0)
    quiet_world.disk.watcher = watch

    async def scenes() -> None:
        await quiet_world.start_node()
        assert quiet_world.node is not None
        await script.start("w")
        task = await script.poll()
        completion = RespondWorkflowTaskCompletedRequest(
            task_token=task.task_token, commands=[start_child(child, "w.c", NAMESPACE)]
        )
        await script.call(
            "RespondWorkflowTaskCompleted", completion, RespondWorkflowTaskCompletedResponse
        )
        await quiet_world.pause(Duration(20 * MILLISECOND))
        quiet_world.disk.watcher = script.journal.committed
        quiet_world.node.store.rates = CALM
        await script.terminate("w")
        await quiet_world.pause(SECOND)
        run = script.journal.current_run("w.c")
        assert run is not None
        if policy == "TERMINATE":
            assert not run.is_open
        else:
            assert (await script.poll()).workflow_execution.workflow_id == "w.c"

    script.play(scenes())
