"""Requests of operators about one activity, named by its id: of a workflow, or by itself.

Owns their validation. For an activity of a workflow they ask the same of history as the older
requests about activities of a run. Standalone ones take no such commands yet, and the answer is
that of a reference service that has them switched off.
"""

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

from indelible.base.errors import InvalidArgumentError, UnimplementedError
from indelible.base.limits import ID_BYTES_MAX
from indelible.engine.namespace.record import Namespace
from indelible.ports.rpc import Call
from indelible.services.frontend.backends import LimitsOf
from indelible.services.frontend.control import Control, check_activity_options
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.validation import check_run_id, check_workflow_id, exceeds

OneActivityRequest = (
    PauseActivityExecutionRequest
    | UnpauseActivityExecutionRequest
    | ResetActivityExecutionRequest
    | UpdateActivityExecutionOptionsRequest
)


class ActivityControlHandlers:
    """Answers the requests of operators about one activity."""

    def __init__(self, *, control: Control, limits_of: LimitsOf) -> None:
        self._control = control
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
        execution = _execution(request)
        if exceeds(request.reason, self._limits_of(namespace.name).blob_bytes_max):
            raise InvalidArgumentError("reason exceeds length limit")
        await self._control.pause_activity(
            namespace,
            PauseActivityRequest(
                execution=execution,
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
        execution = _execution(request)
        await self._control.unpause_activity(
            namespace,
            UnpauseActivityRequest(
                execution=execution,
                id=request.activity_id,
                jitter=request.jitter if request.HasField("jitter") else None,
                identity=request.identity,
            ),
        )
        return UnpauseActivityExecutionResponse()

    async def _reset(
        self, request: ResetActivityExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        execution = _execution(request)
        await self._control.reset_activity(
            namespace,
            ResetActivityRequest(
                execution=execution,
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
        execution = _execution(request)
        check_activity_options(request)
        if not request.restore_original and not request.update_mask.paths:
            raise InvalidArgumentError("UpdateMask must specify at least one path")
        wanted = UpdateActivityOptionsRequest(
            execution=execution,
            id=request.activity_id,
            restore_original=request.restore_original,
            identity=request.identity,
        )
        if not request.restore_original:
            wanted.activity_options.CopyFrom(request.activity_options)
            wanted.update_mask.CopyFrom(request.update_mask)
        answer = await self._control.update_activity_options(namespace, wanted)
        return UpdateActivityExecutionOptionsResponse(activity_options=answer.activity_options)


def _execution(request: OneActivityRequest) -> WorkflowExecution:
    """Return the run whose activity is meant, or raise."""
    if not request.workflow_id:
        raise UnimplementedError("Standalone activity operator commands are disabled")
    if not request.activity_id:
        raise InvalidArgumentError("activity ID is required")
    for words, text in (
        ("request ID", request.request_id),
        ("activity ID", request.activity_id),
        ("identity", request.identity),
    ):
        if exceeds(text, ID_BYTES_MAX):
            length = len(text.encode("utf-8", "surrogatepass"))
            raise InvalidArgumentError(
                f"{words} exceeds length limit. Length={length} Limit={ID_BYTES_MAX}"
            )
    check_workflow_id(request.workflow_id)
    try:
        check_run_id(request.run_id)
    except InvalidArgumentError as error:
        raise InvalidArgumentError("invalid run id: must be a valid UUID") from error
    return WorkflowExecution(workflow_id=request.workflow_id, run_id=request.run_id)
