"""Requests of operators about one activity, named by its id: of a workflow, or by itself.

Owns their validation. For an activity of a workflow they ask the same of history as the older
requests about activities of a run.
"""

from collections.abc import Callable
from typing import Protocol

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    PauseActivityExecutionRequest,
    PauseActivityExecutionResponse,
    PauseActivityRequest,
    ResetActivityExecutionRequest,
    ResetActivityExecutionResponse,
    ResetActivityRequest,
    UnpauseActivityExecutionRequest,
    UnpauseActivityExecutionResponse,
    UnpauseActivityRequest,
    UpdateActivityExecutionOptionsRequest,
    UpdateActivityExecutionOptionsResponse,
    UpdateActivityOptionsRequest,
)

from indelible.base.activity_option_changes import is_about, unknown_path
from indelible.base.errors import InvalidArgumentError, UnimplementedError
from indelible.base.fresh_ids import uuid_text
from indelible.base.limits import Limits
from indelible.engine.namespace.record import Namespace
from indelible.ports.entropy import Entropy
from indelible.ports.rpc import Call
from indelible.services.frontend.control import Control, check_activity_options
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.validation import (
    check_entity_id,
    check_run_id,
    check_user_task_queue,
    check_workflow_id,
    duration_fault,
    exceeds,
)

OneActivityRequest = (
    PauseActivityExecutionRequest
    | UnpauseActivityExecutionRequest
    | ResetActivityExecutionRequest
    | UpdateActivityExecutionOptionsRequest
)


class StandaloneControl(Protocol):
    """The part of history that commands standalone activities; durable when a method returns."""

    async def pause_activity_execution(
        self, namespace: Namespace, request: PauseActivityExecutionRequest
    ) -> None:
        """Let no further attempt begin."""
        ...

    async def unpause_activity_execution(
        self, namespace: Namespace, request: UnpauseActivityExecutionRequest
    ) -> None:
        """Let a paused activity go on."""
        ...

    async def reset_activity_execution(
        self, namespace: Namespace, request: ResetActivityExecutionRequest
    ) -> None:
        """Begin with the first attempt again."""
        ...

    async def update_activity_execution_options(
        self, namespace: Namespace, request: UpdateActivityExecutionOptionsRequest
    ) -> UpdateActivityExecutionOptionsResponse:
        """Change options of an activity."""
        ...


class ActivityControlHandlers:
    """Answers the requests of operators about one activity."""

    def __init__(
        self,
        *,
        control: Control,
        standalone: StandaloneControl,
        entropy: Entropy,
        limits_of: Callable[[str], Limits],
    ) -> None:
        self._control = control
        self._standalone = standalone
        self._entropy = entropy
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "PauseActivityExecution": namespace_route(PauseActivityExecutionRequest, self._pause),
            "UnpauseActivityExecution": namespace_route(
                UnpauseActivityExecutionRequest, self._unpause
            ),
            "ResetActivityExecution": namespace_route(ResetActivityExecutionRequest, self._reset),
            "UpdateActivityExecutionOptions": namespace_route(
                UpdateActivityExecutionOptionsRequest, self._update_options
            ),
        }

    async def _pause(
        self, request: PauseActivityExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        self._complete(request, namespace)
        if exceeds(request.reason, self._limits_of(namespace.name).blob_bytes_max):
            raise InvalidArgumentError("reason exceeds length limit")
        if not request.workflow_id:
            await self._standalone.pause_activity_execution(namespace, request)
            return PauseActivityExecutionResponse()
        await self._control.pause_activity(
            namespace,
            PauseActivityRequest(
                execution=_execution(request),
                id=request.activity_id,
                reason=request.reason,
                identity=request.identity,
                request_id=request.request_id,
            ),
        )
        return PauseActivityExecutionResponse()

    async def _unpause(
        self, request: UnpauseActivityExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        self._complete(request, namespace)
        _check_jitter(request.jitter)
        if not request.workflow_id:
            await self._standalone.unpause_activity_execution(namespace, request)
            return UnpauseActivityExecutionResponse()
        await self._control.unpause_activity(
            namespace,
            UnpauseActivityRequest(
                execution=_execution(request),
                id=request.activity_id,
                jitter=request.jitter if request.HasField("jitter") else None,
                identity=request.identity,
            ),
        )
        return UnpauseActivityExecutionResponse()

    async def _reset(
        self, request: ResetActivityExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        self._complete(request, namespace)
        _check_jitter(request.jitter)
        if not request.workflow_id:
            await self._standalone.reset_activity_execution(namespace, request)
            return ResetActivityExecutionResponse()
        await self._control.reset_activity(
            namespace,
            ResetActivityRequest(
                execution=_execution(request),
                id=request.activity_id,
                reset_heartbeat=request.reset_heartbeat,
                restore_original_options=request.restore_original_options,
                keep_paused=request.keep_paused,
                jitter=request.jitter if request.HasField("jitter") else None,
                identity=request.identity,
            ),
        )
        return ResetActivityExecutionResponse()

    async def _update_options(
        self, request: UpdateActivityExecutionOptionsRequest, namespace: Namespace, _call: Call
    ) -> Message:
        self._complete(request, namespace)
        _check_options(request)
        if not request.workflow_id:
            return await self._standalone.update_activity_execution_options(namespace, request)
        wanted = UpdateActivityOptionsRequest(
            execution=_execution(request),
            id=request.activity_id,
            restore_original=request.restore_original,
            identity=request.identity,
        )
        if not request.restore_original:
            wanted.activity_options.CopyFrom(request.activity_options)
            wanted.update_mask.CopyFrom(request.update_mask)
        answer = await self._control.update_activity_options(namespace, wanted)
        return UpdateActivityExecutionOptionsResponse(activity_options=answer.activity_options)

    def _complete(self, request: OneActivityRequest, namespace: Namespace) -> None:
        """Check what all of these requests have, and give them a request id."""
        is_allowed = self._limits_of(namespace.name).standalone_activity_commands
        if not request.workflow_id and not is_allowed:
            raise UnimplementedError("Standalone activity operator commands are disabled")
        request.request_id = request.request_id or uuid_text(self._entropy.token(16))
        _check(request)


def _check(request: OneActivityRequest) -> None:
    if not request.activity_id:
        raise InvalidArgumentError("activity ID is required")
    for words, text in (
        ("request ID", request.request_id),
        ("activity ID", request.activity_id),
        ("identity", request.identity),
    ):
        check_entity_id(text, words)
    if request.workflow_id:
        check_workflow_id(request.workflow_id)
    try:
        check_run_id(request.run_id)
    except InvalidArgumentError as error:
        raise InvalidArgumentError("invalid run id: must be a valid UUID") from error


def _check_jitter(jitter: Duration) -> None:
    fault = duration_fault(jitter)
    if fault:
        raise InvalidArgumentError(f"invalid jitter: {fault}")


def _check_options(request: UpdateActivityExecutionOptionsRequest) -> None:
    check_activity_options(request)
    if request.restore_original:
        return
    paths = request.update_mask.paths
    if not paths:
        raise InvalidArgumentError("UpdateMask must specify at least one path")
    unknown = unknown_path(paths)
    if unknown is not None:
        raise InvalidArgumentError(f'unsupported update_mask path: "{unknown}"')
    if is_about(paths, "task_queue"):
        queue = request.activity_options.task_queue
        if not queue.name:
            raise InvalidArgumentError("taskQueue is not set")
        check_user_task_queue(queue, is_set=True)


def _execution(request: OneActivityRequest) -> WorkflowExecution:
    """Return the run whose activity is meant."""
    return WorkflowExecution(workflow_id=request.workflow_id, run_id=request.run_id)
