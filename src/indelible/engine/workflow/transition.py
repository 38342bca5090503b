"""One atomic step of a run: what a decision sees, and how it speaks.

Owns the order of events within a step (semantics 3.2), the buffer of held-back events, and the
account of what the step wants: events, tasks, and at most one successor run. Must not decide
anything, and must not know how a step is stored.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from google.protobuf.message import Message
from temporalio.api.common.v1 import Link
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.sdk.v1 import EventGroupMarker, UserMetadata

from indelible.base.fresh_ids import FreshIds
from indelible.base.ids import EventId, TaskId
from indelible.base.instants import NO_DURATION, Duration, Instant, instant
from indelible.base.invariants import invariant
from indelible.base.limits import Limits
from indelible.base.time_zones import UtcOffset, utc_only
from indelible.base.version_routing import UNROUTED, VersionRouting
from indelible.base.workflow_rules import WorkflowRule
from indelible.engine.workflow import deltas
from indelible.engine.workflow.appliers import apply_delta, apply_event
from indelible.engine.workflow.history_events import (
    ACTIVITY_CLOSINGS,
    CHILD_CLOSINGS,
    CLOSINGS,
    DEFERRED,
    attributes_of,
    build_event,
)
from indelible.engine.workflow.state import (
    DispatchRef,
    ExecutionRecord,
    MutableState,
    StateView,
)
from indelible.engine.workflow.tasks import (
    DispatchTask,
    TransferTask,
    WorkflowTaskDispatch,
    workflow_task_dispatch,
)
from indelible.engine.workflow.unwritten_events import unwritten_events

# Looked up once: the generated enum takes a call of Python code for each.
_ACTIVITY_STARTED: Final = EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
_CHILD_STARTED: Final = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED
_NEXUS_STARTED: Final = EventType.EVENT_TYPE_NEXUS_OPERATION_STARTED


class StepSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a step must know of its namespace."""

    namespace_name: str
    retention: Duration
    limits: Limits
    routing: VersionRouting = UNROUTED
    workflow_rules: Sequence[WorkflowRule] = ()
    utc_offset: UtcOffset = utc_only
    """For cron schedules in a time zone of their own."""


class Transition:
    """One step. Variable name: `step`."""

    def __init__(
        self,
        state: MutableState,
        *,
        now: Instant,
        fresh: FreshIds,
        next_task_id: Callable[[], TaskId],
        settings: StepSettings,
        gone_sticky_queue: str = "",
    ) -> None:
        self._state = state
        clock = Instant(now + state.execution.time_skipping.skipped)
        self.now = max(clock, state.execution.last_event_at)
        """The time of the step, by the run's own clock: `now` and what has been skipped.

        Event times of a run never go back, whatever the clock does.
        """
        self.fresh = fresh
        self.next_task_id = next_task_id
        self.settings = settings
        self.gone_sticky_queue = gone_sticky_queue
        """A sticky queue that no worker polls any more: its tasks must go to the normal one."""
        self.events: list[HistoryEvent] = []
        """Events with ids, in order."""
        self.dispatches: list[DispatchTask] = []
        self.offers: list[WorkflowTaskDispatch] = []
        """Tasks that are given to matching without a row, and may be lost."""
        self.transfers: list[TransferTask] = []
        self.released: list[DispatchRef] = []
        """Dispatch tasks that nobody needs any more."""
        self.successor: Transition | None = None
        """The first step of the run that follows this one."""
        self.is_volatile = False
        """The step may be forgotten in a crash: see ARCHITECTURE.md."""
        self.has_changed = False
        self._deferred: list[HistoryEvent] = []

    @property
    def state(self) -> StateView:
        """The state as it is now, with what the step did so far."""
        return self._state

    @property
    def owned_state(self) -> MutableState:
        """The state itself, for the shell that keeps it; decisions use `state`."""
        return self._state

    @property
    def execution(self) -> ExecutionRecord:
        """The core record as it is now."""
        return self._state.execution

    def emit(
        self,
        attributes: Message,
        *,
        user_metadata: UserMetadata | None = None,
        event_group_markers: Sequence[EventGroupMarker] = (),
        links: Sequence[Link] = (),
        at: Instant | None = None,
    ) -> HistoryEvent:
        """Add an event and fold it into the state.

        A deferrable event takes effect at once but has no id (zero) before the step ends, or, while
        a workflow task is started, before that task ends. `at` is for a start that is written late.
        """
        self.write_speculation()
        event = build_event(
            attributes,
            at=self.now if at is None else at,
            user_metadata=user_metadata,
            event_group_markers=event_group_markers,
            links=links,
        )
        if event.event_type in DEFERRED:
            self._deferred.append(event)
            self.has_changed = True
            apply_event(self._state, event)
            if event.event_type in _REQUEST_IDS:
                self._attach_request(event)
        else:
            self._append(event)
        return event

    def change(self, delta: deltas.Delta) -> None:
        """Make a change that history does not show."""
        self.has_changed = True
        apply_delta(self._state, delta)

    def dispatch(self, task: DispatchTask) -> None:
        """Put a task into its queue when the step is durable."""
        self.dispatches.append(task)

    def write_speculation(self) -> None:
        """Make a normal workflow task of a speculative one, with the ids that it has promised.

        Whatever else happens to the run has its place behind the task. Once it has a row, it waits
        for a worker without a time limit, unless the queue is sticky.
        """
        task = self.execution.workflow_task
        if task is None or not task.is_speculative:
            return
        for event in unwritten_events(self.execution, task):
            self._append(event)
        dispatch: DispatchRef | None = None
        if not task.is_started:
            dispatch = DispatchRef(
                queue_name=task.queue_name, is_workflow_queue=True, task_id=task.dispatch_task_id
            )
            self.dispatch(
                workflow_task_dispatch(
                    self.execution,
                    task_id=task.dispatch_task_id,
                    queue_name=task.queue_name,
                    is_sticky=task.is_sticky,
                    scheduled_event_id=task.scheduled_event_id,
                )
            )
        self.change(
            deltas.SpeculationWritten(
                dispatch_task_id=task.dispatch_task_id,
                dispatch=dispatch,
                original_scheduled_at=task.original_scheduled_at,
                schedule_to_start_timeout=(
                    task.schedule_to_start_timeout if task.is_sticky else NO_DURATION
                ),
                build_id=task.build_id,
            )
        )

    def release(self, dispatch: DispatchRef | None) -> None:
        """Take a task out of its queue; nothing happens for None."""
        if dispatch is not None:
            self.released.append(dispatch)

    def transfer(self, task: TransferTask) -> None:
        """Have the shard execute a task when the step is durable."""
        self.transfers.append(task)

    def fork(self, state: MutableState) -> "Transition":
        """Return the first step of another run, to be committed with this one."""
        return Transition(
            state,
            now=self.now,
            fresh=self.fresh,
            next_task_id=self.next_task_id,
            settings=self.settings,
        )

    @property
    def has_deferred_events(self) -> bool:
        """Whether events wait for their ids: of this step or held back by earlier ones."""
        return bool(self._deferred) or len(self.state.buffered_events) > 0

    @property
    def holds_back_more(self) -> bool:
        """Whether this step has added to the events that wait for their ids."""
        return bool(self._deferred)

    def held_back_size(self) -> tuple[int, int]:
        """Return how many events wait for their ids, and how many bytes they take."""
        stored = [len(record.event) for record in self.state.buffered_events.values()]
        sizes = stored + [event.ByteSize() for event in self._deferred]
        return len(sizes), sum(sizes)

    def holds_back(self, is_wanted: Callable[[HistoryEvent], bool]) -> bool:
        """Whether an event that waits for its id is one of those."""
        return any(is_wanted(event) for event in self._held_back())

    def discard_deferred(self, is_unwanted: Callable[[HistoryEvent], bool]) -> bool:
        """Drop held-back events; return whether there were any (trap 15)."""
        kept = [event for event in self._held_back() if not is_unwanted(event)]
        dropped = len(kept) < len(self._deferred) + len(self.state.buffered_events)
        if dropped:
            self.change(deltas.BufferFlushed())
            self._deferred = kept
        return dropped

    def flush(self) -> bool:
        """Give all held-back events their ids; return whether there were any.

        Closing events of activities and children go behind the others (trap 13).
        """
        held_back = self._held_back()
        if self.state.buffered_events:
            self.change(deltas.BufferFlushed())
        self._deferred = []
        ordered = [event for event in held_back if event.event_type not in CLOSINGS]
        ordered += [event for event in held_back if event.event_type in CLOSINGS]
        started_ids: dict[tuple[bool, int], int] = {}
        for event in ordered:
            self._number(event, started_ids)
        return bool(ordered)

    def close(self) -> None:
        """End the step: number its events, or hold them back while a workflow task is started."""
        task = self.execution.workflow_task
        if not self._deferred:
            return
        if task is None or not task.is_started:
            self.flush()
            return
        following = max(self.state.buffered_events, default=0) + 1
        for sequence, event in enumerate(self._deferred, start=following):
            self.change(deltas.EventBuffered(sequence=sequence, event=event.SerializeToString()))
        self._deferred = []

    def _held_back(self) -> list[HistoryEvent]:
        """All events without ids, oldest first."""
        stored = [
            HistoryEvent.FromString(self.state.buffered_events[sequence].event)
            for sequence in sorted(self.state.buffered_events)
        ]
        return stored + self._deferred

    def _append(self, event: HistoryEvent) -> None:
        invariant(
            self.execution.is_open or not self.execution.started_at,
            "a closed run gets no more events",
        )
        event.event_id = self.execution.next_event_id
        self.has_changed = True
        self.events.append(event)
        apply_event(self._state, event)

    def _number(self, event: HistoryEvent, started_ids: dict[tuple[bool, int], int]) -> None:
        """Append a held-back event that the state has seen, and wire up started event ids."""
        event.event_id = self.execution.next_event_id
        kind = event.event_type
        if kind == _ACTIVITY_STARTED:
            subject = event.activity_task_started_event_attributes.scheduled_event_id
            started_ids[False, subject] = event.event_id
        elif kind == _CHILD_STARTED:
            subject = event.child_workflow_execution_started_event_attributes.initiated_event_id
            started_ids[True, subject] = event.event_id
            self.change(
                deltas.ChildStartRecorded(
                    initiated_event_id=EventId(subject),
                    started_event_id=EventId(event.event_id),
                )
            )
        elif kind == _NEXUS_STARTED:
            subject = event.nexus_operation_started_event_attributes.scheduled_event_id
            self.change(
                deltas.NexusStartRecorded(
                    scheduled_event_id=EventId(subject), started_event_id=EventId(event.event_id)
                )
            )
        elif kind in _REQUEST_IDS:
            self._attach_request(event)
        elif kind in ACTIVITY_CLOSINGS:
            _wire(event, "scheduled_event_id", started_ids, is_child=False)
        elif kind in CHILD_CLOSINGS:
            _wire(event, "initiated_event_id", started_ids, is_child=True)
        self.events.append(event)
        self.change(
            deltas.EventNumbered(event_id=EventId(event.event_id), at=instant(event.event_time))
        )

    def _attach_request(self, event: HistoryEvent) -> None:
        """Remember where the history tells of a request, or that it will.

        A signal with a start has one request id for both events: that is the start's.
        """
        for attached in _REQUEST_IDS[event.event_type](event):
            known_type, _ = self.execution.request_ids.get(attached, (0, 0))
            if attached and known_type in (0, event.event_type):
                self.change(
                    deltas.RequestIdAttached(
                        request_id=attached,
                        event_type=event.event_type,
                        event_id=EventId(event.event_id),
                    )
                )


def _requests_of_options(event: HistoryEvent) -> list[str]:
    given = event.workflow_execution_options_updated_event_attributes
    joined = [one.attached_request_id for one in given.workflow_update_options]
    return [given.attached_request_id, *joined]


def _request_of_signal(event: HistoryEvent) -> list[str]:
    return [event.workflow_execution_signaled_event_attributes.request_id]


_REQUEST_IDS: Final[Mapping[int, Callable[[HistoryEvent], list[str]]]] = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED: _requests_of_options,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: _request_of_signal,
}
"""Events whose place in the history can be asked for by a request id, and where they have it."""


def _wire(
    event: HistoryEvent,
    subject_field: str,
    started_ids: dict[tuple[bool, int], int],
    *,
    is_child: bool,
) -> None:
    """Point a closing event at its started event, if that got its id just now."""
    attributes = attributes_of(event)
    subject: int = getattr(attributes, subject_field)
    started = started_ids.get((is_child, subject))
    if started is not None:
        attributes.started_event_id = started  # pyright: ignore[reportAttributeAccessIssue]
