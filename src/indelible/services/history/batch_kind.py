"""A batch operation as the store sees it: its records, and its searchable row.

Owns their encoding. A record names its fields, so old ones open for ever.
"""

from typing import Final

import msgspec

from indelible.base.ids import Archetype, WorkflowKey
from indelible.base.instants import Instant
from indelible.engine.batch.progress import wake_at
from indelible.engine.batch.state import BatchCore, BatchState, BatchStatus
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.filters import Comparison
from indelible.engine.visibility.record import VisibilityRecord
from indelible.ports.stores import StoredExecution

OPEN_JOBS: Final = Comparison(
    field="status", is_search_attribute=False, operator="=", value=int(BatchStatus.RUNNING)
)
"""Finds the rows of the jobs that have not ended."""

_REQUEST: Final = (1, "")

_encode: Final = msgspec.msgpack.Encoder().encode
_core_decoder: Final = msgspec.msgpack.Decoder(BatchCore)


class BatchKind:
    """Batch operations, as `services.history.entities` keeps them."""

    def key(self, state: BatchState) -> WorkflowKey:
        """Return the identity of a job."""
        return state.core.key

    def is_open(self, state: BatchState) -> bool:
        """Whether a job has not ended."""
        return state.core.is_open

    def wake_at(self, state: BatchState) -> Instant:
        """Return when it must be looked at next."""
        return wake_at(state.core)

    def work_count(self, state: BatchState) -> int:  # noqa: ARG002 - part of the protocol
        """Return nothing: a job runs by the clock of the node."""
        return 0

    def encode(self, state: BatchState) -> bytes:
        """Return the core record in its stored form."""
        return _encode(state.core)

    def parts(
        self, state: BatchState, before: BatchState | None
    ) -> dict[tuple[int, str], bytes | None]:
        """Return what has changed beside the core: the request is written once."""
        return {_REQUEST: state.request} if before is None else {}

    def decode(self, stored: StoredExecution) -> BatchState:
        """Return the state of a stored job."""
        parts = {(row.kind, row.record_id): row.blob for row in stored.sub_records}
        return BatchState(_core_decoder.decode(stored.record), parts[_REQUEST])

    def row(
        self,
        state: BatchState,
        namespace: Namespace,  # noqa: ARG002 - no attribute of its is used
    ) -> VisibilityRecord:
        """Return the searchable row; progress is not in it, or each group would write it anew."""
        core = state.core
        return VisibilityRecord(
            archetype=Archetype.BATCH_OPERATION,
            namespace_id=core.namespace_id,
            workflow_id=core.job_id,
            run_id=core.run_id,
            workflow_type=str(core.operation_type),
            task_queue="",
            status=core.status,
            start_time=core.started_at,
            execution_time=core.started_at,
            close_time=core.closed_at,
            history_length=0,
            history_size_bytes=0,
            state_transition_count=0,
            parent_workflow_id="",
            parent_run_id="",
            root_workflow_id=core.job_id,
            root_run_id=core.run_id,
            memo=b"",
            search_attributes={},
            indexed_values={},
        )
