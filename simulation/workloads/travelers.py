"""A client that has the time of its workflow skipped, and waits for the ends of fast-forwards.

Owns the check that whoever is told of such an end finds the clock of the run behind it.
"""

from random import Random
from typing import Final

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import (
    FastForwardConfig,
    TimeSkippingConfig,
    WorkflowExecution,
    WorkflowType,
)
from temporalio.api.enums.v1 import FastForwardPollingResult
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    PollWorkflowExecutionTimeSkippingRequest,
    PollWorkflowExecutionTimeSkippingResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
    UpdateWorkflowExecutionOptionsRequest,
    UpdateWorkflowExecutionOptionsResponse,
)

from indelible.base.instants import SECOND, Duration
from simulation.checkers.promises import Kind, Promises
from simulation.workloads.calls import Calls
from simulation.workloads.commands import span
from simulation.workloads.program import draw_program, encode_input
from simulation.world.node import NAMESPACE
from simulation.world.world import World

_COMPLETED: Final = FastForwardPollingResult.FAST_FORWARD_POLLING_RESULT_FAST_FORWARD_COMPLETED


class Traveler:
    """Looks after one workflow, whose clock is its own."""

    def __init__(self, world: World, promises: Promises, queue: str) -> None:
        self.name = "traveler"
        self.process = world.process(self.name)
        self._world = world
        self._promises = promises
        self._queue = queue
        self._calls = Calls(world, self.name)
        self._chance: Random = world.stream(self.name)
        self._count = 0
        self.is_busy = True
        """Until it has done the last thing that it had begun."""

    async def live(self) -> None:
        """Start a workflow, and move its clock now and then."""
        while not self._world.is_calm:
            await self._start()
            for _ in range(self._chance.randint(1, 4)):
                await self._world.pause(Duration(int(self._chance.random() * SECOND)))
                await self._travel()
        self.is_busy = False

    def _config(self, name: str) -> TimeSkippingConfig:
        config = TimeSkippingConfig(
            enabled=True, max_session_skip_count=self._chance.choice((0, 0, 2))
        )
        if name:
            config.fast_forward_config.CopyFrom(
                FastForwardConfig(id=name, duration=span(self._chance.choice((200, 2_000, 90_000))))
            )
        return config

    async def _start(self) -> None:
        promise = self._promises.ask(Kind.START, self.name, who=self.name)
        request = StartWorkflowExecutionRequest(
            namespace=NAMESPACE,
            workflow_id=self.name,
            workflow_type=WorkflowType(name="program"),
            task_queue=TaskQueue(name=self._queue),
            input=encode_input(draw_program(self._chance, self.name, [self.name])),
            identity=promise.mark,
            request_id=self._calls.request_id(),
            workflow_task_timeout=span(3_000),
            workflow_run_timeout=span(self._chance.choice((0, 9_000))),
            workflow_start_delay=span(self._chance.choice((0, 0, 5_000))),
            time_skipping_config=self._config(self._chance.choice(("", "first"))),
        )
        response = await self._calls.ask(request, StartWorkflowExecutionResponse, promise)
        if response is not None and response.started:
            promise.answers.append(response.run_id)

    async def _travel(self) -> None:
        """Fast-forward the run there is, and wait for the end."""
        self._count += 1
        name = f"f{self._count}"
        execution = WorkflowExecution(workflow_id=self.name)
        changed = await self._calls.ask(
            UpdateWorkflowExecutionOptionsRequest(
                namespace=NAMESPACE,
                workflow_execution=execution,
                workflow_execution_options=WorkflowExecutionOptions(
                    time_skipping_config=self._config(name)
                ),
                update_mask=FieldMask(paths=["time_skipping_config"]),
                identity=self.name,
            ),
            UpdateWorkflowExecutionOptionsResponse,
        )
        if changed is None:
            return
        told = await self._calls.ask(
            PollWorkflowExecutionTimeSkippingRequest(
                namespace=NAMESPACE, workflow_execution=execution, fast_forward_id=name
            ),
            PollWorkflowExecutionTimeSkippingResponse,
            patience=Duration(self._chance.choice((2, 30)) * SECOND),
        )
        if told is not None and told.fast_forward_polling_result == _COMPLETED:
            await self._look(name)

    async def _look(self, name: str) -> None:
        described = await self._calls.ask(
            DescribeWorkflowExecutionRequest(
                namespace=NAMESPACE, execution=WorkflowExecution(workflow_id=self.name)
            ),
            DescribeWorkflowExecutionResponse,
        )
        if described is None:
            return
        clock = described.workflow_extended_info.time_skipping_info
        there = clock.fast_forward_info
        now, target = clock.current_time.ToNanoseconds(), there.target_time.ToNanoseconds()
        if there.fast_forward_id == name and not (there.has_completed and now >= target):
            self._world.accuse("a fast-forward that is over stays over", f"{name}: {clock}")
