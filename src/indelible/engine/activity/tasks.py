"""The durable tasks of a standalone activity: an attempt for a worker, a callback to call."""

import msgspec

from indelible.base.fair_shares import UNKEYED, FairShare
from indelible.base.ids import TaskId


class ActivityExecutionDispatch(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="activity_execution"
):
    """Give the current attempt of a standalone activity to a worker of the queue.

    Valid only while the state names the same `task_id`.
    """

    task_id: TaskId
    queue_name: str
    priority: int = 0
    share: FairShare = UNKEYED


class CallActivityCallback(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="call_activity_callback"
):
    """Tell somebody how the activity has ended, and record the outcome."""

    task_id: TaskId
    number: int
    """Of the callback, among those of the activity."""
    attempt: int
