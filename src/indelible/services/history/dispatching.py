"""Dispatch tasks that nobody wants any more."""

from indelible.base.ids import WorkflowKey
from indelible.ports.dispatch_tasks import AnyDispatch
from indelible.ports.stores import Commit
from indelible.services.history.shard import Shard, queue_key


async def drop_obsolete(shard: Shard, key: WorkflowKey, task: AnyDispatch) -> None:
    """Remove the row of a task that its run does not know any more.

    A crash before the removal leaves a row that is found obsolete again.
    """
    await shard.write(
        Commit(
            shard_id=shard.shard_id,
            range_id=shard.range_id,
            dispatches_removed=((queue_key(key, task), task.task_id),),
        )
    )
