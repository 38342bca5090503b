"""The state of one schedule: immutable records.

Owns what is stored. A schedule has no history: its records are all that there is of it. Must not
know how they are stored, nor who changes them.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from temporalio.api.enums.v1 import ScheduleOverlapPolicy, WorkflowExecutionStatus

from indelible.base.ids import Archetype, NamespaceId, RunId, WorkflowId, WorkflowKey
from indelible.base.instants import NEVER, Instant

FIRST_CONFLICT_TOKEN: Final = 1
BUFFERED_STARTS_MAX: Final = 1_000
"""Starts that wait for their turn; what comes on top is dropped, and counted."""
READY_STARTS_MAX: Final = 200
"""Starts that are decided and not made; no others are decided until they are."""
BACKFILLS_MAX: Final = 100
RECENT_ACTIONS_MAX: Final = 10
REQUEST_IDS_MAX: Final = 10

UNSPECIFIED: Final = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_UNSPECIFIED
RUNNING: Final = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stored value. New fields get defaults, so that old records open for ever."""


class BufferedStart(Record, frozen=True, kw_only=True):
    """An action that is due, from then until its workflow has started."""

    number: int
    """Counts the actions of a schedule: the same number is the same action, however often it is
    tried."""
    nominal: Instant
    at: Instant
    """When it was due, with the jitter."""
    policy: int = UNSPECIFIED
    """Its own overlap policy; unspecified for that of the schedule."""
    is_manual: bool = False
    """Somebody asked for it: neither a pause nor a limit holds it up."""
    is_overlapping: bool = False
    """It was decided to start it beside others, which do not wait for it either."""
    attempt: int = 0
    """0 while it waits for its turn; then the number of the next try."""
    next_attempt_at: Instant = NEVER
    give_up_at: Instant = NEVER
    """After that it is not tried again."""


class StartedAction(Record, frozen=True, kw_only=True):
    """A workflow that the schedule has started."""

    number: int
    at: Instant
    started_at: Instant
    workflow_id: str
    first_run_id: RunId
    status: int = RUNNING


class RunningAction(Record, frozen=True, kw_only=True):
    """A workflow for whose end later starts wait."""

    number: int
    workflow_id: str
    first_run_id: RunId
    stop: str = ""
    """`STOP_CANCEL` or `STOP_TERMINATE` if it is to be stopped for another start."""
    is_stop_delivered: bool = False


STOP_CANCEL: Final = "cancel"
STOP_TERMINATE: Final = "terminate"


class Backfill(Record, frozen=True, kw_only=True):
    """A request to act for the times of a span, as far as it has not been fulfilled."""

    after: Instant
    """The nominal times up to here are done."""
    end: Instant
    """Inclusive."""
    policy: int = UNSPECIFIED


class ScheduleCore(Record, frozen=True, kw_only=True):
    """What changes with every action."""

    namespace_id: NamespaceId
    schedule_id: str
    run_id: RunId
    """Tells a schedule from an earlier one with the same id."""
    create_request_id: str
    request_ids: tuple[str, ...] = ()
    """Of the last changes."""
    created_at: Instant
    updated_at: Instant = NEVER
    """When it was replaced last."""
    changed_at: Instant = NEVER
    """When a client changed anything of it last."""
    conflict_token: int = FIRST_CONFLICT_TOKEN

    is_paused: bool = False
    notes: str = ""
    is_limited: bool = False
    remaining_count: int = 0

    cursor: Instant
    """The nominal times up to here have been dealt with."""
    next_action_at: Instant = NEVER
    """When the next time comes; `NEVER` if there is none."""
    next_number: int = 1
    action_count: int = 0
    missed_catchup_count: int = 0
    overlap_skipped_count: int = 0
    buffer_dropped_count: int = 0
    backfills: tuple[Backfill, ...] = ()
    running: tuple[RunningAction, ...] = ()
    recent: tuple[StartedAction, ...] = ()
    """The last actions, oldest first."""

    @property
    def key(self) -> WorkflowKey:
        """The identity of the schedule."""
        return WorkflowKey(
            self.namespace_id, WorkflowId(self.schedule_id), self.run_id, Archetype.SCHEDULE
        )

    @property
    def may_act(self) -> bool:
        """Whether times lead to actions: not while paused, nor when the limit is used up."""
        return not self.is_paused and (not self.is_limited or self.remaining_count > 0)


class ScheduleDefinition(Record, frozen=True, kw_only=True):
    """What clients have written; replaced as a whole."""

    spec: bytes
    """A serialized `ScheduleSpec` in canonical form."""
    action: bytes
    """A serialized `NewWorkflowExecutionInfo`."""
    policies: bytes = b""
    """A serialized `SchedulePolicies`."""
    memo: bytes = b""
    """A serialized `Memo`."""
    search_attributes: Mapping[str, bytes] = {}
    """Serialized payloads."""
    workflow_type: str = ""
    task_queue: str = ""


class ScheduleState(NamedTuple):
    """All that there is of a schedule."""

    core: ScheduleCore
    definition: ScheduleDefinition
    buffer: tuple[BufferedStart, ...] = ()
    """Starts that are not made, in the order in which they came."""
    last_result: bytes = b""
    """Of the last workflow that completed: serialized `Payloads`."""
    last_failure: bytes = b""
    """Of the last workflow, unless it completed: a serialized `Failure`."""
