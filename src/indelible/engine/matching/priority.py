"""The order of the tasks in a queue.

Owns the priority levels and the place of a task in its queue. Must not know how tasks are kept.
"""

from typing import Final

from indelible.base.ids import TaskId

PRIORITY_FIRST: Final = 1
PRIORITY_DEFAULT: Final = 3
PRIORITY_LAST: Final = 5

TaskPlace = tuple[int, int, TaskId]
"""Priority, pass and task id: smaller places are served first. Unique within a queue."""

BEFORE_ALL: Final[TaskPlace] = (0, 0, TaskId(0))
BEHIND_ALL: Final[TaskPlace] = (1 << 62, 0, TaskId(0))


def effective_priority(key: int) -> int:
    """Return the level of a priority key: 0 means the default, too high a key the last."""
    return min(key, PRIORITY_LAST) if key > 0 else PRIORITY_DEFAULT


def just_before(place: TaskPlace) -> TaskPlace:
    """Return a place behind every smaller one, and before the given one."""
    return (place[0], place[1], TaskId(place[2] - 1))
