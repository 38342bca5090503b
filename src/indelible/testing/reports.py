"""What a failed test shows of its workflows.

Owns which runs are shown and what is asked about them. Must not know pytest.
"""

from collections.abc import Mapping
from typing import Final

from google.protobuf.empty_pb2 import Empty
from temporalio.api.enums.v1 import TaskQueueType, WorkflowExecutionStatus
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowExecution

from indelible.base.instants import instant
from indelible.testing.standstill import Facts, reasons
from indelible.testing.timelines import timeline

_RUNS_MAX: Final = 5
_EVENTS_MAX: Final = 60


async def report(client: Client, metadata: Mapping[str, str | bytes]) -> list[tuple[str, str]]:
    """Return a heading and a text for each of the namespace's newest runs.

    `metadata` names the clock to ask for the present.
    """
    return [
        (_heading(run), "\n".join(await _lines(client, run, metadata)))
        async for run in client.list_workflows(limit=_RUNS_MAX)
    ]


def _heading(run: WorkflowExecution) -> str:
    status = "unknown" if run.status is None else run.status.name.lower()
    return f"workflow {run.id} ({run.workflow_type}), {status}"


async def _lines(
    client: Client, run: WorkflowExecution, metadata: Mapping[str, str | bytes]
) -> list[str]:
    handle = client.get_workflow_handle(run.id, run_id=run.run_id)
    events = (await handle.fetch_history()).events
    lines = timeline(events)
    if len(lines) > _EVENTS_MAX:
        half = _EVENTS_MAX // 2
        left_out = f"       ... {len(lines) - 2 * half} events ..."
        lines = [*lines[:half], left_out, *lines[-half:]]
    description = (await handle.describe()).raw_description
    status = description.workflow_execution_info.status
    if status != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING:
        return lines
    own_queue = description.execution_config.task_queue.name
    queues = {
        activity.activity_options.task_queue.name for activity in description.pending_activities
    }
    present = await client.test_service.get_current_time(Empty(), metadata=metadata)
    facts = Facts(
        description=description,
        events=events,
        workflow_pollers=await _pollers(client, own_queue, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW),
        activity_pollers={
            queue: await _pollers(client, queue, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
            for queue in sorted(queues)
        },
        now=instant(present.time),
    )
    return [*lines, "", *(f"It does not go on: {reason}." for reason in reasons(facts))]


async def _pollers(client: Client, queue: str, kind: TaskQueueType.ValueType) -> int:
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
        )
    )
    return len(answer.pollers)
