"""How the life of the run itself changes its state: start, signals, cancellation, close."""

from msgspec.structs import replace
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes

from indelible.base.ids import EventId, NamespaceId, RunId, WorkflowId
from indelible.base.instants import NEVER, Instant, duration, instant
from indelible.base.limits import REQUEST_IDS_KEPT_MAX
from indelible.base.messages import present_bytes
from indelible.base.payloads import merged_fields
from indelible.engine.workflow.appliers.callback import attach_callbacks
from indelible.engine.workflow.deltas import (
    RequestIdAttached,
    RetentionFixed,
    StartRecorded,
    StepCounted,
)
from indelible.engine.workflow.state import (
    FIELDS_KEY,
    FieldsRecord,
    MutableState,
    ParentRecord,
    Record,
    WorkflowStatus,
)

_MARK = Record()


def apply_started(state: MutableState, event: HistoryEvent) -> None:
    """The run exists."""
    given = event.workflow_execution_started_event_attributes
    at = instant(event.event_time)
    backoff = duration(given.first_workflow_task_backoff)
    run_timeout = duration(given.workflow_run_timeout)
    has_root = given.HasField("root_workflow_execution")
    root = given.root_workflow_execution
    before = state.execution
    state.execution = replace(
        before,
        status=WorkflowStatus.RUNNING,
        first_run_id=RunId(given.first_execution_run_id),
        original_run_id=RunId(given.original_execution_run_id),
        continued_run_id=RunId(given.continued_execution_run_id),
        workflow_type=given.workflow_type.name,
        task_queue=given.task_queue.name,
        execution_timeout=duration(given.workflow_execution_timeout),
        run_timeout=run_timeout,
        task_timeout=duration(given.workflow_task_timeout),
        retry_policy=present_bytes(given, "retry_policy"),
        cron_schedule=given.cron_schedule,
        priority=present_bytes(given, "priority"),
        parent=_parent(given) if given.parent_initiated_event_id else None,
        root_workflow_id=WorkflowId(root.workflow_id) if has_root else before.workflow_id,
        root_run_id=RunId(root.run_id) if has_root else before.run_id,
        attempt=given.attempt,
        started_at=at,
        original_started_at=at,
        first_task_backoff=backoff,
        is_in_backoff=backoff > 0,
        run_expires_at=Instant(at + backoff + run_timeout) if run_timeout else NEVER,
        execution_expires_at=instant(given.workflow_execution_expiration_time),
    )
    attach_callbacks(state, given.completion_callbacks, request_id="", at=at)
    if given.HasField("prev_auto_reset_points"):
        points = given.prev_auto_reset_points.SerializeToString()
        state.execution = replace(state.execution, reset_points=points)
    if given.memo.fields:
        fields = merged_fields({}, given.memo.fields)
        state.memo_table.put(FIELDS_KEY, FieldsRecord(fields=fields))
    if given.search_attributes.indexed_fields:
        fields = merged_fields({}, given.search_attributes.indexed_fields)
        state.search_attributes_table.put(FIELDS_KEY, FieldsRecord(fields=fields))


def _parent(given: WorkflowExecutionStartedEventAttributes) -> ParentRecord:
    return ParentRecord(
        namespace_id=NamespaceId(given.parent_workflow_namespace_id),
        namespace_name=given.parent_workflow_namespace,
        workflow_id=WorkflowId(given.parent_workflow_execution.workflow_id),
        run_id=RunId(given.parent_workflow_execution.run_id),
        initiated_event_id=EventId(given.parent_initiated_event_id),
    )


def apply_signaled(state: MutableState, event: HistoryEvent) -> None:
    """A signal was received; its request id is not accepted again."""
    given = event.workflow_execution_signaled_event_attributes
    state.execution = replace(state.execution, signal_count=state.execution.signal_count + 1)
    if given.request_id:
        state.signal_requests.put(given.request_id, _MARK)


def apply_cancel_requested(state: MutableState, event: HistoryEvent) -> None:
    """Cancellation was requested."""
    state.execution = replace(state.execution, is_cancel_requested=True)


def apply_completed(state: MutableState, event: HistoryEvent) -> None:
    """The run completed."""
    successor = event.workflow_execution_completed_event_attributes.new_execution_run_id
    _close(state, event, WorkflowStatus.COMPLETED, successor)


def apply_failed(state: MutableState, event: HistoryEvent) -> None:
    """The run failed."""
    successor = event.workflow_execution_failed_event_attributes.new_execution_run_id
    _close(state, event, WorkflowStatus.FAILED, successor)


def apply_timed_out(state: MutableState, event: HistoryEvent) -> None:
    """The run took too long."""
    successor = event.workflow_execution_timed_out_event_attributes.new_execution_run_id
    _close(state, event, WorkflowStatus.TIMED_OUT, successor)


def apply_canceled(state: MutableState, event: HistoryEvent) -> None:
    """The run ended because of a cancellation request."""
    _close(state, event, WorkflowStatus.CANCELED, "")


def apply_terminated(state: MutableState, event: HistoryEvent) -> None:
    """The run was ended from outside."""
    _close(state, event, WorkflowStatus.TERMINATED, "")


def apply_continued_as_new(state: MutableState, event: HistoryEvent) -> None:
    """The run ended and another one goes on."""
    successor = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    _close(state, event, WorkflowStatus.CONTINUED_AS_NEW, successor)


def _close(
    state: MutableState, event: HistoryEvent, status: WorkflowStatus, successor: str
) -> None:
    state.execution = replace(
        state.execution,
        status=status,
        closed_at=instant(event.event_time),
        close_event_id=EventId(event.event_id),
        successor_run_id=RunId(successor),
        is_in_backoff=False,
        workflow_task=None,
        sticky_queue="",
    )


def apply_marker(state: MutableState, event: HistoryEvent) -> None:
    """A marker is opaque: it says something to the SDK alone."""


def apply_search_attributes_upserted(state: MutableState, event: HistoryEvent) -> None:
    """Search attributes were set; an empty payload or a null removes one."""
    given = event.upsert_workflow_search_attributes_event_attributes
    fields = merged_fields(state.search_attributes, given.search_attributes.indexed_fields)
    state.search_attributes_table.put(FIELDS_KEY, FieldsRecord(fields=fields))


def apply_properties_modified(state: MutableState, event: HistoryEvent) -> None:
    """Memo fields were set; an empty payload removes one."""
    given = event.workflow_properties_modified_event_attributes
    fields = merged_fields(state.memo, given.upserted_memo.fields)
    state.memo_table.put(FIELDS_KEY, FieldsRecord(fields=fields))


def apply_start_recorded(state: MutableState, delta: StartRecorded) -> None:
    """Keep what the started event does not tell."""
    state.execution = replace(
        state.execution,
        start_request_id=delta.request_id,
        namespace_name=delta.namespace_name,
        user_metadata=delta.user_metadata,
    )


def apply_request_id_attached(state: MutableState, delta: RequestIdAttached) -> None:
    """Remember a request id, and forget the oldest ones."""
    known = dict(state.execution.request_ids)
    known.pop(delta.request_id, None)
    known[delta.request_id] = (delta.event_type, delta.event_id)
    while len(known) > REQUEST_IDS_KEPT_MAX:
        del known[next(iter(known))]
    state.execution = replace(state.execution, request_ids=known)


def apply_step_counted(state: MutableState, delta: StepCounted) -> None:
    """Account for a transition."""
    execution = state.execution
    state.execution = replace(
        execution,
        transition_count=execution.transition_count + 1,
        history_size_bytes=execution.history_size_bytes + delta.history_bytes,
    )


def apply_retention_fixed(state: MutableState, delta: RetentionFixed) -> None:
    """Fix how long the closed run is kept."""
    state.execution = replace(state.execution, retention=delta.retention)
