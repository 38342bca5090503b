"""The calls that a standalone Nexus operation wants made, as durable tasks."""

import msgspec

from indelible.base.ids import TaskId


class StartOperationExecution(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="start_operation_execution"
):
    """Ask the handler of an operation to start it, and record the outcome."""

    task_id: TaskId
    attempt: int


class CancelOperationExecution(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="cancel_operation_execution"
):
    """Ask the handler of a started operation to cancel it, and record the outcome."""

    task_id: TaskId
    attempt: int


class CallOperationCallback(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="call_operation_callback"
):
    """Tell somebody how the operation has ended, and record the outcome."""

    task_id: TaskId
    number: int
    """Of the callback, among those of the operation."""
    attempt: int


OperationCall = StartOperationExecution | CancelOperationExecution
OwedCall = OperationCall | CallOperationCallback
