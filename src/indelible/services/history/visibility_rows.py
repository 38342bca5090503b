"""The searchable row of a run.

Owns how a run's state becomes a `VisibilityRecord`, and when it must be written again: only when
what it shows has changed.
"""

from temporalio.api.common.v1 import Memo, Payload

from indelible.base.ids import Archetype
from indelible.base.instants import NEVER
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.record import VisibilityRecord
from indelible.engine.visibility.search_attributes import indexed_values
from indelible.engine.workflow.rules.system_attributes import (
    Entries,
    system_attributes,
    system_entries,
)
from indelible.engine.workflow.state import FIELDS_KEY, FieldsRecord, MutableState, WorkflowStatus

Shown = tuple[WorkflowStatus, FieldsRecord | None, FieldsRecord | None, Entries]
"""What of a run can change in its row. Records are immutable, so comparing them is cheap."""


def shown(state: MutableState) -> Shown:
    """Return what the row of a run depends on."""
    return (
        state.execution.status,
        state.memo_table.get(FIELDS_KEY),
        state.search_attributes_table.get(FIELDS_KEY),
        system_entries(state),
    )


def visibility_row(state: MutableState, namespace: Namespace) -> VisibilityRecord:
    """Return the row of a run. Numbers that only a closed run shows are zero before."""
    execution = state.execution
    is_closed = not execution.is_open
    parent = execution.parent
    fields = {**state.search_attributes, **system_attributes(state)}
    return VisibilityRecord(
        archetype=Archetype.WORKFLOW,
        namespace_id=execution.namespace_id,
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        workflow_type=execution.workflow_type,
        task_queue=execution.task_queue,
        status=execution.status,
        start_time=execution.started_at,
        execution_time=execution.execution_time,
        close_time=execution.closed_at if is_closed else NEVER,
        history_length=execution.next_event_id - 1 if is_closed else 0,
        history_size_bytes=execution.history_size_bytes if is_closed else 0,
        state_transition_count=execution.transition_count if is_closed else 0,
        parent_workflow_id=parent.workflow_id if parent else "",
        parent_run_id=parent.run_id if parent else "",
        root_workflow_id=execution.root_workflow_id,
        root_run_id=execution.root_run_id,
        memo=_memo(state),
        search_attributes=fields,
        indexed_values=indexed_values(fields, namespace.search_attributes) if fields else {},
    )


def _memo(state: MutableState) -> bytes:
    if not state.memo:
        return b""
    fields = {name: Payload.FromString(value) for name, value in state.memo.items()}
    return Memo(fields=fields).SerializeToString()
