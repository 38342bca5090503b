"""Changes of a run that are not history events.

Owns the closed list of them. SDKs do not see a delta; the state that it leaves is stored in the
records. Like events, deltas go through appliers and cannot be refused.
"""

import msgspec

from indelible.base.ids import EventId, RunId, TaskId
from indelible.base.instants import Duration, Instant
from indelible.base.versions import Version
from indelible.engine.workflow.state import DispatchRef, PauseRecord


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """A change that history does not show."""


class StartRecorded(Delta, frozen=True, kw_only=True):
    """What the started event does not tell of a start."""

    request_id: str
    namespace_name: str
    user_metadata: bytes


class RequestIdAttached(Delta, frozen=True, kw_only=True):
    """A request id became known to the run, with the event that it caused."""

    request_id: str
    event_type: int
    event_id: EventId


class WorkflowTaskQueued(Delta, frozen=True, kw_only=True):
    """The scheduled workflow task got its dispatch task."""

    dispatch_task_id: TaskId
    dispatch: DispatchRef
    original_scheduled_at: Instant
    schedule_to_start_timeout: Duration


class WorkflowTaskOriginallyScheduled(Delta, frozen=True, kw_only=True):
    """The scheduled workflow task continues a chain of heartbeats, at the same worker."""

    original_scheduled_at: Instant


class TransientWorkflowTaskScheduled(Delta, frozen=True, kw_only=True):
    """A workflow task was scheduled whose events are written only if it completes."""

    attempt: int
    scheduled_at: Instant
    start_to_close_timeout: Duration
    queue_name: str
    is_sticky: bool


class TransientWorkflowTaskStarted(Delta, frozen=True, kw_only=True):
    """A transient workflow task was given to a worker."""

    started_at: Instant
    request_id: str
    identity: str
    history_size_bytes: int
    suggest_continue_as_new: bool


class SpeculativeWorkflowTaskScheduled(Delta, frozen=True, kw_only=True):
    """A workflow task was scheduled for updates, in memory only."""

    scheduled_at: Instant
    start_to_close_timeout: Duration
    schedule_to_start_timeout: Duration
    queue_name: str
    is_sticky: bool
    dispatch_task_id: TaskId


class SpeculationWritten(Delta, frozen=True, kw_only=True):
    """A speculative workflow task has got its events; this is what they do not tell."""

    dispatch_task_id: TaskId
    dispatch: DispatchRef | None
    original_scheduled_at: Instant
    schedule_to_start_timeout: Duration
    build_id: str


class WorkflowTaskIdentified(Delta, frozen=True, kw_only=True):
    """The start of the workflow task is known with what its event does not tell."""

    build_id: str


class VersionTransitionStarted(Delta, frozen=True, kw_only=True):
    """The run is on its way to another version of the workers; None is unversioned."""

    version: Version | None
    revision: int


class WorkflowTaskDropped(Delta, frozen=True, kw_only=True):
    """The pending workflow task is gone without an event of its own."""


class NextWorkflowTaskAttempt(Delta, frozen=True, kw_only=True):
    """The next workflow task has this attempt; 1 is a normal one."""

    attempt: int
    failed_cause: int
    """The cause of the last failure, 0 for none."""


class StickinessChanged(Delta, frozen=True, kw_only=True):
    """The next workflow tasks go to this sticky queue; empty for the normal queue."""

    queue_name: str
    schedule_to_start_timeout: Duration


class EventBuffered(Delta, frozen=True, kw_only=True):
    """An event waits for the started workflow task to end."""

    sequence: int
    event: bytes


class BufferFlushed(Delta, frozen=True, kw_only=True):
    """The buffered events have been written to the history."""


class EventNumbered(Delta, frozen=True, kw_only=True):
    """An event that was held back has got its place in the history."""

    event_id: EventId
    at: Instant
    """The time of the event."""


class ActivityQueued(Delta, frozen=True, kw_only=True):
    """The current attempt of an activity got its dispatch task."""

    scheduled_event_id: EventId
    dispatch: DispatchRef


class ActivityAttemptStarted(Delta, frozen=True, kw_only=True):
    """A worker has the current attempt."""

    scheduled_event_id: EventId
    started_at: Instant
    identity: str
    request_id: str


class ActivityHeartbeatRecorded(Delta, frozen=True, kw_only=True):
    """The worker reported progress.

    `details` is a serialized `Payloads`; None keeps the last ones.
    """

    scheduled_event_id: EventId
    at: Instant
    details: bytes | None


class ActivityRetryScheduled(Delta, frozen=True, kw_only=True):
    """The attempt failed and the next one waits for its interval."""

    scheduled_event_id: EventId
    attempt: int
    scheduled_at: Instant
    failed_at: Instant
    last_failure: bytes
    """A serialized `Failure`."""


class ActivityHeld(Delta, frozen=True, kw_only=True):
    """The current attempt waits in no queue, because the activity or its run is paused."""

    scheduled_event_id: EventId


class ActivityPaused(Delta, frozen=True, kw_only=True):
    """No attempt begins before the activity is unpaused."""

    scheduled_event_id: EventId
    pause: PauseRecord


class ActivityUnpaused(Delta, frozen=True, kw_only=True):
    """Attempts may begin again."""

    scheduled_event_id: EventId


class ActivityReset(Delta, frozen=True, kw_only=True):
    """The attempts are counted from one again; one that is under way is told to stop."""

    scheduled_event_id: EventId
    drops_heartbeat: bool


class ActivityHeartbeatDropped(Delta, frozen=True, kw_only=True):
    """What was reported so far is forgotten."""

    scheduled_event_id: EventId


class ActivityRescheduled(Delta, frozen=True, kw_only=True):
    """The current attempt, which no worker has, begins at another time."""

    scheduled_event_id: EventId
    attempt: int
    scheduled_at: Instant
    is_first: bool = False
    """The whole activity counts as scheduled at that time."""


class ActivityOptionsChanged(Delta, frozen=True, kw_only=True):
    """The activity has other options from here on; messages are serialized."""

    scheduled_event_id: EventId
    task_queue: str
    schedule_to_close_timeout: Duration
    schedule_to_start_timeout: Duration
    start_to_close_timeout: Duration
    heartbeat_timeout: Duration
    retry_policy: bytes
    priority: bytes


class RunForked(Delta, frozen=True, kw_only=True):
    """The run goes on from the middle of another one, as if it had begun now."""

    base_run_id: RunId
    forked_at_event_id: EventId
    request_id: str
    started_at: Instant
    run_expires_at: Instant
    execution_expires_at: Instant
    history_bytes: int


class RunReset(Delta, frozen=True, kw_only=True):
    """Another run goes on from the middle of this one."""

    reset_run_id: RunId


class ChildStartRecorded(Delta, frozen=True, kw_only=True):
    """The buffered started event of a child has got its id."""

    initiated_event_id: EventId
    started_event_id: EventId


class NexusStartRecorded(Delta, frozen=True, kw_only=True):
    """The buffered started event of a Nexus operation has got its id."""

    scheduled_event_id: EventId
    started_event_id: EventId


class NexusCallScheduled(Delta, frozen=True, kw_only=True):
    """The handler of an operation is to be called: to cancel it, or to start it again."""

    scheduled_event_id: EventId
    is_cancel: bool


class NexusCallFailed(Delta, frozen=True, kw_only=True):
    """A call to the handler of an operation failed and will be repeated."""

    scheduled_event_id: EventId
    is_cancel: bool
    failed_at: Instant
    next_attempt_at: Instant
    failure: bytes
    """A serialized `Failure`."""


class NexusCancelEnded(Delta, frozen=True, kw_only=True):
    """The cancellation of an operation was delivered, or cannot be."""

    scheduled_event_id: EventId
    ended_at: Instant
    failure: bytes = b""
    """A serialized `Failure`; empty if it was delivered."""


class CallbackScheduled(Delta, frozen=True, kw_only=True):
    """A completion callback is to be called."""

    callback_id: str


class CallbackAttemptFailed(Delta, frozen=True, kw_only=True):
    """A completion callback could not be called and will be again."""

    callback_id: str
    failed_at: Instant
    next_attempt_at: Instant
    failure: bytes
    """A serialized `Failure`."""


class CallbackEnded(Delta, frozen=True, kw_only=True):
    """A completion callback was called, or cannot be."""

    callback_id: str
    ended_at: Instant
    failure: bytes = b""
    """A serialized `Failure`; empty if it was called."""


class StepCounted(Delta, frozen=True, kw_only=True):
    """One more transition, and so many more bytes of history."""

    history_bytes: int


class RetentionFixed(Delta, frozen=True, kw_only=True):
    """How long the closed run is kept."""

    retention: Duration
