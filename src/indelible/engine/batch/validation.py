"""What a request for a batch operation must have, in the reference's order and words."""

from collections.abc import Callable, Mapping
from typing import Final

from temporalio.api.batch.v1 import (
    BatchOperationResetActivities,
    BatchOperationUnpauseActivities,
    BatchOperationUpdateActivityOptions,
)
from temporalio.api.enums.v1 import ExecutionType, ResetType
from temporalio.api.workflowservice.v1 import StartBatchOperationRequest

from indelible.base.errors import InvalidArgumentError
from indelible.engine.batch.targets import is_about_activities, operation_name

_ActivityOperation = (
    BatchOperationUnpauseActivities
    | BatchOperationResetActivities
    | BatchOperationUpdateActivityOptions
)


def check_batch(request: StartBatchOperationRequest) -> None:
    """Raise `InvalidArgumentError` unless a request is complete."""
    selectors = [request.visibility_query, request.executions, request.target_executions]
    count = sum(map(bool, selectors))
    if request.WhichOneof("operation") is None or not request.reason or not count:
        raise InvalidArgumentError(
            "must provide required parameters: BatchType,Reason,Namespace, AND one of"
            " (Query OR Executions OR TargetExecutions)"
        )
    if not request.job_id:
        raise InvalidArgumentError("JobId is not set on request.")
    if count > 1:
        raise InvalidArgumentError(
            "visibility query, executions, and target executions are mutually exclusive"
        )
    _check_target_executions(request)
    check = _CHECKS.get(operation_name(request))
    if check is not None:
        check(request)


def _check_target_executions(request: StartBatchOperationRequest) -> None:
    expected = (
        ExecutionType.EXECUTION_TYPE_ACTIVITY
        if is_about_activities(request)
        else ExecutionType.EXECUTION_TYPE_WORKFLOW
    )
    for place, execution in enumerate(request.target_executions):
        if execution.type != expected:
            raise InvalidArgumentError(
                f"target_executions[{place}] has type {execution.type}, but operation"
                f" {operation_name(request)} requires {ExecutionType.Name(expected)}"
            )


def _check_signal(request: StartBatchOperationRequest) -> None:
    if not request.signal_operation.signal:
        raise InvalidArgumentError("must provide signal name")


def _check_options(request: StartBatchOperationRequest) -> None:
    operation = request.update_workflow_options_operation
    if not operation.HasField("workflow_execution_options"):
        raise InvalidArgumentError("must provide UpdateOptions")
    if not operation.HasField("update_mask"):
        raise InvalidArgumentError("must provide UpdateMask")


def _check_reset(request: StartBatchOperationRequest) -> None:
    operation = request.reset_operation
    if operation.HasField("options"):
        if operation.options.WhichOneof("target") is None:
            raise InvalidArgumentError("batch reset missing target")
    elif operation.reset_type not in ResetType.values() or not operation.reset_type:
        raise InvalidArgumentError(f"unknown batch reset type {operation.reset_type}")


def _check_unpause(request: StartBatchOperationRequest) -> None:
    if request.unpause_activities_operation.WhichOneof("activity") is None:
        raise InvalidArgumentError("activity filter must be set")
    _check_activity(request.unpause_activities_operation)


def _check_reset_activities(request: StartBatchOperationRequest) -> None:
    if request.reset_activities_operation.WhichOneof("activity") is None:
        raise InvalidArgumentError("must provide ActivityType or MatchAll")
    _check_activity(request.reset_activities_operation)


def _check_activity_options(request: StartBatchOperationRequest) -> None:
    operation = request.update_activity_options_operation
    is_given = operation.HasField("activity_options")
    if is_given and operation.restore_original:
        raise InvalidArgumentError("cannot set both activity options and restore original")
    if not is_given and not operation.restore_original:
        raise InvalidArgumentError(
            "Either activity type must be set, or restore original should be set to true"
        )
    _check_activity(operation)


def _check_activity(operation: _ActivityOperation) -> None:
    # Options without a type pass in the reference (1.32.0), and then fail with every target.
    if not operation.type and not operation.match_all:
        raise InvalidArgumentError(
            "Either activity type must be set, or match all should be set to true"
        )


_CHECKS: Final[Mapping[str, Callable[[StartBatchOperationRequest], None]]] = {
    "signal_operation": _check_signal,
    "update_workflow_options_operation": _check_options,
    "reset_operation": _check_reset,
    "unpause_activities_operation": _check_unpause,
    "reset_activities_operation": _check_reset_activities,
    "update_activity_options_operation": _check_activity_options,
}
"""Beyond what every operation needs; the others need nothing else."""
