"""The request with which a schedule starts a workflow (semantics 11.4).

Owns its form: the id with the nominal time, what the action says, what the last run left behind.
"""

from functools import lru_cache
from typing import Final

import msgspec
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy, WorkflowIdReusePolicy
from temporalio.api.workflow.v1 import NewWorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest

from indelible.base.callback_token import (
    ScheduleToken,
    encode_schedule_token,
)
from indelible.base.civil_time import local_time
from indelible.base.instants import HOUR, MINUTE, NO_DURATION, SECOND, Instant
from indelible.base.messages import copy_present
from indelible.engine.schedule.state import BufferedStart, ScheduleCore, ScheduleState
from indelible.engine.schedule.step import Rules

SECONDS_KEPT: Final = 256
"""Many schedules act in the same second, and each writes it twice."""
SCHEDULED_START_TIME: Final = "TemporalScheduledStartTime"
SCHEDULED_BY_ID: Final = "TemporalScheduledById"
_COPIED: Final = (
    "workflow_type",
    "task_queue",
    "input",
    "workflow_execution_timeout",
    "workflow_run_timeout",
    "workflow_task_timeout",
    "retry_policy",
    "memo",
    "search_attributes",
    "header",
    "user_metadata",
    "versioning_override",
    "priority",
)
_REJECT_DUPLICATE: Final = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
_ALLOW_DUPLICATE: Final = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE


def start_request(
    state: ScheduleState, start: BufferedStart, rules: Rules, *, namespace_name: str
) -> StartWorkflowExecutionRequest:
    """Return the request for a start; the same one however often it is tried."""
    core = state.core
    action = NewWorkflowExecutionInfo.FromString(state.definition.action)
    is_repeatable = start.is_manual or rules.keeps_workflow_id
    request = StartWorkflowExecutionRequest(
        namespace=namespace_name,
        workflow_id=workflow_id(action.workflow_id, start, rules),
        identity=scheduler_identity(namespace_name, core.schedule_id),
        request_id=f"sched-{core.run_id}-{start.number}",
        workflow_id_reuse_policy=_ALLOW_DUPLICATE if is_repeatable else _REJECT_DUPLICATE,
        workflow_id_conflict_policy=WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
    )
    copy_present(action, request, _COPIED)
    _add_search_attributes(request, core, start)
    if not start.is_overlapping:
        if state.last_result:
            request.last_completion_result.ParseFromString(state.last_result)
        if state.last_failure:
            request.continued_failure.ParseFromString(state.last_failure)
    return request


def scheduler_identity(namespace_name: str, schedule_id: str) -> str:
    """Return the name under which a schedule acts."""
    return f"temporal-scheduler-{namespace_name}-{schedule_id}"


def token_of(core: ScheduleCore, start: BufferedStart) -> str:
    """Return the token by which the end of the workflow finds the schedule."""
    return encode_schedule_token(
        ScheduleToken(core.namespace_id, core.schedule_id, core.run_id, start.number)
    )


def workflow_id(given: str, start: BufferedStart, rules: Rules) -> str:
    """Return the id of the workflow of a start: with the nominal time, in UTC, behind (trap 63)."""
    return given if rules.keeps_workflow_id else f"{given}-{second_text(start.nominal)}"


@lru_cache(maxsize=SECONDS_KEPT)
def second_text(at: Instant) -> str:
    """Return an instant as a whole second in UTC, as RFC 3339 writes it."""
    local = local_time(at, NO_DURATION)
    of_day = local.nanosecond_of_day
    hour, minute, second = of_day // HOUR, of_day % HOUR // MINUTE, of_day % MINUTE // SECOND
    date = f"{local.year:04}-{local.month:02}-{local.day:02}"
    return f"{date}T{hour:02}:{minute:02}:{second:02}Z"


def _add_search_attributes(
    request: StartWorkflowExecutionRequest, core: ScheduleCore, start: BufferedStart
) -> None:
    """The schedule's own attributes are not the action's to choose."""
    fields = request.search_attributes.indexed_fields
    fields[SCHEDULED_START_TIME].CopyFrom(
        _json(msgspec.json.encode(second_text(start.nominal)), "Datetime")
    )
    fields[SCHEDULED_BY_ID].CopyFrom(_json(msgspec.json.encode(core.schedule_id), "Keyword"))


def _json(text: bytes, value_type: str) -> Payload:
    return Payload(metadata={"encoding": b"json/plain", "type": value_type.encode()}, data=text)
