"""How much of a run is on its way to a worker or with one.

Owns what keeps time from being skipped where it can be. Whatever waits for its time only (a timer,
a retry interval, a start delay) is not work. Must not know a clock.
"""

from indelible.engine.workflow.state import ActivityRecord, StateView


def pending_work_count(state: StateView) -> int:
    """Return how many workflow tasks and attempts of activities are scheduled or started."""
    execution = state.execution
    if not execution.is_open:
        return 0
    task = execution.workflow_task
    # What a paused run has scheduled goes to no worker until it is unpaused.
    is_due = task is not None and (task.is_started or execution.pause is None)
    return is_due + sum(_is_due(activity) for activity in state.activities.values())


def _is_due(activity: ActivityRecord) -> bool:
    return activity.is_started or not (activity.is_backing_off or activity.pause is not None)
