"""The state of one batch operation: immutable records.

Owns what is stored. A batch operation has no history: its records are all that there is of it. Must
not know how they are stored, nor who changes them.
"""

from enum import IntEnum
from typing import Final, NamedTuple

import msgspec
from temporalio.api.workflowservice.v1 import StartBatchOperationRequest

from indelible.base.ids import Archetype, NamespaceId, RunId, WorkflowId, WorkflowKey
from indelible.base.instants import NEVER, NO_DURATION, Duration, Instant

UNCOUNTED: Final = -1
"""The total of a batch operation that has not begun."""


class BatchStatus(IntEnum):
    """Where a batch operation is in its life; stored, so the values never change."""

    RUNNING = 1
    COMPLETED = 2
    """All targets were tried, whatever came of it."""
    FAILED = 3
    """It was stopped, or its targets cannot be found."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stored value. New fields get defaults, so that old records open for ever."""


class Position(Record, frozen=True, kw_only=True):
    """The last target that was tried.

    With a query it is a row, by the columns that order rows; with a list, a place in the list.
    """

    count: int = 0
    """Of the targets up to here: those of a list are found by it."""
    close_time: Instant = NEVER
    start_time: Instant = NEVER
    run_id: str = ""


class BatchCore(Record, frozen=True, kw_only=True):
    """What is written with every commit: small."""

    namespace_id: NamespaceId
    job_id: str
    run_id: RunId
    operation_type: int
    reason: str
    identity: str = ""
    status: BatchStatus = BatchStatus.RUNNING
    started_at: Instant
    closed_at: Instant = NEVER
    close_reason: str = ""
    """Why it was stopped, or has failed."""
    close_identity: str = ""
    retention: Duration = NO_DURATION
    """From the close on."""
    position: Position = Position()
    total_count: int = UNCOUNTED
    """An estimate: targets come and go while a batch operation runs."""
    complete_count: int = 0
    failure_count: int = 0

    @property
    def key(self) -> WorkflowKey:
        """The identity of the job."""
        return WorkflowKey(
            self.namespace_id, WorkflowId(self.job_id), self.run_id, Archetype.BATCH_OPERATION
        )

    @property
    def is_open(self) -> bool:
        """Whether the job has not ended."""
        return self.status is BatchStatus.RUNNING


class BatchState(NamedTuple):
    """All there is of one batch operation."""

    core: BatchCore
    request: bytes
    """The serialized request that started it: never changes."""

    def parsed_request(self) -> StartBatchOperationRequest:
        """Return the request that started it."""
        return StartBatchOperationRequest.FromString(self.request)
