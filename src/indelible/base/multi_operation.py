"""The one error of a request that holds several operations, with a status for each (trap 49)."""

from collections.abc import Sequence
from typing import Final

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from temporalio.api.errordetails.v1 import MultiOperationExecutionFailure
from temporalio.api.failure.v1 import MultiOperationExecutionAborted

from indelible.base.errors import AbortedError, ServiceError, StatusCode

OK: Final = 0
MESSAGE: Final = "Update-with-Start could not be executed."
_Status = MultiOperationExecutionFailure.OperationStatus


def operation_aborted() -> AbortedError:
    """Return the fate of an operation that was not done because of another one."""
    return AbortedError("Operation was aborted.", MultiOperationExecutionAborted())


def is_innocent(error: ServiceError | None) -> bool:
    """Whether an operation was done, or only given up because of another one."""
    return error is None or any(
        isinstance(detail, MultiOperationExecutionAborted) for detail in error.details
    )


def multi_operation_failed(errors: Sequence[ServiceError | None]) -> ServiceError:
    """Return the error of the whole: its code is that of the first operation that is to blame.

    None stands for an operation that was done.
    """
    guilty = [error for error in errors if error is not None and not is_innocent(error)]
    failed = ServiceError(
        MESSAGE, MultiOperationExecutionFailure(statuses=[_status(error) for error in errors])
    )
    failed.code = guilty[0].code if guilty else StatusCode.ABORTED
    return failed


def _status(error: ServiceError | None) -> _Status:
    if error is None:
        return _Status(code=OK)
    return _Status(
        code=int(error.code),
        message=error.message,
        details=[_packed(detail) for detail in error.details],
    )


def _packed(detail: Message) -> Any:
    packed = Any()
    packed.Pack(detail)
    return packed
