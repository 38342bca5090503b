"""Replay: the state that a history stands for.

Owns the fold of the appliers over events, which is what reset and import build on. What history
does not show, like the attempt of an activity, is not there afterwards.
"""

from collections.abc import Iterable

from temporalio.api.history.v1 import HistoryEvent

from indelible.engine.workflow.appliers import apply_event
from indelible.engine.workflow.state import ExecutionRecord, MutableState


def replay(seed: ExecutionRecord, events: Iterable[HistoryEvent]) -> MutableState:
    """Return the state after the events, the first of which starts the run that `seed` names."""
    state = MutableState(seed)
    for event in events:
        apply_event(state, event)
    return state
