"""A backlog of expired runs leaves room for everybody else."""

from collections.abc import Callable, Coroutine
from random import Random  # noqa: TID251 - a seed makes the run repeat
from typing import Final

import pytest
from temporalio.api.workflowservice.v1 import (
    StartActivityExecutionRequest,
    StartWorkflowExecutionRequest,
    TerminateActivityExecutionRequest,
    TerminateWorkflowExecutionRequest,
)

from indelible.base.instants import HOUR, MILLISECOND, MINUTE, SECOND, Duration, Instant
from indelible.base.limits import Limits
from indelible.ports.rpc import Call
from indelible.ports.stores import Commit
from indelible.services.frontend.rpcs import WORKFLOW_SERVICE
from indelible.services.history.service import REMOVALS_AT_ONCE_MAX
from indelible.store.faulty import NO_FAULTS
from simulation.world.disk import Disk
from simulation.world.loop import SimulatedLoop
from simulation.world.node import NAMESPACE, Node
from simulation.world.process import adopt_by_owner

pytestmark = pytest.mark.simulation

RUN_COUNT: Final = 10 * REMOVALS_AT_ONCE_MAX
COMMIT_TIME: Final = Duration(5 * MILLISECOND)
End = Callable[[Node, str], Coroutine[object, object, None]]
CALL: Final = Call(service=WORKFLOW_SERVICE, method="", peer="test", metadata={}, deadline=None)


class SlowDisk(Disk):
    """Takes its time, one write after the other, and counts the removals."""

    def __init__(self, loop: SimulatedLoop) -> None:
        super().__init__(shard_count=4)
        self.removed = 0
        self._loop = loop

    async def commit(self, *commits: Commit) -> None:
        await self._loop.pause(COMMIT_TIME)
        await super().commit(*commits)
        self.removed += sum(len(commit.deleted) for commit in commits)


async def removals_before_a_start(loop: SimulatedLoop, disk: SlowDisk, end: End) -> int:
    """Let many runs expire while the node is down, then start another one in their midst."""
    node = await serving(loop, disk)
    for number in range(RUN_COUNT):
        await node.process.start(end(node, f"ended-{number}"))
    await node.die()
    await loop.pause(Duration(2 * HOUR))
    node = await serving(loop, disk)
    while not disk.removed:
        await loop.pause(COMMIT_TIME)
    before = disk.removed
    await node.process.start(begin(node, "newcomer"))
    found = disk.removed - before
    await loop.pause(Duration(MINUTE))
    assert disk.removed == RUN_COUNT
    await node.die()
    return found


async def serving(loop: SimulatedLoop, disk: SlowDisk) -> Node:
    node = Node(
        "node",
        disk,
        loop=loop,
        chance=Random(1),  # noqa: S311
        rates=NO_FAULTS,
        retention=Duration(HOUR),
        entries_max=100,
        limits=Limits(),
    )
    await node.process.start(node.start())
    return node


async def begin(node: Node, workflow_id: str) -> None:
    request = StartWorkflowExecutionRequest(
        namespace=NAMESPACE, workflow_id=workflow_id, request_id=workflow_id
    )
    request.workflow_type.name = request.task_queue.name = "any"
    await node.handler("StartWorkflowExecution")(request, CALL)


async def end_workflow(node: Node, workflow_id: str) -> None:
    await begin(node, workflow_id)
    request = TerminateWorkflowExecutionRequest(namespace=NAMESPACE)
    request.workflow_execution.workflow_id = workflow_id
    await node.handler("TerminateWorkflowExecution")(request, CALL)


async def end_activity(node: Node, activity_id: str) -> None:
    request = StartActivityExecutionRequest(
        namespace=NAMESPACE, activity_id=activity_id, request_id=activity_id
    )
    request.activity_type.name = request.task_queue.name = "any"
    request.start_to_close_timeout.seconds = 60
    await node.handler("StartActivityExecution")(request, CALL)
    end = TerminateActivityExecutionRequest(namespace=NAMESPACE, activity_id=activity_id)
    await node.handler("TerminateActivityExecution")(end, CALL)


@pytest.mark.parametrize("end", [end_workflow, end_activity])
def test_a_start_waits_for_few_of_many_expired_runs(end: End) -> None:
    loop = SimulatedLoop(Random(1), start=Instant(SECOND), is_shuffled=False)  # noqa: S311
    loop.new_task = adopt_by_owner
    found = loop.run(removals_before_a_start(loop, SlowDisk(loop), end))
    assert found <= REMOVALS_AT_ONCE_MAX + 1  # One was under way.
