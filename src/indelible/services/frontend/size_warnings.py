"""Warnings about payloads and memos that are large, before they are too large.

Owns which fields of which request are weighed, and how often a warning is logged: one for each
request of a busy client would say nothing more and cost the disk. Must not refuse anything.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, cast

import structlog
from google.protobuf.message import Message
from temporalio.api.workflowservice.v1 import (
    ExecuteMultiOperationRequest,
    RespondWorkflowTaskCompletedRequest,
)

from indelible.base.instants import Instant
from indelible.base.limits import Limits
from indelible.services.frontend.admission import PriorityBuckets, Rate

_NODE: Final = ""
_MEMOS: Final = frozenset({"memo", "upserted_memo"})
COMMAND_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "schedule_activity_task_command_attributes": ("input",),
    "complete_workflow_execution_command_attributes": ("result",),
    "fail_workflow_execution_command_attributes": ("failure",),
    "cancel_workflow_execution_command_attributes": ("details",),
    "record_marker_command_attributes": ("details", "failure"),
    "continue_as_new_workflow_execution_command_attributes": ("input", "memo"),
    "start_child_workflow_execution_command_attributes": ("input", "memo"),
    "signal_external_workflow_execution_command_attributes": ("input",),
    "modify_workflow_properties_command_attributes": ("upserted_memo",),
    "schedule_nexus_operation_command_attributes": ("input",),
}
"""By the name of the command's field that holds what it asks for."""
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "StartWorkflowExecution": ("input", "memo"),
    "SignalWithStartWorkflowExecution": ("input", "signal_input", "memo"),
    "SignalWorkflowExecution": ("input",),
    "TerminateWorkflowExecution": ("details",),
    "QueryWorkflow": ("query.query_args",),
    "UpdateWorkflowExecution": ("request.input.args",),
    "StartActivityExecution": ("input",),
    "StartNexusOperationExecution": ("input",),
    "CreateSchedule": ("schedule.action.start_workflow.input", "memo"),
    "UpdateSchedule": ("schedule.action.start_workflow.input",),
    "RecordActivityTaskHeartbeat": ("details",),
    "RecordActivityTaskHeartbeatById": ("details",),
    "RespondActivityTaskCompleted": ("result",),
    "RespondActivityTaskCompletedById": ("result",),
    "RespondActivityTaskFailed": ("failure", "last_heartbeat_details"),
    "RespondActivityTaskFailedById": ("failure", "last_heartbeat_details"),
    "RespondActivityTaskCanceled": ("details",),
    "RespondActivityTaskCanceledById": ("details",),
    "RespondWorkflowTaskFailed": ("failure",),
    "RespondQueryTaskCompleted": ("query_result",),
}
"""By the name of the RPC; a dot leads into a message."""

Look = Callable[[Message, str, Instant], None]
"""Looks at a request in a namespace and logs what is large about it."""


class _Weighed(NamedTuple):
    field: str
    size_bytes: int

    @property
    def is_memo(self) -> bool:
        return self.field in _MEMOS


class SizeWarnings:
    """Logs large payloads and memos, a bounded number of lines per second."""

    def __init__(self, limits_of: Callable[[str], Limits]) -> None:
        self._limits_of = limits_of
        self._buckets = PriorityBuckets()
        self._log = structlog.get_logger("indelible.sizes")

    def look_at(self, method: str) -> Look | None:
        """Return what looks at the requests of an RPC; `None` if they hold nothing to weigh."""
        weigh = _weigher(method)
        if weigh is None:
            return None

        def look(request: Message, namespace: str, now: Instant) -> None:
            limits = self._limits_of(namespace)
            blob_warn, memo_warn = limits.blob_bytes_warn, limits.memo_bytes_warn
            if request.ByteSize() <= min(blob_warn, memo_warn):
                return
            for one in weigh(request):
                if one.size_bytes > (memo_warn if one.is_memo else blob_warn):
                    self._warn(one, method=method, namespace=namespace, request=request, now=now)

        return look

    def _warn(
        self, one: _Weighed, *, method: str, namespace: str, request: Message, now: Instant
    ) -> None:
        per_second = self._limits_of(_NODE).throttled_logs_per_second
        rate = Rate(per_second, max(1, int(per_second)))
        if self._buckets.take(rate, 0, now) is not None:
            return
        self._log.warning(
            "memo_size_beyond_warn" if one.is_memo else "blob_size_beyond_warn",
            namespace=namespace,
            operation=method,
            field=one.field,
            size_bytes=one.size_bytes,
            workflow_id=_workflow_id(request),
        )


def _weigher(method: str) -> Callable[[Message], Iterator[_Weighed]] | None:
    if method == "RespondWorkflowTaskCompleted":
        return _of_commands
    if method == "ExecuteMultiOperation":
        return _of_operations
    fields = FIELDS.get(method)
    return None if fields is None else lambda request: _of_fields(request, fields)


def _of_fields(message: Message, paths: tuple[str, ...]) -> Iterator[_Weighed]:
    for path in paths:
        value: object = message
        for name in path.split("."):
            value = getattr(value, name)
        yield _Weighed(path, _size(value))


def _size(value: object) -> int:
    if isinstance(value, Message):
        return value.ByteSize()
    # The details of a marker: payloads by name.
    parts = cast("Mapping[str, Message]", value)
    return sum(len(name) + part.ByteSize() for name, part in parts.items())


def _of_commands(request: Message) -> Iterator[_Weighed]:
    if not isinstance(request, RespondWorkflowTaskCompletedRequest):
        return
    for command in request.commands:
        variant = command.WhichOneof("attributes")
        if variant in COMMAND_FIELDS:
            yield from _of_fields(getattr(command, variant), COMMAND_FIELDS[variant])


def _of_operations(request: Message) -> Iterator[_Weighed]:
    if not isinstance(request, ExecuteMultiOperationRequest):
        return
    for operation in request.operations:
        if operation.HasField("start_workflow"):
            yield from _of_fields(operation.start_workflow, FIELDS["StartWorkflowExecution"])
        else:
            yield from _of_fields(operation.update_workflow, FIELDS["UpdateWorkflowExecution"])


def _workflow_id(request: Message) -> str:
    """Return the workflow that a request names; tokens name theirs to the service alone."""
    for path in (("workflow_id",), ("workflow_execution", "workflow_id")):
        value: object = request
        for name in path:
            value = getattr(value, name, "")
        if isinstance(value, str) and value:
            return value
    return ""
