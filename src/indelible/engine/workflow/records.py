"""The base of all stored records, and those of a run's dealings with others.

Children, messages to other runs, Nexus operations called, callbacks owed.

Owns their fields. Must not know the state that holds them.
"""

import msgspec

from indelible.base.calls import CallRecord, CallState
from indelible.base.ids import UNASSIGNED_EVENT_ID, EventId, NamespaceId, RunId, WorkflowId
from indelible.base.instants import NEVER, NO_DURATION, Duration, Instant


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stored value. New fields get defaults, so that old records open for ever."""


class ChildRecord(Record, frozen=True, kw_only=True):
    """A child workflow that has not closed, as its parent knows it."""

    initiated_event_id: EventId
    namespace_id: NamespaceId
    namespace_name: str
    workflow_id: WorkflowId
    workflow_type: str
    parent_close_policy: int
    started_event_id: EventId = UNASSIGNED_EVENT_ID
    is_started: bool = False
    """True from the moment the start is known, though the event may still be buffered."""
    run_id: RunId = RunId("")


class ExternalRequestRecord(Record, frozen=True, kw_only=True):
    """A signal or cancellation that travels to another execution."""

    initiated_event_id: EventId
    namespace_id: NamespaceId
    workflow_id: WorkflowId
    run_id: RunId = RunId("")


class BufferedEventRecord(Record, frozen=True, kw_only=True):
    """An event that waits for the started workflow task to end; it has no id yet."""

    event: bytes


class NexusOperationRecord(Record, frozen=True, kw_only=True):
    """A pending Nexus operation. Its input and header are in its scheduled event."""

    scheduled_event_id: EventId
    endpoint: str
    endpoint_id: str = ""
    service: str
    operation: str
    request_id: str
    schedule_to_close_timeout: Duration = NO_DURATION
    schedule_to_start_timeout: Duration = NO_DURATION
    start_to_close_timeout: Duration = NO_DURATION
    scheduled_at: Instant
    start: CallRecord = CallRecord(state=CallState.SCHEDULED, attempt=1)
    started_at: Instant = NEVER
    started_event_id: EventId = UNASSIGNED_EVENT_ID
    operation_token: str = ""
    cancel: CallRecord | None = None
    """Waits until the operation is started; None while nobody wants it canceled."""
    cancel_requested_event_id: EventId = UNASSIGNED_EVENT_ID
    cancel_requested_at: Instant = NEVER

    @property
    def is_started(self) -> bool:
        """Whether the handler has accepted the operation and will call back."""
        return self.started_at != NEVER


class CallbackRecord(Record, frozen=True, kw_only=True):
    """Somebody who wants to know how the chain of the run ends, or one of its updates."""

    callback: bytes
    """A serialized `Callback`."""
    request_id: str = ""
    """Of the request that attached it to a run that existed; empty if it came with the start."""
    update_id: str = ""
    """The update that is waited for; empty for the chain."""
    registered_at: Instant
    call: CallRecord = CallRecord()
