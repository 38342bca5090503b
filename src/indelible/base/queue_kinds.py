"""The kinds of task queues, as numbers.

The generated enums look every value up by its name, in Python, each time one is asked for; a
workflow with one activity asks some twenty times for these.
"""

from typing import Final

from temporalio.api.enums.v1 import TaskQueueKind

NO_QUEUE_KIND: Final = TaskQueueKind.TASK_QUEUE_KIND_UNSPECIFIED
NORMAL_QUEUE: Final = TaskQueueKind.TASK_QUEUE_KIND_NORMAL
STICKY_QUEUE: Final = TaskQueueKind.TASK_QUEUE_KIND_STICKY
