"""A schedule as the store sees it: its records, and its searchable row.

Owns their encoding. A record names its fields, so old ones open for ever. What an action changes is
apart from what clients have written, and each start that waits is a record of its own: a step
writes what it changes.
"""

from typing import Final

import msgspec
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowExecutionStatus

from indelible.base.ids import Archetype, WorkflowKey
from indelible.base.instants import NEVER, Instant
from indelible.engine.namespace.record import Namespace
from indelible.engine.schedule.advancing import closes_at, wake_at
from indelible.engine.schedule.listing import listed_schedule
from indelible.engine.schedule.state import (
    BufferedStart,
    ScheduleCore,
    ScheduleDefinition,
    ScheduleState,
)
from indelible.engine.visibility.query import (
    SCHEDULE_BUFFERED_COUNT,
    SCHEDULE_IDLE_CLOSE_TIME,
    SCHEDULE_NEXT_ACTION_TIME,
    SCHEDULE_RUNNING_COUNT,
)
from indelible.engine.visibility.record import IndexedValue, VisibilityRecord
from indelible.engine.visibility.search_attributes import indexed_values
from indelible.ports.stores import StoredExecution

_DEFINITION: Final = (1, "")
_LAST_RESULT: Final = (2, "")
_LAST_FAILURE: Final = (3, "")
_BUFFERED: Final = 4
_NUMBER_DIGITS: Final = 20
_RUNNING: Final = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
_PAUSED: Final = "TemporalSchedulePaused"

_encode: Final = msgspec.msgpack.Encoder().encode
_core_decoder: Final = msgspec.msgpack.Decoder(ScheduleCore)
_definition_decoder: Final = msgspec.msgpack.Decoder(ScheduleDefinition)
_start_decoder: Final = msgspec.msgpack.Decoder(BufferedStart)


class ScheduleKind:
    """Schedules, as `services.history.entities` keeps them."""

    def key(self, state: ScheduleState) -> WorkflowKey:
        """Return the identity of a schedule."""
        return state.core.key

    def is_open(self, state: ScheduleState) -> bool:  # noqa: ARG002 - part of the protocol
        """A schedule does not close: it is removed."""
        return True

    def wake_at(self, state: ScheduleState) -> Instant:
        """Return when it must be looked at next."""
        return wake_at(state)

    def work_count(self, state: ScheduleState) -> int:  # noqa: ARG002 - part of the protocol
        """Return nothing: a turn is held until it is over."""
        return 0

    def encode(self, state: ScheduleState) -> bytes:
        """Return the core record in its stored form."""
        return _encode(state.core)

    def parts(
        self, state: ScheduleState, before: ScheduleState | None
    ) -> dict[tuple[int, str], bytes | None]:
        """Return what has changed beside the core."""
        changed: dict[tuple[int, str], bytes | None] = {}
        if before is None or state.definition is not before.definition:
            changed[_DEFINITION] = _encode(state.definition)
        for place, now, then in (
            (_LAST_RESULT, state.last_result, before.last_result if before else b""),
            (_LAST_FAILURE, state.last_failure, before.last_failure if before else b""),
        ):
            if now != then:
                changed[place] = now or None
        old = {start.number: start for start in before.buffer} if before else {}
        for start in state.buffer:
            if old.pop(start.number, None) is not start:
                changed[_place(start.number)] = _encode(start)
        for number in old:
            changed[_place(number)] = None
        return changed

    def decode(self, stored: StoredExecution) -> ScheduleState:
        """Return the state of a stored schedule."""
        parts = {(row.kind, row.record_id): row.blob for row in stored.sub_records}
        return ScheduleState(
            core=_core_decoder.decode(stored.record),
            definition=_definition_decoder.decode(parts[_DEFINITION]),
            buffer=tuple(
                _start_decoder.decode(row.blob)
                for row in stored.sub_records
                if row.kind == _BUFFERED
            ),
            last_result=parts.get(_LAST_RESULT, b""),
            last_failure=parts.get(_LAST_FAILURE, b""),
        )

    def row(self, state: ScheduleState, namespace: Namespace) -> VisibilityRecord:
        """Return the searchable row."""
        core, definition = state.core, state.definition
        paused = Payload(
            metadata={"encoding": b"json/plain", "type": b"Bool"},
            data=b"true" if core.is_paused else b"false",
        )
        fields = {**definition.search_attributes, _PAUSED: paused.SerializeToString()}
        return VisibilityRecord(
            archetype=Archetype.SCHEDULE,
            namespace_id=core.namespace_id,
            workflow_id=core.schedule_id,
            run_id=core.run_id,
            workflow_type=definition.workflow_type,
            task_queue=definition.task_queue,
            status=_RUNNING,
            start_time=core.created_at,
            execution_time=core.created_at,
            close_time=NEVER,
            history_length=0,
            history_size_bytes=0,
            state_transition_count=0,
            parent_workflow_id="",
            parent_run_id="",
            root_workflow_id=core.schedule_id,
            root_run_id=core.run_id,
            memo=listed_schedule(core, definition),
            search_attributes=fields,
            indexed_values={
                **indexed_values(fields, namespace.search_attributes),
                **_own_values(state),
            },
        )


def _own_values(state: ScheduleState) -> dict[str, IndexedValue]:
    """Return what queries for schedules may ask of a schedule's own state."""
    core = state.core
    values: dict[str, IndexedValue] = {
        SCHEDULE_RUNNING_COUNT: len(core.running),
        SCHEDULE_BUFFERED_COUNT: len(state.buffer),
    }
    if core.next_action_at != NEVER and core.may_act:
        values[SCHEDULE_NEXT_ACTION_TIME] = core.next_action_at
    idle_at = closes_at(state)
    if idle_at != NEVER:
        values[SCHEDULE_IDLE_CLOSE_TIME] = idle_at
    return values


def _place(number: int) -> tuple[int, str]:
    """Return the place of a start; places are ordered as the starts are."""
    return _BUFFERED, f"{number:0{_NUMBER_DIGITS}}"
