"""Runs whose time has come: what is due is fired, and closed runs go when their retention ends."""

from contextlib import suppress

from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes

from indelible.base.errors import RunTooLargeError
from indelible.base.ids import FIRST_EVENT_ID, WorkflowKey
from indelible.engine.workflow.expirations.firing import fire_due
from indelible.engine.workflow.timer_sequence import DeadlineKind
from indelible.services.history.entries import Entry
from indelible.services.history.messaging import delete_run
from indelible.services.history.reading import read_event
from indelible.services.history.shard import Shard


class Expirations:
    """Answers the wake-ups of runs."""

    async def wake(self, shard: Shard, key: WorkflowKey, *, may_remove: bool) -> bool:
        """Fire what is due in a run; nothing happens if nothing is, or if it is gone.

        Returns false if the run has to be removed, and may not be.
        """
        chain = key.chain
        async with shard.locks.hold(chain):
            entry = await shard.find(chain, key.run_id)
            if entry is None:
                return True
            first = entry.timers.due(entry.state, shard.now_of(entry))
            if first is None:
                shard.note_deadline(entry)
            elif first.kind is DeadlineKind.RETENTION:
                if not may_remove:
                    return False
                await delete_run(shard, entry)
            else:
                start_event = await load_start_event(shard, entry)
                # A run that is too large for what is due has ended: there is nothing to repeat.
                with suppress(RunTooLargeError):
                    await shard.step(entry, lambda step: fire_due(step, entry.timers, start_event))
        return True


async def load_start_event(
    shard: Shard, entry: Entry
) -> WorkflowExecutionStartedEventAttributes | None:
    """Return how the run was started if another one may have to be started like it."""
    execution = entry.state.execution
    if not execution.retry_policy and not execution.cron_schedule:
        return None
    event = await read_event(shard, entry, FIRST_EVENT_ID)
    return event.workflow_execution_started_event_attributes
