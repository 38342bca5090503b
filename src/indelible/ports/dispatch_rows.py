"""A task on its way to a worker, as it lies in its queue.

Owns both directions between `QueuedTask` and `DispatchRow`, so that who writes a row and who reads
it agree on its place in the queue. Must not know when a row is written or read.
"""

from typing import Final

import msgspec

from indelible.base.invariants import invariant
from indelible.engine.matching.priority import TaskPlace, effective_priority
from indelible.ports.clients import QueuedTask
from indelible.ports.dispatch_tasks import AnyDispatch
from indelible.ports.stores import DispatchRow

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(AnyDispatch)


def place_in_queue(queued: QueuedTask) -> TaskPlace:
    """Return where a task stands in its queue."""
    task = queued.task
    return (effective_priority(task.priority), queued.pass_number, task.task_id)


def dispatch_row(queued: QueuedTask) -> DispatchRow:
    """Return the row of a task."""
    priority, pass_number, task_id = place_in_queue(queued)
    return DispatchRow(
        queue=queued.queue,
        priority=priority,
        pass_number=pass_number,
        task_id=task_id,
        fairness_key=queued.task.share.key,
        key=queued.key,
        created_at=queued.created_at,
        blob=_encoder.encode(queued.task),
    )


def queued_task(row: DispatchRow) -> QueuedTask:
    """Return the task of a row."""
    queued = QueuedTask(
        queue=row.queue,
        key=row.key,
        created_at=row.created_at,
        task=_decoder.decode(row.blob),
        pass_number=row.pass_number,
    )
    # A row elsewhere than its offer would be served twice, or behind the window and never.
    invariant(place_in_queue(queued) == row.place, "a row lies in its task's place")
    return queued
