"""A standalone activity as the store sees it: its records, and its searchable row.

Owns their encoding. A record names its fields, so old ones open for ever.
"""

from typing import Final

import msgspec

from indelible.base.ids import Archetype, WorkflowKey
from indelible.base.instants import Instant
from indelible.base.owed_callbacks import OwedCallbacks
from indelible.engine.activity.deadlines import wake_at
from indelible.engine.activity.description import public_status
from indelible.engine.activity.state import (
    ActivityCore,
    ActivityOutcome,
    ActivityRequest,
    ActivityState,
    ActivityStatus,
)
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.record import VisibilityRecord
from indelible.engine.visibility.search_attributes import indexed_values
from indelible.ports.stores import StoredExecution

_REQUEST: Final = (1, "")
_HEARTBEAT: Final = (2, "")
_LAST_FAILURE: Final = (3, "")
_OUTCOME: Final = (4, "")
_CALLBACKS: Final = (5, "")

_encode: Final = msgspec.msgpack.Encoder().encode
_core_decoder: Final = msgspec.msgpack.Decoder(ActivityCore)
_request_decoder: Final = msgspec.msgpack.Decoder(ActivityRequest)
_callbacks_decoder: Final = msgspec.msgpack.Decoder(OwedCallbacks)
_outcome_decoder: Final = msgspec.msgpack.Decoder(ActivityOutcome)


class ActivityKind:
    """Standalone activities, as `services.history.entities` keeps them."""

    def key(self, state: ActivityState) -> WorkflowKey:
        """Return the identity of an activity."""
        return state.core.key

    def is_open(self, state: ActivityState) -> bool:
        """Whether an activity has not closed."""
        return state.core.is_open

    def wake_at(self, state: ActivityState) -> Instant:
        """Return when it must be looked at next."""
        return wake_at(state)

    def work_count(self, state: ActivityState) -> int:
        """Return whether an attempt waits for a worker or is with one."""
        core = state.core
        is_waiting = not core.is_backing_off and core.status is not ActivityStatus.PAUSED
        return int(core.is_open and (core.is_started or is_waiting))

    def encode(self, state: ActivityState) -> bytes:
        """Return the core record in its stored form."""
        return _encode(state.core)

    def parts(
        self, state: ActivityState, before: ActivityState | None
    ) -> dict[tuple[int, str], bytes | None]:
        """Return what has changed beside the core; a heartbeat does not write the input again."""
        changed: dict[tuple[int, str], bytes | None] = {}
        if before is None or state.request is not before.request:
            changed[_REQUEST] = _encode(state.request)
        if before is None or state.outcome is not before.outcome:
            changed[_OUTCOME] = _encode(state.outcome) if state.outcome is not None else None
        if state.callbacks is not (before.callbacks if before is not None else ()):
            changed[_CALLBACKS] = _encode(state.callbacks) if state.callbacks else None
        for place, now, then in (
            (_HEARTBEAT, state.heartbeat_details, before.heartbeat_details if before else b""),
            (_LAST_FAILURE, state.last_failure, before.last_failure if before else b""),
        ):
            if now != then:
                changed[place] = now or None
        return changed

    def decode(self, stored: StoredExecution) -> ActivityState:
        """Return the state of a stored activity."""
        parts = {(row.kind, row.record_id): row.blob for row in stored.sub_records}
        return ActivityState(
            core=_core_decoder.decode(stored.record),
            request=_request_decoder.decode(parts[_REQUEST]),
            heartbeat_details=parts.get(_HEARTBEAT, b""),
            last_failure=parts.get(_LAST_FAILURE, b""),
            outcome=_outcome_decoder.decode(parts[_OUTCOME]) if _OUTCOME in parts else None,
            callbacks=(_callbacks_decoder.decode(parts[_CALLBACKS]) if _CALLBACKS in parts else ()),
        )

    def row(self, state: ActivityState, namespace: Namespace) -> VisibilityRecord:
        """Return the searchable row. Numbers that only a closed activity shows are zero before."""
        core, fields = state.core, state.request.search_attributes
        return VisibilityRecord(
            archetype=Archetype.ACTIVITY,
            namespace_id=core.namespace_id,
            workflow_id=core.activity_id,
            run_id=core.run_id,
            workflow_type=core.activity_type,
            task_queue=core.task_queue,
            status=public_status(core.status),
            start_time=core.created_at,
            execution_time=core.first_scheduled_at,
            close_time=core.closed_at,
            history_length=0,
            history_size_bytes=0 if core.is_open else state_size(state),
            state_transition_count=0 if core.is_open else core.transition_count,
            parent_workflow_id="",
            parent_run_id="",
            root_workflow_id=core.activity_id,
            root_run_id=core.run_id,
            memo=b"",
            search_attributes=fields,
            indexed_values=indexed_values(fields, namespace.search_attributes) if fields else {},
        )


def state_size(state: ActivityState) -> int:
    """Return about how many bytes an activity takes in the store."""
    return (
        len(_encode(state.core))
        + len(_encode(state.request))
        + len(state.heartbeat_details)
        + len(state.last_failure)
        + (len(_encode(state.outcome)) if state.outcome is not None else 0)
    )
