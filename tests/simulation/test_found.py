"""What the simulator has found, each as the shortest script that shows it."""

from asyncio import gather
from collections.abc import Coroutine
from dataclasses import replace
from typing import TypeVar

import pytest
from google.protobuf.message import Message
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import EventType, ParentClosePolicy
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    DeleteWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    ResetWorkflowExecutionRequest,
    ResetWorkflowExecutionResponse,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
    TerminateWorkflowExecutionRequest,
    TerminateWorkflowExecutionResponse,
)

from indelible.base.instants import MILLISECOND, NO_DURATION, SECOND, Duration, duration_message
from indelible.ports.stores import Commit
from indelible.store.faulty import FaultRates
from simulation.checkers.journal import Journal
from simulation.workloads.commands import complete_workflow, start_child
from simulation.workloads.program import Program, RunChild, encode_input
from simulation.world.character import CALM
from simulation.world.disk import Watcher
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
        async def play() -> None:
            try:
                await scenes
                self.world.require_innocence()
            finally:
                await self.world.end()

        self.world.loop.run(play())

    async def call(self, method: str, request: Message, response_type: type[M]) -> M:
        return await self.world.call(
            Caller("script"), method, request, response_type, patience=Duration(5 * SECOND)
        )

    async def start(self, workflow_id: str, task_timeout: Duration = SECOND) -> str:
        request = StartWorkflowExecutionRequest(
            namespace=NAMESPACE,
            workflow_id=workflow_id,
            workflow_type=WorkflowType(name="any"),
            task_queue=QUEUE,
            input=encode_input(Program(steps=[])),
            workflow_task_timeout=duration_message(task_timeout),
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

    async def complete(self, task: PollWorkflowTaskQueueResponse, *commands: Command) -> None:
        request = RespondWorkflowTaskCompletedRequest(task_token=task.task_token, commands=commands)
        await self.call(
            "RespondWorkflowTaskCompleted", request, RespondWorkflowTaskCompletedResponse
        )

    async def delete(self, workflow_id: str) -> None:
        request = DeleteWorkflowExecutionRequest(
            namespace=NAMESPACE, workflow_execution=WorkflowExecution(workflow_id=workflow_id)
        )
        await self.call("DeleteWorkflowExecution", request, DeleteWorkflowExecutionResponse)

    def failing_after(self, workflow_id: str) -> Watcher:
        """Return a watcher that breaks the disk as soon as something is written of a workflow."""

        def watch(commit: Commit) -> None:
            self.journal.committed(commit)
            if any(write.key.workflow_id == workflow_id for write in commit.executions):
                assert self.world.node is not None
                self.world.node.store.rates = FaultRates(write_fails_before=1.0)
                self.world.disk.watcher = self.journal.committed

        return watch


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

    async def scenes() -> None:
        await quiet_world.start_node()
        assert quiet_world.node is not None
        await script.start("w")
        task = await script.poll()
        quiet_world.disk.watcher = script.failing_after("w.c")
        await script.complete(task, start_child(child, "w.c", NAMESPACE))
        await quiet_world.pause(Duration(20 * MILLISECOND))
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


def test_a_long_workflow_task_times_out_though_its_start_is_not_stored(
    quiet_world: World,
) -> None:
    """The deadline lies beyond the window of wake-ups in memory, and the store does not know it."""
    script = Script(quiet_world)

    async def scenes() -> None:
        await quiet_world.start_node()
        await script.start("w", task_timeout=Duration(90 * SECOND))
        await script.poll()
        await quiet_world.pause(Duration(91 * SECOND))
        assert EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT in await script.history("w")

    script.play(scenes())


def test_a_parent_is_told_of_a_child_that_is_deleted_at_once(quiet_world: World) -> None:
    """The report to the parent waits for the disk when the closed child is deleted."""
    script = Script(quiet_world)
    child = RunChild(op_id="c", program=Program(steps=[]), close_policy=1)

    async def scenes() -> None:
        await quiet_world.start_node()
        assert quiet_world.node is not None
        await script.start("w")
        await script.complete(await script.poll(), start_child(child, "w.c", NAMESPACE))
        await script.complete(await script.poll())
        task = await script.poll()
        assert task.workflow_execution.workflow_id == "w.c"
        quiet_world.disk.watcher = script.failing_after("w.c")
        await script.complete(task, complete_workflow())
        await quiet_world.pause(Duration(20 * MILLISECOND))
        quiet_world.node.store.rates = CALM
        await script.delete("w.c")
        await quiet_world.pause(Duration(5 * SECOND))
        closing = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED
        assert closing in await script.history("w")
        assert script.journal.run_ids("w.c") == []

    script.play(scenes())


def test_a_run_is_written_once_though_the_cache_is_small(quiet_world: World) -> None:
    """A reset finds the run by its id and as the current one; in between it left the cache."""
    character = replace(
        quiet_world.character,
        entries_max=1,
        disk=FaultRates(read_delay_max=Duration(5 * MILLISECOND)),
    )
    world = World(1, character)
    script = Script(world)

    async def scenes() -> None:
        await world.start_node()
        await script.start("other")
        run_id = await script.start("w")
        for _ in range(2):
            await script.complete(await script.poll())
        for number in range(20):
            request = ResetWorkflowExecutionRequest(
                namespace=NAMESPACE,
                workflow_execution=WorkflowExecution(workflow_id="w", run_id=run_id),
                workflow_task_finish_event_id=4,
                request_id=f"reset-{number}",
            )
            reset = script.call("ResetWorkflowExecution", request, ResetWorkflowExecutionResponse)
            crowd = gather(*(script.history("other") for _ in range(3)))
            answer, _ = await gather(reset, crowd)
            run_id = answer.run_id
            await script.complete(await script.poll())

    script.play(scenes())
