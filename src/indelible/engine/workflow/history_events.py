"""Building history events.

Owns the table of event types: which attributes message belongs to which type, and which types are
held back until the workflow task has ended (semantics 3.2). Must not know the state.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from google.protobuf.message import Message
from temporalio.api.common.v1 import Link
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.sdk.v1 import EventGroupMarker, UserMetadata

from indelible.base.instants import Instant, timestamp

_SUFFIX: Final = "_event_attributes"


def _attributes_fields() -> dict[type[Message], tuple["EventType.ValueType", str]]:
    table: dict[type[Message], tuple[EventType.ValueType, str]] = {}
    probe = HistoryEvent()
    for field in HistoryEvent.DESCRIPTOR.oneofs_by_name["attributes"].fields:
        name = "EVENT_TYPE_" + field.name.removesuffix(_SUFFIX).upper()
        table[type(getattr(probe, field.name))] = (EventType.Value(name), field.name)
    return table


ATTRIBUTES: Final[Mapping[type[Message], tuple["EventType.ValueType", str]]] = _attributes_fields()
"""Attributes class -> (event type, name of the field in `HistoryEvent`)."""

_T: Final = EventType

DEFERRED: Final = frozenset(
    {
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_PAUSED,
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_UNPAUSED,
        _T.EVENT_TYPE_ACTIVITY_TASK_STARTED,
        _T.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
        _T.EVENT_TYPE_ACTIVITY_TASK_FAILED,
        _T.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
        _T.EVENT_TYPE_ACTIVITY_TASK_CANCELED,
        _T.EVENT_TYPE_TIMER_FIRED,
        _T.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED,
        _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED,
        _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED,
        _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED,
        _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED,
        _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
        _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED,
        _T.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
        _T.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
        _T.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
        _T.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED,
        _T.EVENT_TYPE_NEXUS_OPERATION_STARTED,
        _T.EVENT_TYPE_NEXUS_OPERATION_COMPLETED,
        _T.EVENT_TYPE_NEXUS_OPERATION_FAILED,
        _T.EVENT_TYPE_NEXUS_OPERATION_CANCELED,
        _T.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT,
        _T.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED,
        _T.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_FAILED,
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
    }
)
"""Events that get their ids when the step ends, or the workflow task, if one is started."""

ACTIVITY_CLOSINGS: Final = frozenset(
    {
        _T.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
        _T.EVENT_TYPE_ACTIVITY_TASK_FAILED,
        _T.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
        _T.EVENT_TYPE_ACTIVITY_TASK_CANCELED,
    }
)
CHILD_CLOSINGS: Final = frozenset(
    {
        _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED,
        _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED,
        _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED,
        _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
        _T.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED,
    }
)
NEXUS_CLOSINGS: Final = frozenset(
    {
        _T.EVENT_TYPE_NEXUS_OPERATION_COMPLETED,
        _T.EVENT_TYPE_NEXUS_OPERATION_FAILED,
        _T.EVENT_TYPE_NEXUS_OPERATION_CANCELED,
        _T.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT,
    }
)
CLOSINGS: Final = ACTIVITY_CLOSINGS | CHILD_CLOSINGS | NEXUS_CLOSINGS
"""Deferred events that go behind the others when a buffer is written (trap 13)."""

IGNORABLE: Final = frozenset(
    {
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
        _T.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED,
        _T.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_FAILED,
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_PAUSED,
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_UNPAUSED,
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
    }
)
"""Events that an older worker may pass over (semantics 3.1)."""

WORKFLOW_CLOSINGS: Final = frozenset(
    {
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        _T.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    }
)


def build_event(
    attributes: Message,
    *,
    at: Instant,
    user_metadata: UserMetadata | None = None,
    event_group_markers: Sequence[EventGroupMarker] = (),
    links: Sequence[Link] = (),
) -> HistoryEvent:
    """Return an event without an id, whose type follows from its attributes."""
    event_type, field = ATTRIBUTES[type(attributes)]
    event = HistoryEvent(event_type=event_type, event_time=timestamp(at))
    getattr(event, field).CopyFrom(attributes)
    if event_type in IGNORABLE:
        event.worker_may_ignore = True
    if user_metadata is not None and user_metadata.ByteSize():
        event.user_metadata.CopyFrom(user_metadata)
    if event_group_markers:
        event.event_group_markers.extend(event_group_markers)
    if links:
        event.links.extend(links)
    return event


def attributes_of(event: HistoryEvent) -> Message:
    """Return the attributes message of an event, whatever its type."""
    field = event.WhichOneof("attributes")
    message: Message = getattr(event, field or "")
    return message


def event_reference(event: HistoryEvent, field: str) -> int:
    """Return the id of another event that the attributes of an event name in a field."""
    return int(getattr(attributes_of(event), field))
