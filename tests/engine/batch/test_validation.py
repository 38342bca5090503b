"""What a request for a batch operation must have."""

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.batch.v1 import (
    BatchOperationCancelActivities,
    BatchOperationReset,
    BatchOperationResetActivities,
    BatchOperationSignal,
    BatchOperationTermination,
    BatchOperationUnpauseActivities,
    BatchOperationUpdateActivityOptions,
    BatchOperationUpdateWorkflowExecutionOptions,
)
from temporalio.api.common.v1 import Execution, ResetOptions, WorkflowExecution
from temporalio.api.enums.v1 import ExecutionType, ResetType
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import StartBatchOperationRequest

from indelible.base.errors import InvalidArgumentError
from indelible.engine.batch.validation import check_batch

_END = BatchOperationTermination()


def complete(**fields: object) -> StartBatchOperationRequest:
    return StartBatchOperationRequest(
        **{  # pyright: ignore[reportArgumentType]
            "namespace": "default",
            "job_id": "job",
            "reason": "why",
            "visibility_query": "WorkflowType = 'x'",
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (complete(), "must provide required parameters"),
        (complete(termination_operation=_END, reason=""), "must provide required parameters"),
        (complete(termination_operation=_END, visibility_query=""), "must provide required"),
        (complete(termination_operation=_END, job_id=""), "JobId is not set on request."),
        (
            complete(termination_operation=_END, executions=[WorkflowExecution(workflow_id="w")]),
            "mutually exclusive",
        ),
        (
            complete(
                termination_operation=_END,
                visibility_query="",
                target_executions=[Execution(type=ExecutionType.EXECUTION_TYPE_ACTIVITY)],
            ),
            "requires EXECUTION_TYPE_WORKFLOW",
        ),
        (complete(signal_operation=BatchOperationSignal()), "must provide signal name"),
        (
            complete(
                update_workflow_options_operation=BatchOperationUpdateWorkflowExecutionOptions()
            ),
            "must provide UpdateOptions",
        ),
        (
            complete(
                update_workflow_options_operation=BatchOperationUpdateWorkflowExecutionOptions(
                    workflow_execution_options=WorkflowExecutionOptions()
                )
            ),
            "must provide UpdateMask",
        ),
        (complete(reset_operation=BatchOperationReset()), "unknown batch reset type 0"),
        (
            complete(reset_operation=BatchOperationReset(options=ResetOptions())),
            "batch reset missing target",
        ),
        (
            complete(unpause_activities_operation=BatchOperationUnpauseActivities()),
            "activity filter must be set",
        ),
        (
            complete(unpause_activities_operation=BatchOperationUnpauseActivities(type="")),
            "Either activity type must be set",
        ),
        (
            complete(reset_activities_operation=BatchOperationResetActivities()),
            "must provide ActivityType or MatchAll",
        ),
        (
            complete(
                update_activity_options_operation=BatchOperationUpdateActivityOptions(
                    activity_options=ActivityOptions(), restore_original=True, match_all=True
                )
            ),
            "cannot set both",
        ),
        (
            complete(
                update_activity_options_operation=BatchOperationUpdateActivityOptions(
                    match_all=True
                )
            ),
            "restore original should be set to true",
        ),
    ],
)
def test_what_is_missing_is_named(request_: StartBatchOperationRequest, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        check_batch(request_)


@pytest.mark.parametrize(
    "request_",
    [
        complete(termination_operation=_END),
        complete(signal_operation=BatchOperationSignal(signal="s")),
        complete(
            reset_operation=BatchOperationReset(reset_type=ResetType.RESET_TYPE_FIRST_WORKFLOW_TASK)
        ),
        complete(reset_operation=BatchOperationReset(options=ResetOptions(build_id="1"))),
        complete(unpause_activities_operation=BatchOperationUnpauseActivities(match_all=True)),
        complete(reset_activities_operation=BatchOperationResetActivities(type="t")),
        complete(
            update_activity_options_operation=BatchOperationUpdateActivityOptions(
                activity_options=ActivityOptions(), update_mask=FieldMask(), type="t"
            )
        ),
        complete(
            cancel_activities_operation=BatchOperationCancelActivities(),
            visibility_query="",
            target_executions=[Execution(type=ExecutionType.EXECUTION_TYPE_ACTIVITY)],
        ),
    ],
)
def test_what_is_complete_passes(request_: StartBatchOperationRequest) -> None:
    check_batch(request_)
