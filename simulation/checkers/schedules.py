"""What schedules decided, held against the workflows that were started for them.

Owns the rules: one start for each time and each decision, none while paused, one after the other
unless they may overlap. Asks what was written, never the server.
"""

from collections.abc import Callable
from itertools import pairwise

from indelible.base.instants import Instant, instant
from indelible.engine.schedule.state import BufferedStart, ScheduleState
from simulation.checkers.journal import Journal, PlannedSchedule, Run, name_of

Accuse = Callable[[str, str], None]


def check_schedules(journal: Journal, accuse: Accuse) -> None:
    """Hold all schedules that ever were against all workflows."""
    for schedule in journal.schedules.values():
        _check_decisions(schedule, accuse)
    _check_starts(journal, accuse)
    _check_order(journal, accuse)


def _check_decisions(schedule: PlannedSchedule, accuse: Accuse) -> None:
    name = name_of(schedule.key)
    numbers: dict[Instant, int] = {}
    for state in schedule.states:
        for start in state.buffer:
            if not start.is_manual and numbers.setdefault(start.nominal, start.number) != (
                start.number
            ):
                accuse("a time is one start", f"{name}: {start}")
    for before, state in pairwise(schedule.states):
        if before.core.is_paused and state.core.is_paused:
            for start in _begun(before, state):
                accuse("nothing fires while paused", f"{name}: {start}")
        if state.core.cursor < before.core.cursor:
            accuse("a time is one start", f"{name}: went back to {state.core.cursor}")


def _begun(before: ScheduleState, state: ScheduleState) -> list[BufferedStart]:
    """Return the starts that got their turn by themselves between two states."""
    ready = {start.number for start in before.buffer if start.attempt}
    return [
        start
        for start in state.buffer
        if start.attempt and not start.is_manual and start.number not in ready
    ]


def _check_starts(journal: Journal, accuse: Accuse) -> None:
    """Each decision has started one workflow at most, and what is told of it is true."""
    started: dict[str, Run] = {}
    first_runs: set[str] = set()
    for run in journal.runs.values():
        record = run.record
        if record.run_id != record.first_run_id or run.base is not None:
            continue
        first_runs.add(record.run_id)
        for request_id in record.request_ids:
            if request_id.startswith("sched-") and started.setdefault(request_id, run) is not run:
                accuse("none starts twice", f"{request_id}: {name_of(run.key)}")
    for schedule in journal.schedules.values():
        for state in schedule.states:
            for action in state.core.recent:
                if action.first_run_id not in first_runs:
                    accuse("actions are true", f"{name_of(schedule.key)}: {action}")


def _check_order(journal: Journal, accuse: Accuse) -> None:
    """Unless its actions may overlap, one of a schedule begins when the other has ended."""
    chains: dict[str, dict[str, list[Run]]] = {}
    for run in journal.runs.values():
        plan, mark, _ = run.key.workflow_id.partition("one-by-one")
        if mark:
            chains.setdefault(plan, {}).setdefault(run.record.first_run_id, []).append(run)
    for of_plan in chains.values():
        spans = sorted(_span(runs) for runs in of_plan.values())
        for (_, end, first), (begin, _, second) in pairwise(spans):
            if begin < end:
                accuse("one after the other", f"{second} began before {first} had ended")


def _span(runs: list[Run]) -> tuple[Instant, Instant, str]:
    begin = min(instant(run.events[0].event_time) for run in runs)
    end = max(instant(run.events[-1].event_time) for run in runs)
    return begin, end, name_of(runs[0].key)
