"""The search attributes that the service sets itself: what is paused, and what goes wrong.

Owns their values, which follow from the state and are stored nowhere else (semantics 2.9, 4.2,
7.9). Must not know the row in which they are searched.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowTaskFailedCause

from indelible.engine.workflow.state import StateView

PAUSES: Final = "TemporalPauseInfo"
REPORTED_PROBLEMS: Final = "TemporalReportedProblems"
PROBLEMS_MIN: Final = 5
"""So many workflow tasks must fail in a row before it is reported."""

Entries = Mapping[str, Sequence[str]]


def system_entries(state: StateView) -> Entries:
    """Return the values by attribute; an attribute without a value is not there."""
    execution = state.execution
    entries: dict[str, Sequence[str]] = {}
    if execution.pause is not None or execution.paused_activity_count:
        entries[PAUSES] = _pause_entries(state)
    if execution.is_open and execution.workflow_task_attempt > PROBLEMS_MIN:
        entries[REPORTED_PROBLEMS] = _problem_entries(execution.last_failed_task_cause)
    return entries


def system_attributes(state: StateView) -> Mapping[str, bytes]:
    """Return the attributes as serialized payloads, like those that users set."""
    return {
        name: Payload(
            metadata={"encoding": b"json/plain", "type": b"KeywordList"},
            data=msgspec.json.encode(list(values)),
        ).SerializeToString()
        for name, values in system_entries(state).items()
    }


def _pause_entries(state: StateView) -> Sequence[str]:
    execution = state.execution
    entries: list[str] = []
    if execution.pause is not None:
        entries.append(f"Workflow:{execution.workflow_id}")
        if execution.pause.reason:
            entries.append(f"Reason:{execution.pause.reason}")
    if execution.paused_activity_count:
        paused = [
            record.activity_type for record in state.activities.values() if record.pause is not None
        ]
        entries += [f"property:activityType={name}" for name in dict.fromkeys(paused)]
    return entries


def _problem_entries(cause: int) -> Sequence[str]:
    if not cause:
        return (
            "category=WorkflowTaskTimedOut",
            "cause=WorkflowTaskTimedOutCauseStartToClose",
        )
    name = WorkflowTaskFailedCause.Name(WorkflowTaskFailedCause.ValueType(cause))
    words = name.removeprefix("WORKFLOW_TASK_FAILED_CAUSE_").title().replace("_", "")
    return ("category=WorkflowTaskFailed", f"cause=WorkflowTaskFailedCause{words}")
