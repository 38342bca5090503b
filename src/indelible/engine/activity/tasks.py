"""The task of a standalone activity that lies in a task queue until a worker has it."""

import msgspec

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
