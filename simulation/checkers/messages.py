"""What was told of updates, resets and operations, held against the histories.

Owns the rules that go across requests and runs. Must not know how a request is sent.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from temporalio.api.enums.v1 import EventType, UpdateWorkflowExecutionLifecycleStage
from temporalio.api.history.v1 import HistoryEvent

from simulation.checkers.journal import Journal, Run, name_of, short_name
from simulation.checkers.promises import Promises, UpdateAnswer
from simulation.workloads.protocol import REFUSAL, result_of

_E: Final = EventType
_ACCEPTED: Final = (
    UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
)
UNPROCESSED: Final = "UnprocessedUpdate"
Accuse = Callable[[str, str], None]


def check_updates(promises: Promises, journal: Journal, accuse: Accuse) -> None:
    """An answered update is in the history once, a rejected one is not, an accepted one stays."""
    for run in journal.runs.values():
        for kind, ids in _update_ids(run).items():
            if len(ids) != len(set(ids)):
                accuse("updates happen once", f"{name_of(run.key)}: {kind} {ids}")
    runs: dict[str, Run] = {run.key.run_id: run for run in journal.runs.values()}
    for answer in promises.updates:
        run = runs.get(answer.run_id)
        if run is None:
            accuse("updates are kept", f"{answer.update_id}: there is no run {answer.run_id}")
            continue
        for fault in _answer_faults(answer, run):
            accuse("updates are kept", f"{name_of(run.key)} {answer.update_id}: {fault}")


def _update_ids(run: Run) -> Mapping[str, list[str]]:
    ids: dict[str, list[str]] = {"accepted": [], "completed": []}
    for event in run.events:
        if event.event_type == _E.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
            given = event.workflow_execution_update_accepted_event_attributes
            ids["accepted"].append(given.protocol_instance_id)
        elif event.event_type == _E.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
            done = event.workflow_execution_update_completed_event_attributes
            ids["completed"].append(done.meta.update_id)
    return ids


def _answer_faults(answer: UpdateAnswer, run: Run) -> Iterator[str]:
    ids = _update_ids(run)
    is_accepted = answer.update_id in ids["accepted"]
    is_completed = answer.update_id in ids["completed"]
    match answer.outcome.WhichOneof("value"):
        case "success":
            if not is_completed:
                yield "was answered, and its answer is in no history"
            if answer.outcome.success != result_of(answer.update_id):
                yield f"was answered with {answer.outcome.success}"
        case "failure":
            kind = answer.outcome.failure.application_failure_info.type
            if kind == REFUSAL and (is_accepted or is_completed):
                yield "was rejected, and is in the history all the same"
            # An update that nobody looked at is rejected too, and its id may be used again.
            if kind not in {REFUSAL, UNPROCESSED} and is_completed:
                yield f"was answered with {answer.outcome.failure.message!r}, and it is completed"
        case _:
            if answer.stage == _ACCEPTED and not is_accepted:
                yield "was accepted, and the history does not know it"


def check_resets(promises: Promises, journal: Journal, accuse: Accuse) -> None:
    """A reset run has heard the signals that came after its point, in their order."""
    for run in journal.runs.values():
        if run.base is None or run.base.key.run_id in promises.unheard:
            continue
        heard = iter(_signals(run.own_events))
        missing = [mark for mark in _signals(run.left_behind) if mark not in heard]
        if missing:
            accuse("a reset hears the signals again", f"{name_of(run.key)}: not {missing}")


def _signals(events: Sequence[HistoryEvent]) -> list[str]:
    return [
        event.workflow_execution_signaled_event_attributes.identity
        for event in events
        if event.event_type == _E.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    ]


_OPERATION_ENDS: Final[Mapping[int, Sequence[int]]] = {
    _E.EVENT_TYPE_NEXUS_OPERATION_COMPLETED: (_E.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,),
    _E.EVENT_TYPE_NEXUS_OPERATION_CANCELED: (_E.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,),
    _E.EVENT_TYPE_NEXUS_OPERATION_FAILED: (
        _E.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        _E.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        _E.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
    ),
}


def check_operations(journal: Journal, accuse: Accuse) -> None:
    """An operation that a workflow stood behind ended as one of its runs did."""
    for run in journal.runs.values():
        started: dict[int, str] = {}
        for event in run.events:
            if event.event_type == _E.EVENT_TYPE_NEXUS_OPERATION_STARTED:
                given = event.nexus_operation_started_event_attributes
                started[given.scheduled_event_id] = given.operation_token
            ends = _OPERATION_ENDS.get(event.event_type)
            if ends is None:
                continue
            attributes = getattr(event, str(event.WhichOneof("attributes")))
            token = started.get(attributes.scheduled_event_id)
            if not token:
                continue  # Answered at once, or told of its end before it was told of its start.
            closings = [one.events[-1] for one in journal.of_workflow(token)]
            if not any(closing.event_type in ends for closing in closings):
                accuse(
                    "operations agree",
                    f"{name_of(run.key)}: {short_name(event)}, and {token} ended with"
                    f" {[short_name(closing) for closing in closings]}",
                )
