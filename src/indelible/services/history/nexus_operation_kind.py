"""A standalone Nexus operation as the store sees it: its records, and its searchable row.

Owns their encoding. A record names its fields, so old ones open for ever.
"""

from typing import Final

import msgspec

from indelible.base.ids import Archetype, WorkflowKey
from indelible.base.instants import Instant
from indelible.base.owed_callbacks import OwedCallbacks
from indelible.engine.namespace.record import Namespace
from indelible.engine.nexus_operation.deadlines import wake_at
from indelible.engine.nexus_operation.description import public_status
from indelible.engine.nexus_operation.state import (
    OperationCore,
    OperationOutcome,
    OperationRequest,
    OperationState,
)
from indelible.engine.visibility.query import (
    OPERATION_ENDPOINT,
    OPERATION_REQUEST_ID,
    OPERATION_SERVICE,
)
from indelible.engine.visibility.record import VisibilityRecord
from indelible.engine.visibility.search_attributes import indexed_values
from indelible.ports.stores import StoredExecution

_REQUEST: Final = (1, "")
_OUTCOME: Final = (2, "")
_CALLBACKS: Final = (3, "")

_encode: Final = msgspec.msgpack.Encoder().encode
_core_decoder: Final = msgspec.msgpack.Decoder(OperationCore)
_request_decoder: Final = msgspec.msgpack.Decoder(OperationRequest)
_outcome_decoder: Final = msgspec.msgpack.Decoder(OperationOutcome)
_callbacks_decoder: Final = msgspec.msgpack.Decoder(OwedCallbacks)


class NexusOperationKind:
    """Standalone Nexus operations, as `services.history.entities` keeps them."""

    def key(self, state: OperationState) -> WorkflowKey:
        """Return the identity of an operation."""
        return state.core.key

    def is_open(self, state: OperationState) -> bool:
        """Whether an operation has not ended."""
        return state.core.is_open

    def wake_at(self, state: OperationState) -> Instant:
        """Return when it must be looked at next."""
        return wake_at(state)

    def work_count(self, state: OperationState) -> int:  # noqa: ARG002 - part of the protocol
        """Return nothing: calls of the handler are transfer tasks."""
        return 0

    def encode(self, state: OperationState) -> bytes:
        """Return the core record in its stored form."""
        return _encode(state.core)

    def parts(
        self, state: OperationState, before: OperationState | None
    ) -> dict[tuple[int, str], bytes | None]:
        """Return what has changed beside the core; an attempt does not write the input again."""
        changed: dict[tuple[int, str], bytes | None] = {}
        if before is None or state.request is not before.request:
            changed[_REQUEST] = _encode(state.request)
        if before is None or state.outcome is not before.outcome:
            changed[_OUTCOME] = _encode(state.outcome) if state.outcome is not None else None
        if state.callbacks is not (before.callbacks if before is not None else ()):
            changed[_CALLBACKS] = _encode(state.callbacks)
        return changed

    def decode(self, stored: StoredExecution) -> OperationState:
        """Return the state of a stored operation."""
        parts = {(row.kind, row.record_id): row.blob for row in stored.sub_records}
        return OperationState(
            core=_core_decoder.decode(stored.record),
            request=_request_decoder.decode(parts[_REQUEST]),
            outcome=_outcome_decoder.decode(parts[_OUTCOME]) if _OUTCOME in parts else None,
            callbacks=_callbacks_decoder.decode(parts[_CALLBACKS]) if _CALLBACKS in parts else (),
        )

    def row(self, state: OperationState, namespace: Namespace) -> VisibilityRecord:
        """Return the searchable row. Numbers that only a closed operation shows are zero before."""
        core, fields = state.core, state.request.search_attributes
        return VisibilityRecord(
            archetype=Archetype.NEXUS_OPERATION,
            namespace_id=core.namespace_id,
            workflow_id=core.operation_id,
            run_id=core.run_id,
            workflow_type=core.operation,
            task_queue="",
            status=public_status(core.status),
            start_time=core.scheduled_at,
            execution_time=core.scheduled_at,
            close_time=core.closed_at,
            history_length=0,
            history_size_bytes=0 if core.is_open else state_size(state),
            state_transition_count=0 if core.is_open else core.transition_count,
            parent_workflow_id="",
            parent_run_id="",
            root_workflow_id=core.operation_id,
            root_run_id=core.run_id,
            memo=b"",
            search_attributes=fields,
            indexed_values={
                **(indexed_values(fields, namespace.search_attributes) if fields else {}),
                OPERATION_ENDPOINT: core.endpoint,
                OPERATION_SERVICE: core.service,
                OPERATION_REQUEST_ID: core.request_id,
            },
        )


def state_size(state: OperationState) -> int:
    """Return about how many bytes an operation takes in the store."""
    return (
        len(_encode(state.core))
        + len(_encode(state.request))
        + (len(_encode(state.outcome)) if state.outcome is not None else 0)
    )
