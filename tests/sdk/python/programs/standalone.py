"""Activities that tests start without a workflow."""

import asyncio
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError


@activity.defn
async def double(number: int) -> int:
    """Return twice the number."""
    return 2 * number


@activity.defn
async def describe_surroundings() -> list[object]:
    """Return what the worker was told of the activity."""
    told = activity.info()
    return [told.activity_id, told.workflow_id, told.workflow_run_id, told.attempt]


@activity.defn
async def fail_once_with_heartbeat() -> str:
    """Fail after a heartbeat, then return what was left of it."""
    told = activity.info()
    if told.attempt == 1:
        activity.heartbeat("left behind")
        raise ApplicationError("again", next_retry_delay=timedelta(milliseconds=10))
    return str(told.heartbeat_details[0])


@activity.defn
async def beat_until_told_to_stop() -> None:
    """Report for ever, and end when the server says so."""
    while True:
        activity.heartbeat()
        await asyncio.sleep(0.05)
