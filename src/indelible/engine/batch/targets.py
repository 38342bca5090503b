"""What a batch operation does, and to which executions (semantics 15.1).

Owns the kinds of operations and how the request names their targets. Must not know how rows are
found.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from google.protobuf.message import Message
from temporalio.api.common.v1 import Execution
from temporalio.api.enums.v1 import BatchOperationType, ExecutionType
from temporalio.api.workflowservice.v1 import StartBatchOperationRequest

from indelible.base.invariants import invariant

_Type = BatchOperationType

OPERATION_TYPES: Final[Mapping[str, "BatchOperationType.ValueType"]] = {
    "termination_operation": _Type.BATCH_OPERATION_TYPE_TERMINATE_WORKFLOW,
    "signal_operation": _Type.BATCH_OPERATION_TYPE_SIGNAL_WORKFLOW,
    "cancellation_operation": _Type.BATCH_OPERATION_TYPE_CANCEL_WORKFLOW,
    "deletion_operation": _Type.BATCH_OPERATION_TYPE_DELETE_WORKFLOW,
    "reset_operation": _Type.BATCH_OPERATION_TYPE_RESET_WORKFLOW,
    "update_workflow_options_operation": (
        _Type.BATCH_OPERATION_TYPE_UPDATE_WORKFLOW_EXECUTION_OPTIONS
    ),
    "unpause_activities_operation": _Type.BATCH_OPERATION_TYPE_UNPAUSE_ACTIVITY,
    "reset_activities_operation": _Type.BATCH_OPERATION_TYPE_RESET_ACTIVITY,
    "update_activity_options_operation": _Type.BATCH_OPERATION_TYPE_UPDATE_ACTIVITY_OPTIONS,
    "cancel_activities_operation": _Type.BATCH_OPERATION_TYPE_CANCEL_ACTIVITY,
    "terminate_activities_operation": _Type.BATCH_OPERATION_TYPE_TERMINATE_ACTIVITY,
    "delete_activities_operation": _Type.BATCH_OPERATION_TYPE_DELETE_ACTIVITY,
}
"""The kind of an operation, by the field of the request that asks for it."""
ACTIVITY_OPERATIONS: Final = frozenset(
    {"cancel_activities_operation", "terminate_activities_operation", "delete_activities_operation"}
)
"""Those whose targets are standalone activities."""
_OPEN_OR_CLOSED: Final = frozenset(
    {"deletion_operation", "reset_operation", "delete_activities_operation"}
)


class Target(NamedTuple):
    """One execution that an operation is tried on: a run, or the current one of an id."""

    workflow_id: str
    run_id: str


def operation_name(request: StartBatchOperationRequest) -> str:
    """Return the name of the field that says what is to be done."""
    name = request.WhichOneof("operation")
    invariant(name is not None, "a batch operation without an operation")
    return name or ""


def operation_of(request: StartBatchOperationRequest) -> Message:
    """Return what is to be done."""
    operation: Message = getattr(request, operation_name(request))
    return operation


def identity_of(request: StartBatchOperationRequest) -> str:
    """Return who asks for it, as far as it is said."""
    return getattr(operation_of(request), "identity", "")


def is_about_activities(request: StartBatchOperationRequest) -> bool:
    """Whether the targets are standalone activities."""
    return operation_name(request) in ACTIVITY_OPERATIONS


def concerns_closed(request: StartBatchOperationRequest) -> bool:
    """Whether closed executions are targets of a query, too."""
    return operation_name(request) in _OPEN_OR_CLOSED


def query_of(request: StartBatchOperationRequest) -> str:
    """Return the query whose rows are the targets; empty if they are listed.

    Activities of one type are looked for where they are paused, whatever the client's query says:
    the reference does so, and the clients' queries rely on it.
    """
    if not request.visibility_query:
        return ""
    unpaused = request.unpause_activities_operation
    if request.HasField("unpause_activities_operation") and unpaused.type:
        name = unpaused.type.replace("\\", "\\\\").replace("'", "\\'")
        return f"TemporalPauseInfo = 'property:activityType={name}'"
    return request.visibility_query


def listed_executions(request: StartBatchOperationRequest) -> Sequence[Execution]:
    """Return the targets that the request lists, in the newer of the two forms for it."""
    if request.target_executions:
        return request.target_executions
    kind = (
        ExecutionType.EXECUTION_TYPE_ACTIVITY
        if is_about_activities(request)
        else ExecutionType.EXECUTION_TYPE_WORKFLOW
    )
    return [
        Execution(type=kind, business_id=listed.workflow_id, run_id=listed.run_id)
        for listed in request.executions
    ]


def listed_targets(
    request: StartBatchOperationRequest, *, first: int, count_max: int
) -> list[Target]:
    """Return some of the listed targets."""
    listed = listed_executions(request)[first : first + count_max]
    return [Target(execution.business_id, execution.run_id) for execution in listed]
