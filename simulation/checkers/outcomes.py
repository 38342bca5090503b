"""What was promised is kept (invariants 2, 3, 5, 9), and nothing is left lying about.

Owns the comparison of the ledger with the histories, and the hygiene of the store at the end.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from indelible.base.instants import NEVER, instant
from simulation.checkers.histories import TERMINAL
from simulation.checkers.journal import Journal, Run, name_of, short_name
from simulation.checkers.promises import Kind, Promise, Promises, SeenHistory
from simulation.workloads.worker import event_digest

_E: Final = EventType
Accuse = Callable[[str, str], None]
Place = tuple[Run, HistoryEvent]

_EVENTS_OF: Final[Mapping[Kind, Sequence[int]]] = {
    Kind.START: (_E.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,),
    Kind.SIGNAL: (_E.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,),
    Kind.CANCEL: (_E.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED,),
    Kind.TERMINATE: (_E.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,),
    Kind.WORKFLOW_TASK: (_E.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,),
    Kind.ACTIVITY: (
        _E.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
        _E.EVENT_TYPE_ACTIVITY_TASK_FAILED,
        _E.EVENT_TYPE_ACTIVITY_TASK_CANCELED,
    ),
}


def check_promises(promises: Promises, journal: Journal, accuse: Accuse) -> None:
    """Look for the effect of every request."""
    places = _places(journal)
    for promise in promises.by_mark.values():
        if promise.kind is Kind.STANDALONE:
            continue  # It has no history: see `checkers.activities`.
        found = [
            place
            for place in places.get(promise.mark, [])
            if place[1].event_type in _EVENTS_OF[promise.kind]
        ]
        for fault in _faults(promise, found, journal):
            accuse("promises are kept", f"{promise.kind.name} {promise.mark}: {fault}")
    for seen in promises.seen:
        for fault in _changed(seen, journal):
            accuse("what was shown stays true", f"{seen.who}: {fault}")


def _places(journal: Journal) -> Mapping[str, list[Place]]:
    places: dict[str, list[Place]] = {}
    for run in journal.runs.values():
        for event in run.own_events:
            attributes = getattr(event, str(event.WhichOneof("attributes")))
            identity = getattr(attributes, "identity", "")
            if identity:
                places.setdefault(identity, []).append((run, event))
    return places


def _faults(promise: Promise, found: Sequence[Place], journal: Journal) -> Iterator[str]:
    match promise.kind:
        case Kind.START:
            yield from _start_faults(promise, found, journal)
        case Kind.SIGNAL:
            yield from _signal_faults(promise, found)
        case Kind.WORKFLOW_TASK | Kind.ACTIVITY:
            yield from _token_faults(promise, found)
        case Kind.CANCEL:
            yield from _cancel_faults(promise, found, journal)
        case Kind.STANDALONE:
            return
        case Kind.TERMINATE:
            if promise.ok_count and not found:
                yield "was acknowledged, and no run was terminated by it"


def _start_faults(promise: Promise, found: Sequence[Place], journal: Journal) -> Iterator[str]:
    runs = [run for run, _ in found if not _is_continuation(run)]
    ids = [run.key.run_id for run in runs]
    for answer in promise.answers:
        if answer not in [run.key.run_id for run in journal.of_workflow(promise.workflow_id)]:
            yield f"was answered with the run {answer}, which does not exist"
    if len(set(promise.answers)) > 1:
        yield f"was answered with several runs: {promise.answers}"
    # Deduplication looks at the current run only, as in the reference service: a chain that went on
    # meanwhile, or was deleted, has forgotten the request.
    chain = journal.of_workflow(promise.workflow_id)
    is_forgotten = any(_is_continuation(run) or run.is_deleted for run in chain)
    if len(ids) > 1 and not is_forgotten:
        yield f"started several runs: {ids}"


def _is_continuation(run: Run) -> bool:
    started = run.events[0].workflow_execution_started_event_attributes
    return run.base is not None or bool(started.continued_execution_run_id)


def _signal_faults(promise: Promise, found: Sequence[Place]) -> Iterator[str]:
    """Deduplicated within a run: a repetition may reach a later run of the chain as well."""
    # A reset hears again what several runs of a chain have heard, each of them once.
    run_ids = [run.key.run_id for run, _ in found if run.base is None]
    if len(run_ids) != len(set(run_ids)):
        yield f"was recorded twice in one run: {run_ids}"
    if promise.ok_count and not found:
        yield "was acknowledged, and is in no history"
    if not promise.ok_count and not promise.vague_count and found:
        yield "was refused, and is in a history all the same"


def _token_faults(promise: Promise, found: Sequence[Place]) -> Iterator[str]:
    is_retried = promise.kind is Kind.ACTIVITY and promise.close_command == "fail"
    if promise.ok_count > 1:
        yield f"a token was taken {promise.ok_count} times"
    if len(found) > 1:
        yield f"had {len(found)} effects"
    if promise.ok_count and not found and not is_retried and not promise.is_traceless:
        yield "was acknowledged, and is in no history"
    if promise.refused_count and not promise.ok_count and not promise.vague_count and found:
        yield "was refused, and is in a history all the same"
    for run, event in found:
        if run.key.run_id != promise.run_id:
            yield f"has an effect in another run: {name_of(run.key)}"
        if promise.kind is Kind.WORKFLOW_TASK:
            yield from _completion_faults(promise, run, event)


def _completion_faults(promise: Promise, run: Run, event: HistoryEvent) -> Iterator[str]:
    started = event.workflow_task_completed_event_attributes.started_event_id
    if started != promise.started_event_id:
        yield f"completes {started}, and was about {promise.started_event_id}"
    if promise.close_command and promise.ok_count:
        last = run.events[-1]
        if last.event_type not in TERMINAL:
            yield "was to close the run, and the run is open"
        elif last.event_id != event.event_id + 1 and not _closed_with(run, event):
            yield f"was to close the run, and {short_name(last)} did"


def _closed_with(run: Run, completed: HistoryEvent) -> bool:
    last = run.events[-1]
    attributes = getattr(last, str(last.WhichOneof("attributes")))
    named: int = getattr(attributes, "workflow_task_completed_event_id", 0)
    return named == completed.event_id


def _cancel_faults(promise: Promise, found: Sequence[Place], journal: Journal) -> Iterator[str]:
    """An acknowledged request left a trace, or there was nothing to leave one in."""
    if not promise.ok_count or found:
        return
    for run in journal.of_workflow(promise.workflow_id):
        for event in run.events:
            is_reason = (
                event.event_type == _E.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
                or event.event_type in TERMINAL
            )
            if is_reason and instant(event.event_time) <= promise.ok_at:
                return
    yield "was acknowledged, and nobody was asked to cancel"


def _changed(seen: SeenHistory, journal: Journal) -> Iterator[str]:
    for run in journal.runs.values():
        if run.key.run_id != seen.run_id:
            continue
        truth = [event_digest(event) for event in run.events]
        for shown, true in zip(seen.events, truth, strict=False):
            if shown != true:
                name = EventType.DESCRIPTOR.values_by_number[shown[1]].name
                yield f"{name_of(run.key)}: event {shown[0]} was {name}, and is {true}"
                return
        if len(seen.events) > len(truth):
            yield f"{name_of(run.key)}: saw {len(seen.events)} events, and there are {len(truth)}"


def check_families(journal: Journal, accuse: Accuse) -> None:
    """A parent knows of its children what the children know of themselves."""
    for run in journal.runs.values():
        for event in run.events:
            closing = _CHILD_ENDS.get(event.event_type)
            if closing is None:
                continue
            attributes = getattr(event, str(event.WhichOneof("attributes")))
            execution = attributes.workflow_execution
            children = [
                child
                for child in journal.of_workflow(execution.workflow_id)
                if child.key.run_id == execution.run_id
            ]
            if not children:
                accuse("families agree", f"{name_of(run.key)}: {execution} does not exist")
            elif children[0].events[-1].event_type != closing:
                accuse(
                    "families agree",
                    f"{name_of(run.key)}: {short_name(event)}, and the child ended with"
                    f" {short_name(children[0].events[-1])}",
                )


_CHILD_ENDS: Final[Mapping[int, int]] = {
    _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED: _E.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED: _E.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
    _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED: _E.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
    _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT: _E.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
    _E.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED: _E.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
}


def check_hygiene(journal: Journal, accuse: Accuse) -> None:
    """When all runs are closed, nothing waits for anybody."""
    for row in journal.dispatches.values():
        accuse("nothing is left behind", f"{name_of(row.key)}: a task lies in {row.queue.name}")
    for row in journal.transfers.values():
        accuse("nothing is left behind", f"{name_of(row.key)}: transfer {row.task_id}")
    for run in journal.living():
        if not run.is_open and run.write.wake_at == NEVER:
            accuse("nothing is left behind", f"{name_of(run.key)}: its retention never ends")


def check_emptiness(journal: Journal, accuse: Accuse) -> None:
    """When the retention of all runs has ended, the store is empty."""
    for entity in journal.activities.values():
        if not entity.is_deleted:
            accuse("retention ends", f"activity {name_of(entity.key)} is still there")
    for contract in journal.operations.values():
        if not contract.is_deleted:
            accuse("retention ends", f"operation {name_of(contract.key)} is still there")
    for job in journal.batches.values():
        if not job.is_deleted:
            accuse("retention ends", f"batch operation {name_of(job.key)} is still there")
    for run in journal.living():
        accuse("retention ends", f"{name_of(run.key)} is still there")
    for chain in journal.currents:
        accuse("retention ends", f"{chain.workflow_id} still has a current run")
