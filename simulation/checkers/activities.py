"""What was told of standalone activities, held against what is stored of them.

Owns the rules of their outcomes. Must not know how a request is sent.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from indelible.engine.activity.state import ActivityStatus
from simulation.checkers.journal import Entity, Journal, name_of
from simulation.checkers.promises import Kind, Promise, Promises

Accuse = Callable[[str, str], None]
_REPORTED: Final[Mapping[str, frozenset[ActivityStatus]]] = {
    "complete": frozenset({ActivityStatus.COMPLETED}),
    "cancel": frozenset({ActivityStatus.CANCELED}),
}
"""What an acknowledged report leaves for ever; a failure may be followed by another attempt."""


def check_activities(promises: Promises, journal: Journal, accuse: Accuse) -> None:
    """Everybody is told the same outcome, and what was acknowledged has its effect."""
    for entity in journal.activities.values():
        for fault in _attempt_faults(entity, promises):
            accuse("attempts begin in their time", f"{name_of(entity.key)}: {fault}")
    states: dict[str, Entity] = {
        entity.key.run_id: entity for entity in journal.activities.values()
    }
    told: dict[str, bytes] = {}
    for answer in promises.outcomes:
        outcome = answer.outcome.SerializeToString(deterministic=True)
        if told.setdefault(answer.run_id, outcome) != outcome:
            accuse("an outcome is told once", f"{answer.run_id}: {answer.outcome}")
        entity = states.get(answer.run_id)
        if entity is None:
            accuse("an outcome is true", f"there is no activity {answer.run_id}")
            continue
        is_success = answer.outcome.WhichOneof("value") == "result"
        if is_success != (entity.state.core.status is ActivityStatus.COMPLETED):
            accuse("an outcome is true", f"{name_of(entity.key)}: {entity.state.core.status}")
    for promise in promises.by_mark.values():
        if promise.kind is Kind.STANDALONE:
            for fault in _report_faults(promise, states.get(promise.run_id)):
                accuse("reports are kept", f"{promise.mark}: {fault}")


def _attempt_faults(entity: Entity, promises: Promises) -> Iterator[str]:
    """Attempts are counted one by one, anew after a reset; none begins in a paused activity."""
    attempt, reset_count = 0, 0
    holds = [hold for hold in promises.holds if hold.run_id == entity.key.run_id]
    for begin in entity.begins:
        expected = attempt + 1 if begin.reset_count == reset_count else 1
        if begin.attempt != expected:
            yield f"attempt {begin.attempt} began, and {expected} was to come"
        attempt, reset_count = begin.attempt, begin.reset_count
        if any(hold.covers(begin.at) for hold in holds):
            yield f"attempt {begin.attempt} began at {begin.at}, while it was paused"


def _report_faults(promise: Promise, entity: Entity | None) -> Iterator[str]:
    if promise.ok_count > 1:
        yield f"was taken {promise.ok_count} times"
    wanted = _REPORTED.get(promise.close_command)
    if entity is None or not promise.ok_count or wanted is None:
        return
    if entity.state.core.status not in wanted:
        yield f"{promise.close_command}, and the activity is {entity.state.core.status.name}"
