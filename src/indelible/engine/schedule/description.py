"""What clients are told of a schedule (semantics 11.5)."""

from typing import Final

from temporalio.api.common.v1 import Memo, WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.schedule.v1 import (
    Schedule,
    ScheduleActionResult,
    ScheduleInfo,
    SchedulePolicies,
    ScheduleSpec,
    ScheduleState as StateMessage,
)
from temporalio.api.workflow.v1 import NewWorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeScheduleResponse

from indelible.base.instants import NEVER, timestamp
from indelible.engine.schedule.advancing import future_times
from indelible.engine.schedule.changes import conflict_token
from indelible.engine.schedule.overlaps import SKIP
from indelible.engine.schedule.spec import write_out_ranges
from indelible.engine.schedule.state import ScheduleCore, ScheduleDefinition, StartedAction
from indelible.engine.schedule.step import ScheduleStep

FUTURE_TIMES_MAX: Final = 10


def describe(step: ScheduleStep) -> DescribeScheduleResponse:
    """Return all that is known of a schedule, but for its search attributes."""
    core, definition = step.core, step.state.definition
    response = DescribeScheduleResponse(
        schedule=_schedule(core, definition),
        info=_told(step),
        conflict_token=conflict_token(core),
    )
    if definition.memo:
        response.memo.CopyFrom(Memo.FromString(definition.memo))
    return response


def _schedule(core: ScheduleCore, definition: ScheduleDefinition) -> Schedule:
    schedule = Schedule(
        spec=ScheduleSpec.FromString(definition.spec),
        policies=SchedulePolicies.FromString(definition.policies),
        state=StateMessage(
            notes=core.notes,
            paused=core.is_paused,
            limited_actions=core.is_limited,
            remaining_actions=core.remaining_count,
        ),
    )
    schedule.action.start_workflow.CopyFrom(NewWorkflowExecutionInfo.FromString(definition.action))
    write_out_ranges(schedule.spec)
    # A catch-up window that nobody has set stays unset, as SDKs compare what they read with what
    # they wrote. (The reference, 1.32, shows its default.)
    schedule.policies.overlap_policy = schedule.policies.overlap_policy or SKIP
    return schedule


def _told(step: ScheduleStep) -> ScheduleInfo:
    core = step.core
    told = ScheduleInfo(
        action_count=core.action_count,
        missed_catchup_window=core.missed_catchup_count,
        overlap_skipped=core.overlap_skipped_count,
        buffer_dropped=core.buffer_dropped_count,
        buffer_size=len(step.state.buffer),
        running_workflows=[
            WorkflowExecution(workflow_id=action.workflow_id, run_id=action.first_run_id)
            for action in core.running
        ],
        recent_actions=[action_result(action) for action in core.recent],
        future_action_times=[timestamp(one.at) for one in future_times(step, FUTURE_TIMES_MAX)],
        create_time=timestamp(core.created_at),
        invalid_schedule_error=step.rules.fault,
    )
    if core.updated_at != NEVER:
        told.update_time.CopyFrom(timestamp(core.updated_at))
    return told


def action_result(action: StartedAction) -> ScheduleActionResult:
    """Return an action as clients see it."""
    return ScheduleActionResult(
        schedule_time=timestamp(action.at),
        actual_time=timestamp(action.started_at),
        start_workflow_result=WorkflowExecution(
            workflow_id=action.workflow_id, run_id=action.first_run_id
        ),
        start_workflow_status=WorkflowExecutionStatus.ValueType(action.status),
    )
