"""What is asked for an activity: its names, policy, priority and timeouts.

Owns the checks that activities of workflows and standalone ones share, with the texts that users
see, and what the timeouts mean where some are left out (semantics 7.1).
"""

from typing import NamedTuple

from temporalio.api.command.v1 import ScheduleActivityTaskCommandAttributes
from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.workflowservice.v1 import StartActivityExecutionRequest

from indelible.base.attributes import (
    duration_fault,
    overlength,
    priority_fault,
)
from indelible.base.instants import NO_DURATION, Duration, duration
from indelible.base.retry_policies import retry_policy_fault

ActivityOptions = ScheduleActivityTaskCommandAttributes | StartActivityExecutionRequest
"""Messages that ask for an activity; the fields that matter here have the same names."""


def activity_fault(given: ActivityOptions, policy: RetryPolicy, *, id_bytes_max: int) -> str | None:
    """Return what is wrong with what is asked for, by itself; None if nothing is.

    `policy` is the complete form of the retry policy.
    """
    return (
        _names_unset_fault(given)
        or retry_policy_fault(policy)
        or _names_length_fault(given, id_bytes_max)
        or _priority_fault(given)
        or _timeouts_fault(given)
    )


def _names_unset_fault(given: ActivityOptions) -> str | None:
    if not given.activity_id:
        return "activityId is not set"
    if not given.activity_type.name:
        return "activityType is not set"
    return None


def _names_length_fault(given: ActivityOptions, bytes_max: int) -> str | None:
    names = {"activityId": given.activity_id, "activityType": given.activity_type.name}
    for what, name in names.items():
        excess = overlength(name, bytes_max)
        if excess is not None:
            return f"{what} exceeds length limit. {excess}"
    return None


def _priority_fault(given: ActivityOptions) -> str | None:
    fault = priority_fault(given.priority)
    return None if fault is None else f"invalid priorities: {fault}"


def _timeouts_fault(given: ActivityOptions) -> str | None:
    timeouts = {
        "ScheduleToCloseTimeout": given.schedule_to_close_timeout,
        "ScheduleToStartTimeout": given.schedule_to_start_timeout,
        "StartToCloseTimeout": given.start_to_close_timeout,
        "HeartbeatTimeout": given.heartbeat_timeout,
    }
    for what, timeout in timeouts.items():
        fault = duration_fault(timeout)
        if fault is not None:
            return f"invalid {what}: {fault}"
    if not (duration(given.schedule_to_close_timeout) or duration(given.start_to_close_timeout)):
        return (
            "a valid StartToCloseTimeout or ScheduleToCloseTimeout must be set on the activity. "
            f"ActivityId={given.activity_id} ActivityType={given.activity_type.name}"
        )
    return None


class Timeouts(NamedTuple):
    """The timeouts of an activity; zero for none."""

    schedule_to_close: Duration
    schedule_to_start: Duration
    start_to_close: Duration
    heartbeat: Duration


def given_timeouts(given: ActivityOptions) -> Timeouts:
    """Return the timeouts as they were asked for."""
    return Timeouts(
        schedule_to_close=duration(given.schedule_to_close_timeout),
        schedule_to_start=duration(given.schedule_to_start_timeout),
        start_to_close=duration(given.start_to_close_timeout),
        heartbeat=duration(given.heartbeat_timeout),
    )


def effective_timeouts(given: Timeouts, *, run_timeout: Duration = NO_DURATION) -> Timeouts:
    """Fill in what is left out, and let no timeout outlast one that contains it (trap 24).

    `run_timeout` is that of the workflow around the activity, if there is one.
    """
    schedule_to_close, schedule_to_start, start_to_close, heartbeat = given
    if schedule_to_close:
        schedule_to_start = min(schedule_to_start or schedule_to_close, schedule_to_close)
        start_to_close = min(start_to_close or schedule_to_close, schedule_to_close)
    else:
        schedule_to_close = run_timeout
        schedule_to_start = schedule_to_start or run_timeout
    if run_timeout:
        schedule_to_close = min(schedule_to_close, run_timeout)
        schedule_to_start = min(schedule_to_start, run_timeout)
        start_to_close = min(start_to_close, run_timeout)
    return Timeouts(
        schedule_to_close, schedule_to_start, start_to_close, min(heartbeat, start_to_close)
    )
