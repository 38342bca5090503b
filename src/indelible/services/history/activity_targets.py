"""Which activity a worker means: one of a workflow, or a standalone one.

Owns the distinction: whatever names no workflow is standalone.
"""

from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueResponse,
    RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
)

from indelible.base.ids import WorkflowKey
from indelible.engine.activity.attempts import ActivityTarget
from indelible.engine.activity.tasks import ActivityExecutionDispatch
from indelible.engine.namespace.record import Namespace
from indelible.ports.clients import Poller
from indelible.ports.dispatch_tasks import AnyActivityDispatch
from indelible.services.history.activities import ActivityOperations
from indelible.services.history.activity_executions import ActivityExecutions


class ActivityTargets:
    """Hands what is about an activity to those who keep it; the methods are as theirs."""

    def __init__(self, workflows: ActivityOperations, standalone: ActivityExecutions) -> None:
        self._workflows = workflows
        self._standalone = standalone

    async def start_activity_task(
        self, key: WorkflowKey, task: AnyActivityDispatch, poller: Poller
    ) -> PollActivityTaskQueueResponse | None:
        """Mark an attempt as started, durably; None if the task is obsolete."""
        if isinstance(task, ActivityExecutionDispatch):
            return await self._standalone.start_attempt(key, task, poller)
        return await self._workflows.start_activity_task(key, task, poller)

    async def respond_activity_completed(
        self,
        namespace: Namespace,
        request: RespondActivityTaskCompletedRequest,
        target: ActivityTarget,
    ) -> None:
        """Close an activity with its result."""
        if target.workflow_id:
            await self._workflows.respond_activity_completed(namespace, request, target)
        else:
            await self._standalone.respond_completed(namespace, request, target)

    async def respond_activity_failed(
        self,
        namespace: Namespace,
        request: RespondActivityTaskFailedRequest,
        target: ActivityTarget,
    ) -> None:
        """Fail an attempt."""
        if target.workflow_id:
            await self._workflows.respond_activity_failed(namespace, request, target)
        else:
            await self._standalone.respond_failed(namespace, request, target)

    async def respond_activity_canceled(
        self,
        namespace: Namespace,
        request: RespondActivityTaskCanceledRequest,
        target: ActivityTarget,
    ) -> None:
        """Close an activity that was asked to stop."""
        if target.workflow_id:
            await self._workflows.respond_activity_canceled(namespace, request, target)
        else:
            await self._standalone.respond_canceled(namespace, request, target)

    async def record_activity_heartbeat(
        self,
        namespace: Namespace,
        request: RecordActivityTaskHeartbeatRequest,
        target: ActivityTarget,
    ) -> RecordActivityTaskHeartbeatResponse:
        """Keep what an attempt reports."""
        if target.workflow_id:
            return await self._workflows.record_activity_heartbeat(namespace, request, target)
        return await self._standalone.record_heartbeat(namespace, request, target)
