"""The errors that a caller of the service can meet.

Owns the closed list of status codes and the exceptions that carry them, with their typed details.
Must not know how an error travels: only `wire` turns one into a gRPC status or an HTTP response.
The meaning of each detail follows semantics 1.6.
"""

from enum import IntEnum
from typing import TYPE_CHECKING

from temporalio.api.errordetails.v1 import (
    NamespaceNotFoundFailure,
    NotFoundFailure,
    PermissionDeniedFailure,
    ResourceExhaustedFailure,
    WorkflowExecutionAlreadyStartedFailure,
    WorkflowNotReadyFailure,
)

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope


class StatusCode(IntEnum):
    """The status codes of gRPC, by their numbers on the wire."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class ServiceError(Exception):
    """A refusal that the caller is told: a status code, a message and typed details.

    A step that raises one leaves no trace.
    """

    code: StatusCode = StatusCode.UNKNOWN

    def __init__(self, message: str, *details: "Message") -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class InvalidArgumentError(ServiceError):
    """The request can never succeed as it is."""

    code = StatusCode.INVALID_ARGUMENT


class RunTooLargeError(InvalidArgumentError):
    """A run had no room for what was asked of it, and was ended."""


class NotFoundError(ServiceError):
    """The entity, or the task, does not exist (any more)."""

    code = StatusCode.NOT_FOUND


class AlreadyExistsError(ServiceError):
    """The entity exists already."""

    code = StatusCode.ALREADY_EXISTS


class FailedPreconditionError(ServiceError):
    """The entity is in a state that forbids the request."""

    code = StatusCode.FAILED_PRECONDITION


class ResourceExhaustedError(ServiceError):
    """A bound is reached; clients back off and try again."""

    code = StatusCode.RESOURCE_EXHAUSTED


class PermissionDeniedError(ServiceError):
    """The caller may not do this."""

    code = StatusCode.PERMISSION_DENIED


class UnimplementedError(ServiceError):
    """The method or feature is not built, or switched off."""

    code = StatusCode.UNIMPLEMENTED


class UnavailableError(ServiceError):
    """The service cannot answer now; the same request may succeed later."""

    code = StatusCode.UNAVAILABLE


class DeadlineExceededError(ServiceError):
    """The caller's deadline passed before there was an answer."""

    code = StatusCode.DEADLINE_EXCEEDED


class AbortedError(ServiceError):
    """The request lost against a concurrent one."""

    code = StatusCode.ABORTED


class InternalError(ServiceError):
    """A defect of ours, told without its inner detail."""

    code = StatusCode.INTERNAL


def workflow_not_found(workflow_id: str, run_id: str = "") -> NotFoundError:
    """Return the refusal for a run, or for a workflow id without runs, that does not exist."""
    message = (
        f'workflow execution not found for workflow ID "{workflow_id}" and run ID "{run_id}"'
        if run_id
        else f"workflow not found for ID: {workflow_id}"
    )
    return NotFoundError(message, NotFoundFailure())


def workflow_chain_not_found() -> NotFoundError:
    """Return the refusal for a current run that does not go back to the first run asked for."""
    return NotFoundError("workflow execution not found", NotFoundFailure())


def workflow_already_completed() -> NotFoundError:
    """Return the refusal of a request that needs an open run."""
    return NotFoundError("workflow execution already completed", NotFoundFailure())


def workflow_task_not_found() -> NotFoundError:
    """Return the refusal of a stale workflow task token; SDKs rely on the code (trap 17)."""
    return NotFoundError("Workflow task not found.", NotFoundFailure())


def activity_not_found() -> NotFoundError:
    """Return the refusal of an activity completion or heartbeat that comes too late."""
    return NotFoundError(
        "invalid activityID or activity already timed out or invoking workflow is completed",
        NotFoundFailure(),
    )


def pending_activity_not_found() -> NotFoundError:
    """Return the refusal of a change to an activity that the run does not have, or no more."""
    return NotFoundError(
        "Can't find pending activity with such ID."
        " Invalid activityID or activity already completed",
        NotFoundFailure(),
    )


def activity_execution_not_found(activity_id: str) -> NotFoundError:
    """Return the refusal for a standalone activity that does not exist."""
    return NotFoundError(f"activity not found for ID: {activity_id}", NotFoundFailure())


def nexus_operation_not_found(operation_id: str) -> NotFoundError:
    """Return the refusal for a standalone Nexus operation that does not exist."""
    return NotFoundError(f"operation not found for ID: {operation_id}", NotFoundFailure())


def batch_operation_not_found(job_id: str) -> NotFoundError:
    """Return the refusal for a batch operation that does not exist."""
    return NotFoundError(f"batch operation not found for ID: {job_id}", NotFoundFailure())


def namespace_not_found(name: str) -> NotFoundError:
    """Return the refusal of a request for an unknown namespace."""
    return NotFoundError(
        f"Namespace {name} is not found.", NamespaceNotFoundFailure(namespace=name)
    )


def workflow_already_started(
    message: str, *, start_request_id: str, run_id: str, first_run_id: str
) -> AlreadyExistsError:
    """Return the refusal of a start whose workflow id is in use (trap 7)."""
    return AlreadyExistsError(
        message,
        WorkflowExecutionAlreadyStartedFailure(
            start_request_id=start_request_id,
            run_id=run_id,
            first_execution_run_id=first_run_id,
        ),
    )


def workflow_not_ready(message: str) -> FailedPreconditionError:
    """Return the refusal of a query or an update that the run cannot take yet."""
    return FailedPreconditionError(message, WorkflowNotReadyFailure())


def permission_denied(reason: str) -> PermissionDeniedError:
    """Return the refusal of an unauthorised request."""
    return PermissionDeniedError("Request unauthorized.", PermissionDeniedFailure(reason=reason))


def resource_exhausted(
    message: str,
    cause: "ResourceExhaustedCause.ValueType",
    scope: "ResourceExhaustedScope.ValueType",
) -> ResourceExhaustedError:
    """Return the refusal of a request that would pass a bound."""
    return ResourceExhaustedError(message, ResourceExhaustedFailure(cause=cause, scope=scope))
