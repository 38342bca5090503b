"""Warnings about runs that grow large: one for each bound that a run passes, not one per step."""

from typing import Final

import structlog

from indelible.engine.workflow.transition import Transition
from indelible.services.history.entries import Entry

_log: Final = structlog.get_logger("indelible.history")


def warn_of_growth(step: Transition, added_bytes: int) -> None:
    """Tell the operator if this step takes its run beyond one of the bounds that warn."""
    execution, limits = step.execution, step.settings.limits
    event_count = execution.next_event_id - 1
    if event_count - len(step.events) <= limits.history_events_warn < event_count:
        _log.warning("history_count_beyond_warn", run=execution.key, event_count=event_count)
    size_bytes = execution.history_size_bytes + added_bytes
    if execution.history_size_bytes <= limits.history_bytes_warn < size_bytes:
        _log.warning("history_size_beyond_warn", run=execution.key, size_bytes=size_bytes)


def warn_of_state(entry: Entry, bytes_before: int, bytes_warn: int) -> None:
    """Tell the operator if what was stored takes the state of a run beyond the bound that warns."""
    bytes_now = entry.size.bytes_count
    if bytes_before <= bytes_warn < bytes_now:
        _log.warning("mutable_state_size_beyond_warn", run=entry.key, size_bytes=bytes_now)
