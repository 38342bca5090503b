"""The commands of a simulated workflow, as protobuf messages. Knows no rules, only their form."""

from typing import Final

from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.command.v1 import (
    CancelTimerCommandAttributes,
    CancelWorkflowExecutionCommandAttributes,
    Command,
    CompleteWorkflowExecutionCommandAttributes,
    ContinueAsNewWorkflowExecutionCommandAttributes as ContinueAttributes,
    FailWorkflowExecutionCommandAttributes,
    ModifyWorkflowPropertiesCommandAttributes as MemoAttributes,
    RecordMarkerCommandAttributes,
    RequestCancelActivityTaskCommandAttributes,
    RequestCancelExternalWorkflowExecutionCommandAttributes as CancelExternalAttributes,
    RequestCancelNexusOperationCommandAttributes as CancelOperationAttributes,
    ScheduleActivityTaskCommandAttributes,
    ScheduleNexusOperationCommandAttributes,
    SignalExternalWorkflowExecutionCommandAttributes as SignalAttributes,
    StartChildWorkflowExecutionCommandAttributes as StartChildAttributes,
    StartTimerCommandAttributes,
    UpsertWorkflowSearchAttributesCommandAttributes as SearchAttributeAttributes,
)
from temporalio.api.common.v1 import (
    ActivityType,
    Memo,
    Payload,
    RetryPolicy,
    SearchAttributes,
    WorkflowExecution,
    WorkflowType,
)
from temporalio.api.deployment.v1 import WorkerDeploymentOptions
from temporalio.api.enums.v1 import CommandType, ParentClosePolicy, WorkerVersioningMode
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.taskqueue.v1 import TaskQueue

from indelible.base.instants import MILLISECOND, Duration, duration_message
from simulation.workloads.program import (
    Annotate,
    CallOperation,
    Program,
    RunActivity,
    RunChild,
    RunTimer,
    SendCancel,
    SendSignal,
    encode_input,
)

_C: Final = CommandType
DEPLOYMENT: Final = "app"
"""The deployment to which versioned workers belong."""
ENDPOINT: Final = "desk"
"""The Nexus endpoint that leads to the queue of all workers."""
SEARCH_ATTRIBUTE: Final = "BuildIds"


def span(milliseconds: int) -> DurationMessage | None:
    """Return a duration; None for zero, which means unset."""
    return duration_message(Duration(milliseconds * MILLISECOND)) if milliseconds else None


def deployment_of(build: str) -> WorkerDeploymentOptions | None:
    """Return what a worker of a build says of itself; nothing without a build."""
    if not build:
        return None
    return WorkerDeploymentOptions(
        deployment_name=DEPLOYMENT,
        build_id=build,
        worker_versioning_mode=WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED,
    )


def schedule_activity(op: RunActivity, task_queue: str) -> Command:
    """Schedule an activity."""
    return Command(
        command_type=_C.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
        schedule_activity_task_command_attributes=ScheduleActivityTaskCommandAttributes(
            activity_id=op.op_id,
            activity_type=ActivityType(name="act"),
            task_queue=TaskQueue(name=task_queue),
            input=encode_input(op),
            schedule_to_close_timeout=span(op.schedule_to_close_ms),
            schedule_to_start_timeout=span(op.schedule_to_start_ms),
            start_to_close_timeout=span(op.start_to_close_ms),
            heartbeat_timeout=span(op.heartbeat_ms),
            retry_policy=RetryPolicy(
                initial_interval=span(200),
                backoff_coefficient=2,
                maximum_interval=span(2_000),
                maximum_attempts=op.attempts_max,
            ),
            request_eager_execution=op.is_eager,
        ),
    )


def cancel_activity(scheduled_event_id: int) -> Command:
    """Ask an activity to stop."""
    return Command(
        command_type=_C.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK,
        request_cancel_activity_task_command_attributes=RequestCancelActivityTaskCommandAttributes(
            scheduled_event_id=scheduled_event_id
        ),
    )


def start_timer(op: RunTimer) -> Command:
    """Start a timer."""
    return Command(
        command_type=_C.COMMAND_TYPE_START_TIMER,
        start_timer_command_attributes=StartTimerCommandAttributes(
            timer_id=op.op_id, start_to_fire_timeout=span(op.span_ms)
        ),
    )


def cancel_timer(op: RunTimer) -> Command:
    """Cancel a timer."""
    return Command(
        command_type=_C.COMMAND_TYPE_CANCEL_TIMER,
        cancel_timer_command_attributes=CancelTimerCommandAttributes(timer_id=op.op_id),
    )


def start_child(op: RunChild, child_id: str, namespace: str) -> Command:
    """Start a child workflow."""
    return Command(
        command_type=_C.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION,
        start_child_workflow_execution_command_attributes=StartChildAttributes(
            namespace=namespace,
            workflow_id=child_id,
            workflow_type=WorkflowType(name="program"),
            input=encode_input(op.program),
            workflow_task_timeout=span(2_000),
            parent_close_policy=ParentClosePolicy.ValueType(op.close_policy),
            retry_policy=(
                RetryPolicy(initial_interval=span(300), maximum_attempts=op.attempts_max)
                if op.attempts_max
                else None
            ),
        ),
    )


def signal_external(op: SendSignal, namespace: str) -> Command:
    """Signal another workflow."""
    return Command(
        command_type=_C.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
        signal_external_workflow_execution_command_attributes=SignalAttributes(
            namespace=namespace,
            execution=WorkflowExecution(workflow_id=op.target),
            signal_name="from workflow",
            control=op.op_id,
            child_workflow_only=op.is_child_only,
        ),
    )


def cancel_external(op: SendCancel, namespace: str) -> Command:
    """Ask another workflow to stop."""
    return Command(
        command_type=_C.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
        request_cancel_external_workflow_execution_command_attributes=CancelExternalAttributes(
            namespace=namespace,
            workflow_id=op.target,
            control=op.op_id,
            child_workflow_only=op.is_child_only,
        ),
    )


def call_operation(op: CallOperation) -> Command:
    """Call a Nexus operation."""
    return Command(
        command_type=_C.COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION,
        schedule_nexus_operation_command_attributes=ScheduleNexusOperationCommandAttributes(
            endpoint=ENDPOINT,
            service="desk",
            operation=op.behavior,
            input=encode_input(op).payloads[0],
            schedule_to_close_timeout=span(op.schedule_to_close_ms),
        ),
    )


def cancel_operation(scheduled_event_id: int) -> Command:
    """Ask an operation to stop."""
    return Command(
        command_type=_C.COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION,
        request_cancel_nexus_operation_command_attributes=CancelOperationAttributes(
            scheduled_event_id=scheduled_event_id
        ),
    )


def annotate(op: Annotate) -> tuple[Command, str]:
    """Write something down; return the command and its name."""
    payload = Payload(metadata={"encoding": b"json/plain"}, data=f'"{op.op_id}"'.encode())
    match op.what:
        case "memo":
            return Command(
                command_type=_C.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES,
                modify_workflow_properties_command_attributes=MemoAttributes(
                    upserted_memo=Memo(fields={"note": payload})
                ),
            ), "memo"
        case "search_attribute":
            keywords = Payload(
                metadata={"encoding": b"json/plain", "type": b"KeywordList"},
                data=f'["{op.op_id}"]'.encode(),
            )
            return Command(
                command_type=_C.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
                upsert_workflow_search_attributes_command_attributes=SearchAttributeAttributes(
                    search_attributes=SearchAttributes(indexed_fields={SEARCH_ATTRIBUTE: keywords})
                ),
            ), "search attributes"
        case "marker" | "local_activity":
            name = "Version" if op.what == "marker" else "core_local_activity"
            return Command(
                command_type=_C.COMMAND_TYPE_RECORD_MARKER,
                record_marker_command_attributes=RecordMarkerCommandAttributes(marker_name=name),
            ), "marker"


def complete_workflow() -> Command:
    """End well."""
    return Command(
        command_type=_C.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
        complete_workflow_execution_command_attributes=CompleteWorkflowExecutionCommandAttributes(),
    )


def fail_workflow() -> Command:
    """End badly."""
    return Command(
        command_type=_C.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
        fail_workflow_execution_command_attributes=FailWorkflowExecutionCommandAttributes(
            failure=Failure(
                message="meant to", application_failure_info=ApplicationFailureInfo(type="Meant")
            )
        ),
    )


def cancel_workflow() -> Command:
    """End because it was asked for."""
    return Command(
        command_type=_C.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
        cancel_workflow_execution_command_attributes=CancelWorkflowExecutionCommandAttributes(),
    )


def continue_as_new(program: Program) -> Command:
    """Begin again, with one repetition less to go."""
    following = Program(
        steps=program.steps,
        ending=program.ending,
        continues=program.continues - 1,
        heeds_cancel=program.heeds_cancel,
        fails_until_attempt=program.fails_until_attempt,
    )
    return Command(
        command_type=_C.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
        continue_as_new_workflow_execution_command_attributes=ContinueAttributes(
            input=encode_input(following)
        ),
    )
