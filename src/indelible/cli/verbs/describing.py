"""A workflow's state, for people: one heading for each kind of fact, nothing that is empty."""

from collections.abc import Mapping
from typing import Final

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.enums.v1 import (
    CallbackState,
    PendingActivityState,
    PendingNexusOperationState,
    VersioningBehavior,
    WorkflowExecutionStatus,
)
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
)

from indelible.cli.output import Output, Shown
from indelible.cli.session import Session
from indelible.cli.values import Json
from indelible.cli.verbs.histories import close_event_of_run, print_text_result, result_json
from indelible.cli.verbs.messages import execution, precise, short_name, status_text, when
from indelible.cli.verbs.payloads import failure_text, shown_values, value_of

_RUNNING: Final = (
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED,
)


async def describe_workflow(session: Session) -> None:
    """Show a workflow's state."""
    options = session.options
    answer = await session.workflows.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(namespace=session.namespace, execution=execution(options))
    )
    output = session.output
    if options.reset_points:
        _print_reset_points(output, answer)
        return
    run = answer.workflow_execution_info
    if options.raw and not output.is_json:
        output.lines([str(output.json_of(answer))])
        return
    if output.is_json:
        output.document(await _document(session, answer))
        return
    _print_run(session, run)
    _print_extended(output, answer)
    _print_pending(output, answer)
    _print_callbacks(output, answer)
    if run.status not in _RUNNING:
        output.say()
        print_text_result(output, await close_event_of_run(session, run.execution))


async def _document(session: Session, answer: DescribeWorkflowExecutionResponse) -> Json:
    output = session.output
    document = output.json_of(answer)
    run = answer.workflow_execution_info
    if run.status in _RUNNING or not isinstance(document, dict):
        return document
    close = await close_event_of_run(
        session,
        WorkflowExecution(workflow_id=run.execution.workflow_id, run_id=run.execution.run_id),
    )
    document["closeEvent"] = output.json_of(close)
    if close.HasField("workflow_execution_completed_event_attributes"):
        document["result"] = result_json(output, close)
    return document


def _print_reset_points(output: Output, answer: DescribeWorkflowExecutionResponse) -> None:
    points = answer.workflow_execution_info.auto_reset_points.points
    rows: list[Json] = [
        {
            "EventId": point.first_workflow_task_completed_id,
            "CreateTime": precise(point.create_time),
            "BinaryChecksum": point.binary_checksum,
            "RunId": point.run_id,
        }
        for point in points
    ]
    output.document(rows)
    output.table(
        ("EventId", "CreateTime", "BuildId", "RunId"),
        [
            (
                point.first_workflow_task_completed_id,
                when(point.create_time),
                point.build_id or point.binary_checksum,
                point.run_id,
            )
            for point in points
        ],
    )


# ------------------------------------------------------------------------------- for people
def fields_text(fields: Mapping[str, Payload]) -> dict[str, Json]:
    """Return named payloads as values."""
    return {key: value_of(fields[key]) for key in sorted(fields)}


def _print_run(session: Session, run: WorkflowExecutionInfo) -> None:
    output = session.output
    output.title("Execution info:")
    is_root = run.root_execution.workflow_id in {"", run.execution.workflow_id}
    output.card(
        {
            "Status": status_text(output, WorkflowExecutionStatus, run.status),
            "WorkflowId": run.execution.workflow_id,
            "RunId": run.execution.run_id,
            "Type": run.type.name,
            "Namespace": session.namespace,
            "TaskQueue": run.task_queue,
            "AssignedBuildId": run.assigned_build_id,
            "StartTime": when(run.start_time),
            "ExecutionTime": when(run.execution_time),
            "CloseTime": when(run.close_time),
            "Memo": fields_text(run.memo.fields),
            "SearchAttributes": fields_text(run.search_attributes.indexed_fields),
            "StateTransitionCount": run.state_transition_count,
            "HistoryLength": run.history_length,
            "HistorySize": run.history_size_bytes,
            "ParentWorkflowId": run.parent_execution.workflow_id,
            "ParentRunId": run.parent_execution.run_id,
            "RootWorkflowId": "" if is_root else run.root_execution.workflow_id,
        }
    )


def _print_extended(output: Output, answer: DescribeWorkflowExecutionResponse) -> None:
    extended = answer.workflow_extended_info
    run = answer.workflow_execution_info
    versioning = run.versioning_info
    override = versioning.versioning_override
    texts = answer.execution_config.user_metadata
    paused = extended.pause_info
    sections: Mapping[str, Mapping[str, Shown]] = {
        "Extended info:": {
            "CancelRequested": extended.cancel_requested or None,
            "ExecutionExpirationTime": when(extended.execution_expiration_time),
            "RunExpirationTime": when(extended.run_expiration_time),
            "LastResetTime": when(extended.last_reset_time),
        },
        "Pause info:": {
            "Identity": paused.identity,
            "Reason": paused.reason,
            "PausedTime": when(paused.paused_time),
        },
        "Texts:": {
            "Summary": _payload_text(texts.summary),
            "Details": _payload_text(texts.details),
        },
        "Versioning:": {
            "Behavior": (
                short_name(VersioningBehavior, versioning.behavior) if versioning.behavior else ""
            ),
            "DeploymentName": versioning.deployment_version.deployment_name,
            "BuildId": versioning.deployment_version.build_id,
            "Override": _one_line(output, override),
        },
    }
    for title, rows in sections.items():
        if any(rows.values()):
            output.title(title)
            output.card(rows)


def _payload_text(payload: Payload) -> str:
    return str(value_of(payload)) if payload.data else ""


def _one_line(output: Output, message: Message) -> Shown:
    value = output.json_of(message)
    return value if isinstance(value, dict) else None


def _print_pending(output: Output, answer: DescribeWorkflowExecutionResponse) -> None:
    activities = answer.pending_activities
    if activities:
        output.title(f"Pending activities: {len(activities)}")
    for activity in activities:
        output.card(
            {
                "ActivityId": activity.activity_id,
                "Type": activity.activity_type.name,
                "State": short_name(PendingActivityState, activity.state),
                "Attempt": activity.attempt,
                "MaximumAttempts": activity.maximum_attempts or "unlimited",
                "ScheduledTime": when(activity.scheduled_time),
                "LastStartedTime": when(activity.last_started_time),
                "LastHeartbeatTime": when(activity.last_heartbeat_time),
                "HeartbeatDetails": shown_values(activity.heartbeat_details),
                "NextAttemptTime": when(activity.next_attempt_schedule_time),
                "ExpirationTime": when(activity.expiration_time),
                "LastFailure": failure_text(activity.last_failure),
                "LastWorkerIdentity": activity.last_worker_identity,
            }
        )
        output.say()
    children = answer.pending_children
    if children:
        output.title(f"Pending children: {len(children)}")
        output.table(
            ("WorkflowId", "RunId", "Type"),
            [(child.workflow_id, child.run_id, child.workflow_type_name) for child in children],
        )
    operations = answer.pending_nexus_operations
    if operations:
        output.title(f"Pending Nexus operations: {len(operations)}")
    for operation in operations:
        output.card(
            {
                "Endpoint": operation.endpoint,
                "Service": operation.service,
                "Operation": operation.operation,
                "OperationToken": operation.operation_token,
                "State": short_name(PendingNexusOperationState, operation.state),
                "Attempt": operation.attempt,
                "NextAttemptTime": when(operation.next_attempt_schedule_time),
                "LastFailure": failure_text(operation.last_attempt_failure),
                "BlockedReason": operation.blocked_reason,
            }
        )


def _print_callbacks(output: Output, answer: DescribeWorkflowExecutionResponse) -> None:
    if not answer.callbacks:
        return
    output.title(f"Callbacks: {len(answer.callbacks)}")
    for callback in answer.callbacks:
        output.card(
            {
                "URL": callback.callback.nexus.url,
                "State": short_name(CallbackState, callback.state),
                "Attempt": callback.attempt,
                "RegistrationTime": when(callback.registration_time),
                "NextAttemptTime": when(callback.next_attempt_schedule_time),
                "BlockedReason": callback.blocked_reason,
                "LastFailure": failure_text(callback.last_attempt_failure),
            }
        )
