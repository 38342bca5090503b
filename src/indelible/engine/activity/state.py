"""The state of one standalone activity: immutable records, and the table of its life.

Owns what is stored. An activity has no history: its records are all that there is of it. Must not
know how they are stored, nor who changes them.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple

import msgspec

from indelible.base.ids import Archetype, NamespaceId, RunId, TaskId, WorkflowId, WorkflowKey
from indelible.base.instants import NEVER, NO_DURATION, Duration, Instant, after
from indelible.base.owed_callbacks import OwedCallbacks

NO_TASK: Final = TaskId(0)


class ActivityStatus(IntEnum):
    """Where an activity is in its life; stored, so the values never change."""

    SCHEDULED = 1
    """It waits: for its start delay, a retry interval or a worker."""
    STARTED = 2
    CANCEL_REQUESTED = 3
    """A worker has it and is to be told to stop."""
    COMPLETED = 4
    FAILED = 5
    CANCELED = 6
    TERMINATED = 7
    TIMED_OUT = 8
    PAUSED = 9
    """It waits until an operator lets it go on."""
    PAUSE_REQUESTED = 10
    """A worker has it and is told; if its attempt fails, the next has to wait."""
    RESET_REQUESTED = 11
    """A worker has it and is told; if its attempt fails, the next is the first again."""

    @property
    def word(self) -> str:
        """The status as texts for users have it: `CancelRequested`."""
        return "".join(part.capitalize() for part in self.name.split("_"))


_S = ActivityStatus
_RUNNING: Final = (_S.STARTED, _S.PAUSE_REQUESTED, _S.RESET_REQUESTED)
OPEN_STATUSES: Final = frozenset({_S.SCHEDULED, _S.PAUSED, *_RUNNING, _S.CANCEL_REQUESTED})
ACTIVITY_TRANSITIONS: Final[Mapping[tuple[ActivityStatus, str], ActivityStatus]] = {
    (_S.SCHEDULED, "start"): _S.STARTED,
    (_S.STARTED, "retry"): _S.SCHEDULED,
    (_S.PAUSE_REQUESTED, "retry"): _S.PAUSED,
    (_S.RESET_REQUESTED, "begin anew"): _S.SCHEDULED,
    (_S.RESET_REQUESTED, "begin anew, paused"): _S.PAUSED,
    (_S.SCHEDULED, "pause"): _S.PAUSED,
    (_S.STARTED, "pause"): _S.PAUSE_REQUESTED,
    (_S.PAUSED, "unpause"): _S.SCHEDULED,
    (_S.PAUSE_REQUESTED, "unpause"): _S.STARTED,
    (_S.STARTED, "request reset"): _S.RESET_REQUESTED,
    (_S.PAUSE_REQUESTED, "request reset"): _S.RESET_REQUESTED,
    **{(status, "request cancel"): _S.CANCEL_REQUESTED for status in _RUNNING},
    # A client may complete by id what no worker has.
    **{(status, "complete"): _S.COMPLETED for status in OPEN_STATUSES},
    **{(status, "fail"): _S.FAILED for status in (*_RUNNING, _S.CANCEL_REQUESTED)},
    (_S.SCHEDULED, "cancel"): _S.CANCELED,
    (_S.PAUSED, "cancel"): _S.CANCELED,
    (_S.CANCEL_REQUESTED, "cancel"): _S.CANCELED,
    **{(status, "terminate"): _S.TERMINATED for status in OPEN_STATUSES},
    **{(status, "time out"): _S.TIMED_OUT for status in OPEN_STATUSES},
}
"""(status, what happens) -> status; anything else cannot happen."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stored value. New fields get defaults, so that old records open for ever."""


class ActivityCore(Record, frozen=True, kw_only=True):
    """What is written with every commit: small. Messages are kept in serialized form."""

    namespace_id: NamespaceId
    activity_id: str
    run_id: RunId
    activity_type: str
    task_queue: str
    created_at: Instant
    status: ActivityStatus = ActivityStatus.SCHEDULED
    schedule_to_close_timeout: Duration = NO_DURATION
    schedule_to_start_timeout: Duration = NO_DURATION
    start_to_close_timeout: Duration = NO_DURATION
    heartbeat_timeout: Duration = NO_DURATION
    retry_policy: bytes = b""
    priority: bytes = b""
    start_delay: Duration = NO_DURATION
    start_request_id: str = ""
    """Of the request that created this run."""
    attempt: int = 1
    scheduled_at: Instant = NEVER
    """Of the current attempt: in the future while it is delayed."""
    is_backing_off: bool = False
    started_at: Instant = NEVER
    """Of the current attempt; `NEVER` while it waits for a worker."""
    attempt_request_id: str = ""
    """Of the delivery that started the current attempt."""
    dispatch_queue: str = ""
    dispatch_task_id: TaskId = NO_TASK
    """The durable task of the current attempt, while it lies in `dispatch_queue`."""
    last_started_at: Instant = NEVER
    last_worker_identity: str = ""
    last_sdk_name: str = ""
    last_sdk_version: str = ""
    last_attempt_completed_at: Instant = NEVER
    retry_interval: Duration = NO_DURATION
    """Before the attempt that waits; zero for none."""
    is_interval_given: bool = False
    """The worker named the interval; a change of the retry policy leaves it as it is."""
    pause_request_id: str = ""
    """Of the last request of each kind: a repeated one changes nothing."""
    unpause_request_id: str = ""
    reset_request_id: str = ""
    options_request_id: str = ""
    paused_at: Instant = NEVER
    pause_identity: str = ""
    pause_reason: str = ""
    reset_count: int = 0
    """Attempts of one number, before and after a reset, are told apart by it."""
    is_paused_after_reset: bool = False
    """While a reset is requested: no attempt begins after it until an operator says so."""
    drops_heartbeat_at_reset: bool = False
    restores_options_at_reset: bool = False
    last_heartbeat_at: Instant = NEVER
    heartbeat_count: int = 0
    cancel_request_id: str = ""
    cancel_identity: str = ""
    cancel_reason: str = ""
    terminate_request_id: str = ""
    closed_at: Instant = NEVER
    retention: Duration = NO_DURATION
    """From the close on."""
    transition_count: int = 0

    @property
    def key(self) -> WorkflowKey:
        """The identity of the run."""
        return WorkflowKey(
            self.namespace_id, WorkflowId(self.activity_id), self.run_id, Archetype.ACTIVITY
        )

    @property
    def is_open(self) -> bool:
        """Whether the activity has not closed."""
        return self.status in OPEN_STATUSES

    @property
    def is_started(self) -> bool:
        """Whether a worker has the current attempt."""
        return self.started_at != NEVER

    @property
    def was_ever_started(self) -> bool:
        """Whether a worker has had any attempt: from then on there is no start delay."""
        return self.last_started_at != NEVER

    @property
    def is_cancel_requested(self) -> bool:
        """Whether there is to be no further attempt."""
        return self.status is ActivityStatus.CANCEL_REQUESTED

    @property
    def first_scheduled_at(self) -> Instant:
        """When the first attempt could start: the clocks of its timeouts begin there."""
        return after(self.created_at, self.start_delay)

    @property
    def retry_at(self) -> Instant:
        """When the interval before the attempt that waits ends; `NEVER` if there is none."""
        if not self.retry_interval:
            return NEVER
        return after(self.last_attempt_completed_at, self.retry_interval)

    def respecting_start_delay(self, at: Instant) -> Instant:
        """Return an instant from `at` on at which an attempt may begin."""
        return at if self.was_ever_started else max(at, self.first_scheduled_at)


class ActivityRequest(Record, frozen=True, kw_only=True):
    """What the activity was started with, and what came with it: rarely written."""

    input: bytes = b""
    header: bytes = b""
    user_metadata: bytes = b""
    links: tuple[bytes, ...] = ()
    search_attributes: dict[str, bytes] = {}
    """Serialized payloads by registered name."""
    original_options: bytes = b""
    """Serialized `ActivityOptions`; empty for an activity that is older than the field."""


class ActivityOutcome(Record, frozen=True, kw_only=True):
    """How the activity has closed: a result, or a failure and why there was no other attempt."""

    result: bytes | None = None
    """Serialized `Payloads`."""
    failure: bytes = b""
    retry_state: int = 0


class ActivityState(NamedTuple):
    """All there is of one activity."""

    core: ActivityCore
    request: ActivityRequest
    heartbeat_details: bytes = b""
    """Serialized `Payloads` of the last heartbeat of any attempt."""
    last_failure: bytes = b""
    """Of the last attempt that failed."""
    outcome: ActivityOutcome | None = None
    """None while the activity is open."""
    callbacks: OwedCallbacks = ()
