"""When a run must be looked at next, and why.

Owns the deadlines of a run: it derives them from the records, so nothing is armed or disarmed by
hand. The heap holds hints; an entry counts only if the state still says the same. Must not act on a
deadline: that is what `expirations` do.
"""

import heapq
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from indelible.base.activity_attempts import ActivityDeadline, next_deadline
from indelible.base.calls import CallState
from indelible.base.instants import NEVER, Instant, after
from indelible.base.limits import STARTED_TIMEOUT_MIN
from indelible.base.nexus_operations import next_operation_deadline
from indelible.engine.workflow.state import (
    ActivityRecord,
    MutableState,
    StateView,
    WorkflowTaskRecord,
)


class DeadlineKind(IntEnum):
    """What a deadline is about. Of those due at one instant, the smaller kind comes first."""

    EXECUTION_TIMEOUT = 1
    RUN_TIMEOUT = 2
    BACKOFF = 3
    WORKFLOW_TASK = 4
    USER_TIMER = 5
    ACTIVITY = 6
    RETENTION = 7
    NEXUS_OPERATION = 8
    CALLBACK = 9
    FAST_FORWARD = 10


class Deadline(NamedTuple):
    """An instant at which something is to happen.

    `order` sorts equals; `subject` is the record's key.
    """

    at: Instant
    kind: DeadlineKind
    order: int = 0
    subject: str | int = ""


def activity_deadline(record: ActivityRecord) -> ActivityDeadline | None:
    """Return the earliest deadline of an activity (semantics 7.3)."""
    if record.pause is not None:
        return None  # Its clocks stand still (semantics 7.9).
    return next_deadline(record)


def workflow_task_deadline(task: WorkflowTaskRecord) -> Instant:
    """Return when the pending workflow task times out; `NEVER` while it may wait for ever."""
    if task.is_started:
        return after(task.started_at, max(task.start_to_close_timeout, STARTED_TIMEOUT_MIN))
    if task.schedule_to_start_timeout:
        return after(task.scheduled_at, task.schedule_to_start_timeout)
    return NEVER


def _execution_deadlines(state: StateView) -> Iterator[Deadline]:
    """The deadlines that hang on the core record."""
    execution = state.execution
    if state.callbacks:
        yield from _callback_deadlines(state)
    if not execution.is_open:
        if execution.closed_at and execution.retention:
            at = after(execution.closed_at, execution.retention)
            yield Deadline(at, DeadlineKind.RETENTION)
        return
    if execution.execution_expires_at:
        yield Deadline(execution.execution_expires_at, DeadlineKind.EXECUTION_TIMEOUT)
    if execution.run_expires_at:
        yield Deadline(execution.run_expires_at, DeadlineKind.RUN_TIMEOUT)
    if execution.is_in_backoff and execution.pause is None:
        # A paused run gets no workflow task: going on ends the wait, however long it was.
        yield Deadline(execution.execution_time, DeadlineKind.BACKOFF)
    if execution.workflow_task is not None:
        at = workflow_task_deadline(execution.workflow_task)
        if at:
            yield Deadline(at, DeadlineKind.WORKFLOW_TASK)
    if execution.time_skipping.awaits_fast_forward:
        yield Deadline(execution.time_skipping.fast_forward_at, DeadlineKind.FAST_FORWARD)


def _callback_deadlines(state: StateView) -> Iterator[Deadline]:
    """The ends of intervals before completion callbacks are called again."""
    for number, (callback_id, record) in enumerate(state.callbacks.items()):
        if record.call.state is CallState.BACKING_OFF:
            yield Deadline(record.call.next_attempt_at, DeadlineKind.CALLBACK, number, callback_id)


class TimerSequence:
    """The deadlines of one run, kept beside its state."""

    __slots__ = ("_heap", "_noted")

    def __init__(self, state: MutableState) -> None:
        self._heap: list[Deadline] = []
        self._noted: dict[str | int, Deadline] = {}
        """The last hint of each timer and activity, as long as it is in the heap."""
        for timer_id in state.timers:
            self._note_timer(state, timer_id)
        for scheduled_event_id in state.activities:
            self._note_activity(state, scheduled_event_id)
        for scheduled_event_id in state.nexus_operations:
            self.follow_nexus_operation(state, scheduled_event_id)

    def follow(self, state: MutableState) -> None:
        """Take note of what the current step touched; to be called before the step is accepted."""
        for timer_id in state.timers.before:
            self._note_timer(state, timer_id)
        for scheduled_event_id in state.activities.before:
            self._note_activity(state, scheduled_event_id)
        for scheduled_event_id in state.nexus_operations.before:
            self.follow_nexus_operation(state, scheduled_event_id)

    def follow_activity(self, state: StateView, scheduled_event_id: int) -> None:
        """Take note of one activity in the middle of a step.

        `follow` there would look at all that the step has touched, once per firing.
        """
        self._note_activity(state, scheduled_event_id)

    def follow_nexus_operation(self, state: StateView, scheduled_event_id: int) -> None:
        """Take note of one Nexus operation, as `follow_activity`."""
        self._note(_nexus_deadline(state, scheduled_event_id))

    def earliest(self, state: StateView) -> Deadline | None:
        """Return the next deadline of the run."""
        first = self._first_of_heap(state) if state.execution.is_open else None
        for deadline in _execution_deadlines(state):
            if first is None or deadline < first:
                first = deadline
        return first

    def due(self, state: StateView, now: Instant) -> Deadline | None:
        """Return the next deadline if it has come."""
        first = self.earliest(state)
        return first if first is not None and first.at <= now else None

    def _first_of_heap(self, state: StateView) -> Deadline | None:
        while self._heap:
            first = self._heap[0]
            if first == _current_deadline(state, first):
                return first
            heapq.heappop(self._heap)
            if self._noted.get(first.subject) == first:
                del self._noted[first.subject]
        return None

    def _note_timer(self, state: StateView, timer_id: str) -> None:
        self._note(_timer_deadline(state, timer_id))

    def _note_activity(self, state: StateView, scheduled_event_id: int) -> None:
        self._note(_activity_deadline(state, scheduled_event_id))

    def _note(self, deadline: Deadline | None) -> None:
        """Push a hint, unless it is there: most heartbeats do not move the next deadline."""
        if deadline is not None and self._noted.get(deadline.subject) != deadline:
            self._noted[deadline.subject] = deadline
            heapq.heappush(self._heap, deadline)


def _current_deadline(state: StateView, hint: Deadline) -> Deadline | None:
    if hint.kind is DeadlineKind.USER_TIMER:
        return _timer_deadline(state, str(hint.subject))
    if hint.kind is DeadlineKind.NEXUS_OPERATION:
        return _nexus_deadline(state, int(hint.subject))
    return _activity_deadline(state, int(hint.subject))


def _timer_deadline(state: StateView, timer_id: str) -> Deadline | None:
    record = state.timers.get(timer_id)
    if record is None:
        return None
    return Deadline(
        record.fires_at, DeadlineKind.USER_TIMER, int(record.started_event_id), timer_id
    )


def _activity_deadline(state: StateView, scheduled_event_id: int) -> Deadline | None:
    record = state.activities.get(scheduled_event_id)
    deadline = activity_deadline(record) if record is not None else None
    if deadline is None:
        return None
    return Deadline(deadline.at, DeadlineKind.ACTIVITY, scheduled_event_id, scheduled_event_id)


def _nexus_deadline(state: StateView, scheduled_event_id: int) -> Deadline | None:
    record = state.nexus_operations.get(scheduled_event_id)
    deadline = next_operation_deadline(record) if record is not None else None
    if deadline is None:
        return None
    return Deadline(
        deadline.at, DeadlineKind.NEXUS_OPERATION, scheduled_event_id, scheduled_event_id
    )
