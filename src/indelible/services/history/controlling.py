"""What operators say to a run and its activities: pause, go on, begin anew, other options.

Owns no rule: each request is one step, and the rules are in `engine.workflow.requests`.
"""

from collections.abc import Mapping

from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes
from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    PauseWorkflowExecutionRequest,
    ResetActivityRequest,
    TriggerWorkflowRuleRequest,
    UnpauseActivityRequest,
    UnpauseWorkflowExecutionRequest,
    UpdateActivityOptionsRequest,
    UpdateActivityOptionsResponse,
    UpdateWorkflowExecutionOptionsRequest,
    UpdateWorkflowExecutionOptionsResponse,
)

from indelible.base.ids import ChainKey, EventId, WorkflowId
from indelible.base.workflow_rules import WorkflowRule
from indelible.engine.namespace.record import Namespace
from indelible.engine.workflow.requests.pause_activity import pause_activity, unpause_activity
from indelible.engine.workflow.requests.pause_workflow import pause_workflow, unpause_workflow
from indelible.engine.workflow.requests.reset_activity import reset_activity
from indelible.engine.workflow.requests.trigger_workflow_rule import trigger_workflow_rule
from indelible.engine.workflow.requests.update_activity_options import update_activity_options
from indelible.engine.workflow.requests.update_workflow_options import update_workflow_options
from indelible.services.history.entries import Entry
from indelible.services.history.messaging import target
from indelible.services.history.reading import read_event
from indelible.services.history.shard import Shard
from indelible.services.history.shards import Shards


class ControlOperations:
    """Steps of existing runs that operators ask for."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards

    async def pause_workflow(
        self, namespace: Namespace, request: PauseWorkflowExecutionRequest
    ) -> None:
        """Pause a run."""
        chain = ChainKey(namespace.id, WorkflowId(request.workflow_id))
        await self._shards.of(chain).update(
            chain, request.run_id, lambda step: pause_workflow(step, request)
        )

    async def unpause_workflow(
        self, namespace: Namespace, request: UnpauseWorkflowExecutionRequest
    ) -> None:
        """Let a paused run go on."""
        chain = ChainKey(namespace.id, WorkflowId(request.workflow_id))
        await self._shards.of(chain).update(
            chain, request.run_id, lambda step: unpause_workflow(step, request)
        )

    async def update_workflow_options(
        self, namespace: Namespace, request: UpdateWorkflowExecutionOptionsRequest
    ) -> UpdateWorkflowExecutionOptionsResponse:
        """Change options of a run, and return those that it has."""
        chain, run_id = target(namespace, request.workflow_execution)
        options = await self._shards.of(chain).update(
            chain, run_id, lambda step: update_workflow_options(step, request)
        )
        return UpdateWorkflowExecutionOptionsResponse(workflow_execution_options=options)

    async def pause_activity(self, namespace: Namespace, request: PauseActivityRequest) -> None:
        """Pause activities of a run."""
        chain, run_id = target(namespace, request.execution)
        await self._shards.of(chain).update(
            chain, run_id, lambda step: pause_activity(step, request)
        )

    async def unpause_activity(self, namespace: Namespace, request: UnpauseActivityRequest) -> None:
        """Let paused activities of a run go on."""
        chain, run_id = target(namespace, request.execution)
        await self._shards.of(chain).update(
            chain, run_id, lambda step: unpause_activity(step, request)
        )

    async def reset_activity(self, namespace: Namespace, request: ResetActivityRequest) -> None:
        """Have activities of a run begin with their first attempt again."""
        chain, run_id = target(namespace, request.execution)
        shard = self._shards.of(chain)
        async with shard.hold(chain, run_id) as entry:
            originals = await _originals(shard, entry, is_needed=request.restore_original_options)
            await shard.step(entry, lambda step: reset_activity(step, request, originals))

    async def update_activity_options(
        self, namespace: Namespace, request: UpdateActivityOptionsRequest
    ) -> UpdateActivityOptionsResponse:
        """Change options of activities of a run, and return those of the last one."""
        chain, run_id = target(namespace, request.execution)
        shard = self._shards.of(chain)
        async with shard.hold(chain, run_id) as entry:
            originals = await _originals(shard, entry, is_needed=request.restore_original)
            options = await shard.step(
                entry, lambda step: update_activity_options(step, request, originals)
            )
        return UpdateActivityOptionsResponse(activity_options=options)

    async def trigger_workflow_rule(
        self, namespace: Namespace, request: TriggerWorkflowRuleRequest, rule: WorkflowRule
    ) -> bool:
        """Pause what a rule is about in a run; return whether there was anything."""
        chain, run_id = target(namespace, request.execution)
        return await self._shards.of(chain).update(
            chain, run_id, lambda step: trigger_workflow_rule(step, rule)
        )


async def _originals(
    shard: Shard, entry: Entry, *, is_needed: bool
) -> Mapping[int, ActivityTaskScheduledEventAttributes]:
    """Return how the pending activities were scheduled, if somebody wants to know."""
    if not is_needed:
        return {}
    return {
        scheduled_event_id: (
            await read_event(shard, entry, EventId(scheduled_event_id))
        ).activity_task_scheduled_event_attributes
        for scheduled_event_id in entry.state.activities
    }
