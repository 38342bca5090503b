"""The state of one standalone Nexus operation: immutable records, and the table of its life.

Owns what is stored. An operation has no history: its records are all that there is of it. Must not
know how they are stored, nor who changes them.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple

import msgspec

from indelible.base.calls import CallRecord, CallState
from indelible.base.ids import Archetype, NamespaceId, RunId, WorkflowId, WorkflowKey
from indelible.base.instants import NEVER, NO_DURATION, Duration, Instant
from indelible.base.owed_callbacks import OwedCallbacks


class OperationStatus(IntEnum):
    """Where an operation is in its life; stored, so the values never change."""

    SCHEDULED = 1
    """Its handler is called, or will be again after an interval."""
    STARTED = 2
    """Its handler has accepted it and will call back."""
    SUCCEEDED = 3
    FAILED = 4
    CANCELED = 5
    TERMINATED = 6
    TIMED_OUT = 7


_S = OperationStatus
OPEN_STATUSES: Final = frozenset({_S.SCHEDULED, _S.STARTED})
_ENDS: Final[Mapping[str, OperationStatus]] = {
    "succeed": _S.SUCCEEDED,
    "fail": _S.FAILED,
    "cancel": _S.CANCELED,
    "terminate": _S.TERMINATED,
    "time out": _S.TIMED_OUT,
}
OPERATION_TRANSITIONS: Final[Mapping[tuple[OperationStatus, str], OperationStatus]] = {
    (_S.SCHEDULED, "start"): _S.STARTED,
    **{
        (status, event): end
        for status in (_S.SCHEDULED, _S.STARTED)
        for event, end in _ENDS.items()
    },
}
"""(status, what happens) -> status; anything else cannot happen."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stored value. New fields get defaults, so that old records open for ever."""


class OperationCore(Record, frozen=True, kw_only=True):
    """What is written with every commit: small. Messages are kept in serialized form."""

    namespace_id: NamespaceId
    operation_id: str
    run_id: RunId
    endpoint: str
    endpoint_id: str
    service: str
    operation: str
    request_id: str
    """By which the handler recognises a repeated call; not that of the client's request."""
    start_request_id: str = ""
    """Of the request that created this run."""
    identity: str = ""
    status: OperationStatus = OperationStatus.SCHEDULED
    schedule_to_close_timeout: Duration = NO_DURATION
    schedule_to_start_timeout: Duration = NO_DURATION
    start_to_close_timeout: Duration = NO_DURATION
    scheduled_at: Instant
    started_at: Instant = NEVER
    closed_at: Instant = NEVER
    operation_token: str = ""
    start: CallRecord = CallRecord(state=CallState.SCHEDULED, attempt=1)
    cancel: CallRecord | None = None
    """Waits until the operation is started; None while nobody wants it canceled."""
    cancel_requested_at: Instant = NEVER
    cancel_request_id: str = ""
    cancel_identity: str = ""
    cancel_reason: str = ""
    terminate_request_id: str = ""
    retention: Duration = NO_DURATION
    """From the close on."""
    transition_count: int = 0

    @property
    def key(self) -> WorkflowKey:
        """The identity of the run."""
        return WorkflowKey(
            self.namespace_id, WorkflowId(self.operation_id), self.run_id, Archetype.NEXUS_OPERATION
        )

    @property
    def is_open(self) -> bool:
        """Whether the operation has not ended."""
        return self.status in OPEN_STATUSES


class OperationRequest(Record, frozen=True, kw_only=True):
    """What the operation was started with: rarely written."""

    input: bytes = b""
    header: dict[str, str] = {}
    user_metadata: bytes = b""
    search_attributes: dict[str, bytes] = {}
    """Serialized payloads by registered name."""
    links: tuple[bytes, ...] = ()
    """Those of the start, and what the handler has linked to since."""


class OperationOutcome(Record, frozen=True, kw_only=True):
    """How the operation has ended: a result, which may be missing, or a failure."""

    result: bytes | None = None
    """A serialized `Payload`; None if it did not succeed."""
    failure: bytes = b""


class OperationState(NamedTuple):
    """All there is of one operation."""

    core: OperationCore
    request: OperationRequest
    outcome: OperationOutcome | None = None
    """None while the operation is open."""
    callbacks: OwedCallbacks = ()
