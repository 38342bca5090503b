"""What became of batch operations, held against the runs that they were to end.

Owns what a job must have done by its end. Must not know how a job finds its targets.
"""

from collections.abc import Callable, Iterator

from temporalio.api.enums.v1 import EventType

from indelible.engine.batch.state import BatchStatus
from simulation.checkers.journal import Job, Journal, name_of
from simulation.checkers.promises import Promises

Accuse = Callable[[str, str], None]
_TERMINATED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED


def check_batches(promises: Promises, journal: Journal, accuse: Accuse) -> None:
    """A job that has ended has touched each of its targets, and its counts add up."""
    for job in journal.batches.values():
        for fault in _faults(job, promises, journal):
            accuse("batches reach everybody", f"{name_of(job.key)}: {fault}")


def _faults(job: Job, promises: Promises, journal: Journal) -> Iterator[str]:
    core = job.state.core
    tried_count = core.complete_count + core.failure_count
    listed_count = promises.batch_lists.get(core.job_id)
    if listed_count is not None:
        if tried_count > listed_count:
            yield f"{tried_count} of {listed_count} targets were tried"
        if core.status is BatchStatus.COMPLETED and tried_count < listed_count:
            yield f"it has ended, and {tried_count} of {listed_count} targets were tried"
    if core.status is not BatchStatus.COMPLETED:
        return
    for workflow_id in promises.batch_targets[core.job_id]:
        for run in journal.of_workflow(workflow_id):
            if run.events[-1].event_type != _TERMINATED:
                yield f"it has ended, and {name_of(run.key)} was not"
