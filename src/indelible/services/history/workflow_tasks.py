"""Workflow tasks on their way to a worker.

Owns what a poll gets. What comes back is in `completing`; the rules are in `engine.workflow`.
"""

from typing import Final

from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueResponse

from indelible.base.errors import workflow_task_not_found
from indelible.base.ids import EventId, WorkflowKey
from indelible.engine.workflow.requests.start_workflow_task import (
    TaskStart,
    start_workflow_task,
)
from indelible.engine.workflow.tasks import WorkflowTaskDispatch
from indelible.ports.clients import Poller
from indelible.services.history.dispatching import drop_obsolete
from indelible.services.history.entries import Entry
from indelible.services.history.shard import Shard
from indelible.services.history.shards import Shards
from indelible.services.history.task_responses import task_response


class WorkflowTaskOperations:
    """Gives workflow tasks to workers, and takes what comes back."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards
        self._queries = shards.queries

    async def start_workflow_task(
        self, key: WorkflowKey, task: WorkflowTaskDispatch, poller: Poller
    ) -> PollWorkflowTaskQueueResponse | None:
        """Mark a workflow task as started and return it; None if it is not to be had."""
        chain = key.chain
        shard = self._shards.of(chain)
        async with shard.locks.hold(chain):
            entry = await shard.find(chain, key.run_id)
            if entry is None:
                await drop_obsolete(shard, key, task)
                return None
            outcome = await shard.step(
                entry,
                lambda step: start_workflow_task(
                    step,
                    task,
                    request_id=poller.request_id,
                    identity=poller.identity,
                    build_id=poller.build_id,
                    version=poller.version,
                ),
            )
            if outcome is TaskStart.STARTED:
                return await self.started_task(shard, entry, is_sticky=task.is_sticky)
            if outcome is TaskStart.OBSOLETE:
                await drop_obsolete(shard, key, task)
            return None

    async def started_task(
        self, shard: Shard, entry: Entry, *, is_sticky: bool, is_heartbeat: bool = False
    ) -> PollWorkflowTaskQueueResponse:
        """Return the started workflow task of a run, as its worker gets it.

        After a heartbeat, the worker still has the updates that it was given before.
        """
        task = entry.state.execution.workflow_task
        if task is None:
            raise workflow_task_not_found()
        response = await task_response(
            shard, entry, task, is_partial=is_sticky, queries=self._queries.of_run(entry.key)
        )
        response.messages.extend(
            self._shards.updates.send(
                entry.key,
                started_event_id=task.started_event_id,
                is_first_time_only=is_heartbeat,
            )
        )
        return response

    async def repeat_eager_task(
        self, shard: Shard, entry: Entry
    ) -> PollWorkflowTaskQueueResponse | None:
        """Return the first workflow task again to a client whose answer was lost (trap 50)."""
        task = entry.state.execution.workflow_task
        is_first = task is not None and task.started_event_id == EAGER_STARTED_EVENT_ID
        if task is None or not is_first or task.attempt > 1 or task.dispatch is not None:
            return None
        return await self.started_task(shard, entry, is_sticky=False)


EAGER_STARTED_EVENT_ID: Final = EventId(3)
