"""Requests of operators about runs and activities: reset, pause, other options.

Owns their validation, and the part of history that carries them out. Must not know how a run is
kept.
"""

from collections.abc import Callable
from typing import Final, Protocol

from google.protobuf.message import Message
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyType
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    PauseActivityResponse,
    PauseWorkflowExecutionRequest,
    PauseWorkflowExecutionResponse,
    ResetActivityRequest,
    ResetActivityResponse,
    ResetWorkflowExecutionRequest,
    ResetWorkflowExecutionResponse,
    UnpauseActivityRequest,
    UnpauseActivityResponse,
    UnpauseWorkflowExecutionRequest,
    UnpauseWorkflowExecutionResponse,
    UpdateActivityExecutionOptionsRequest,
    UpdateActivityOptionsRequest,
    UpdateActivityOptionsResponse,
    UpdateWorkflowExecutionOptionsRequest,
    UpdateWorkflowExecutionOptionsResponse,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.limits import Limits
from indelible.engine.namespace.record import Namespace
from indelible.ports.rpc import Call
from indelible.services.frontend.id_lengths import id_bytes_max
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.time_skipping import complete_time_skipping
from indelible.services.frontend.validation import (
    check_execution,
    check_execution_to_load,
    check_length,
    check_priority,
    check_workflow_id,
    exceeds,
)
from indelible.services.frontend.versioning_overrides import check_versioning_override

ActivityRequest = (
    PauseActivityRequest
    | UnpauseActivityRequest
    | ResetActivityRequest
    | UpdateActivityOptionsRequest
)
PauseRequest = PauseWorkflowExecutionRequest | UnpauseWorkflowExecutionRequest

_OPTIONS: Final = frozenset(WorkflowExecutionOptions.DESCRIPTOR.fields_by_name)


class Control(Protocol):
    """The part of history that operators speak to; each method is durable when it returns."""

    async def reset_workflow(
        self, namespace: Namespace, request: ResetWorkflowExecutionRequest
    ) -> ResetWorkflowExecutionResponse:
        """Go on from the middle of a run."""
        ...

    async def pause_workflow(
        self, namespace: Namespace, request: PauseWorkflowExecutionRequest
    ) -> None:
        """Pause a run."""
        ...

    async def unpause_workflow(
        self, namespace: Namespace, request: UnpauseWorkflowExecutionRequest
    ) -> None:
        """Let a paused run go on."""
        ...

    async def update_workflow_options(
        self, namespace: Namespace, request: UpdateWorkflowExecutionOptionsRequest
    ) -> UpdateWorkflowExecutionOptionsResponse:
        """Change options of a run."""
        ...

    async def pause_activity(self, namespace: Namespace, request: PauseActivityRequest) -> None:
        """Pause activities of a run."""
        ...

    async def unpause_activity(self, namespace: Namespace, request: UnpauseActivityRequest) -> None:
        """Let paused activities of a run go on."""
        ...

    async def reset_activity(self, namespace: Namespace, request: ResetActivityRequest) -> None:
        """Have activities of a run begin again."""
        ...

    async def update_activity_options(
        self, namespace: Namespace, request: UpdateActivityOptionsRequest
    ) -> UpdateActivityOptionsResponse:
        """Change options of activities of a run."""
        ...


class ControlHandlers:
    """Answers the requests of operators."""

    def __init__(self, *, control: Control, limits_of: Callable[[str], Limits]) -> None:
        self._control = control
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "ResetWorkflowExecution": namespace_route(ResetWorkflowExecutionRequest, self._reset),
            "PauseWorkflowExecution": namespace_route(PauseWorkflowExecutionRequest, self._pause),
            "UnpauseWorkflowExecution": namespace_route(
                UnpauseWorkflowExecutionRequest, self._unpause
            ),
            "UpdateWorkflowExecutionOptions": namespace_route(
                UpdateWorkflowExecutionOptionsRequest, self._update_options
            ),
            "PauseActivity": namespace_route(PauseActivityRequest, self._pause_activity),
            "UnpauseActivity": namespace_route(UnpauseActivityRequest, self._unpause_activity),
            "ResetActivity": namespace_route(ResetActivityRequest, self._reset_activity),
            "UpdateActivityOptions": namespace_route(
                UpdateActivityOptionsRequest, self._update_activity_options
            ),
        }

    async def _reset(
        self, request: ResetWorkflowExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        if not request.request_id:
            raise InvalidArgumentError("RequestId is not set on request.")
        check_length(request.request_id, "RequestId")
        check_execution(request.workflow_execution, is_set=request.HasField("workflow_execution"))
        if request.reset_reapply_type not in ResetReapplyType.values():
            raise InvalidArgumentError(f"unknown reset reapply type: {request.reset_reapply_type}")
        for operation in request.post_reset_operations:
            if operation.WhichOneof("variant") != "update_workflow_options":
                variant = operation.WhichOneof("variant")
                raise InvalidArgumentError(f"unsupported post reset operation: {variant}")
            options = operation.update_workflow_options.workflow_execution_options
            complete_workflow_options(options, self._limits_of(namespace.name))
        return await self._control.reset_workflow(namespace, request)

    async def _pause(
        self, request: PauseWorkflowExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_pause(request)
        await self._control.pause_workflow(namespace, request)
        return PauseWorkflowExecutionResponse()

    async def _unpause(
        self, request: UnpauseWorkflowExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_pause(request)
        await self._control.unpause_workflow(namespace, request)
        return UnpauseWorkflowExecutionResponse()

    async def _update_options(
        self, request: UpdateWorkflowExecutionOptionsRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_workflow_id(request.workflow_execution.workflow_id)
        if not request.HasField("update_mask"):
            raise InvalidArgumentError("UpdateMask is required")
        if not request.HasField("workflow_execution_options"):
            raise InvalidArgumentError("WorkflowExecutionOptions is required")
        for path in request.update_mask.paths:
            if path.partition(".")[0] not in _OPTIONS:
                raise InvalidArgumentError(f"error parsing UpdateMask: {path} is unknown")
        complete_workflow_options(
            request.workflow_execution_options, self._limits_of(namespace.name)
        )
        check_execution_to_load(request.workflow_execution)
        return await self._control.update_workflow_options(namespace, request)

    async def _pause_activity(
        self, request: PauseActivityRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_activity(request)
        await self._control.pause_activity(namespace, request)
        return PauseActivityResponse()

    async def _unpause_activity(
        self, request: UnpauseActivityRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_activity(request)
        await self._control.unpause_activity(namespace, request)
        return UnpauseActivityResponse()

    async def _reset_activity(
        self, request: ResetActivityRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_activity(request)
        await self._control.reset_activity(namespace, request)
        return ResetActivityResponse()

    async def _update_activity_options(
        self, request: UpdateActivityOptionsRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_activity(request)
        check_activity_options(request)
        return await self._control.update_activity_options(namespace, request)


def check_activity_options(
    request: UpdateActivityOptionsRequest | UpdateActivityExecutionOptionsRequest,
) -> None:
    """Refuse options without a mask, and a restoration with one."""
    check_priority(request.activity_options.priority)
    if request.restore_original:
        if request.update_mask.paths:
            raise InvalidArgumentError("Both UpdateMask and RestoreOriginal are provided")
    elif not request.HasField("activity_options"):
        raise InvalidArgumentError("ActivityOptions are not provided")
    elif not request.HasField("update_mask"):
        raise InvalidArgumentError("UpdateMask is not provided")


def _check_activity(request: ActivityRequest) -> None:
    execution: WorkflowExecution = request.execution
    if not execution.workflow_id:
        raise InvalidArgumentError("WorkflowId is not set on request.")
    variant = request.WhichOneof("activity")
    if variant is None or (variant in {"id", "type"} and not getattr(request, variant)):
        raise InvalidArgumentError("Either Activity.Id or Activity.Type should be set on request.")
    check_length(request.identity, "Identity")
    check_execution_to_load(execution)


def complete_workflow_options(options: WorkflowExecutionOptions, limits: Limits) -> None:
    """Check the options of a run that a client wants, and fill in their defaults."""
    check_priority(options.priority)
    if options.HasField("time_skipping_config"):
        complete_time_skipping(options.time_skipping_config, limits)
    if options.HasField("versioning_override"):
        check_versioning_override(options.versioning_override)


def _check_pause(request: PauseRequest) -> None:
    check_execution_to_load(
        WorkflowExecution(workflow_id=request.workflow_id, run_id=request.run_id)
    )
    for words, text in (
        ("reason", request.reason),
        ("request id", request.request_id),
        ("identity", request.identity),
    ):
        if exceeds(text, id_bytes_max()):
            raise InvalidArgumentError(f"{words} is too long.")
