"""Activity tasks on their way to a worker and back. The rules are in `engine.workflow`."""

from collections.abc import Callable
from typing import TypeVar

from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueResponse,
    RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
)

from indelible.base.ids import ChainKey, EventId, WorkflowId, WorkflowKey
from indelible.engine.namespace.record import Namespace
from indelible.engine.workflow.requests.record_activity_heartbeat import (
    record_activity_heartbeat,
)
from indelible.engine.workflow.requests.respond_activity_task_canceled import (
    respond_activity_task_canceled,
)
from indelible.engine.workflow.requests.respond_activity_task_completed import (
    respond_activity_task_completed,
)
from indelible.engine.workflow.requests.respond_activity_task_failed import (
    respond_activity_task_failed,
)
from indelible.engine.workflow.requests.start_activity_task import start_activity_task
from indelible.engine.workflow.rules.activities import ActivityTarget, activity_task_response
from indelible.engine.workflow.state import ActivityRecord
from indelible.engine.workflow.tasks import ActivityTaskDispatch
from indelible.engine.workflow.transition import Transition
from indelible.ports.clients import Poller
from indelible.services.history.dispatching import drop_obsolete
from indelible.services.history.entries import Entry
from indelible.services.history.reading import read_event
from indelible.services.history.shard import Shard
from indelible.services.history.shards import Shards

T = TypeVar("T")


class ActivityOperations:
    """Starts attempts, and takes what workers say of them."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards

    async def start_activity_task(
        self, key: WorkflowKey, task: ActivityTaskDispatch, poller: Poller
    ) -> PollActivityTaskQueueResponse | None:
        """Mark an attempt as started, durably, and return what the worker must know of it."""
        chain = key.chain
        shard = self._shards.of(chain)
        async with shard.locks.hold(chain):
            entry = await shard.find(chain, key.run_id)
            record = None
            if entry is not None:
                record = await shard.step(
                    entry,
                    lambda step: start_activity_task(
                        step,
                        task,
                        identity=poller.identity,
                        request_id=poller.request_id,
                        version=poller.version,
                    ),
                )
            if entry is None or record is None:
                await drop_obsolete(shard, key, task)
                return None
            return await started_activity(shard, entry, record)

    async def respond_activity_completed(
        self,
        namespace: Namespace,
        request: RespondActivityTaskCompletedRequest,
        target: ActivityTarget,
    ) -> None:
        """Close an activity with its result; `NotFoundError` if it is not pending any more."""
        await self._respond(
            namespace, target, lambda step: respond_activity_task_completed(step, request, target)
        )

    async def respond_activity_failed(
        self,
        namespace: Namespace,
        request: RespondActivityTaskFailedRequest,
        target: ActivityTarget,
    ) -> None:
        """Fail an attempt: it is tried again, or the activity is closed."""
        await self._respond(
            namespace, target, lambda step: respond_activity_task_failed(step, request, target)
        )

    async def respond_activity_canceled(
        self,
        namespace: Namespace,
        request: RespondActivityTaskCanceledRequest,
        target: ActivityTarget,
    ) -> None:
        """Close an activity that was asked to stop; `InvalidArgumentError` if it was not."""
        await self._respond(
            namespace, target, lambda step: respond_activity_task_canceled(step, request, target)
        )

    async def record_activity_heartbeat(
        self,
        namespace: Namespace,
        request: RecordActivityTaskHeartbeatRequest,
        target: ActivityTarget,
    ) -> RecordActivityTaskHeartbeatResponse:
        """Keep what an attempt reports, and tell its worker what is wanted of it."""
        return await self._respond(
            namespace, target, lambda step: record_activity_heartbeat(step, request, target)
        )

    async def _respond(
        self, namespace: Namespace, target: ActivityTarget, decision: Callable[[Transition], T]
    ) -> T:
        chain = ChainKey(namespace.id, WorkflowId(target.workflow_id))
        return await self._shards.of(chain).update(chain, target.run_id, decision)


async def started_activity(
    shard: Shard, entry: Entry, record: ActivityRecord
) -> PollActivityTaskQueueResponse:
    """Return an attempt that was started, as its worker gets it."""
    scheduled = await read_event(shard, entry, EventId(record.scheduled_event_id))
    return activity_task_response(entry.state.execution, record, scheduled)
