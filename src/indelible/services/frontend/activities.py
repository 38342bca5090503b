"""What workers and clients report about activities, by task token or by id.

Owns the validation and the rules for payloads that are too large: the activity fails rather than
the call (semantics 7.5). A request by id becomes the one by token, with the id as its target.
"""

from google.protobuf.message import Message
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflowservice.v1 import (
    RecordActivityTaskHeartbeatByIdRequest,
    RecordActivityTaskHeartbeatByIdResponse,
    RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse,
    RespondActivityTaskCanceledByIdRequest,
    RespondActivityTaskCanceledByIdResponse,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCanceledResponse,
    RespondActivityTaskCompletedByIdRequest,
    RespondActivityTaskCompletedByIdResponse,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskCompletedResponse,
    RespondActivityTaskFailedByIdRequest,
    RespondActivityTaskFailedByIdResponse,
    RespondActivityTaskFailedRequest,
    RespondActivityTaskFailedResponse,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import RunId, WorkflowId
from indelible.base.task_token import ActivityById, ActivityTaskToken
from indelible.engine.namespace.record import Namespace
from indelible.ports.rpc import Call
from indelible.services.frontend.backends import ActivityTarget, History, LimitsOf
from indelible.services.frontend.failures import (
    CANCEL_DETAILS_TOO_LARGE,
    HEARTBEAT_TOO_LARGE,
    RESULT_TOO_LARGE,
    server_failure,
    too_large_failure,
)
from indelible.services.frontend.routes import Routes, namespace_route, token_route
from indelible.services.frontend.validation import (
    check_identity,
    check_length,
    check_run_id_to_load,
    duration_fault,
)

_ById = (
    RecordActivityTaskHeartbeatByIdRequest
    | RespondActivityTaskCompletedByIdRequest
    | RespondActivityTaskFailedByIdRequest
    | RespondActivityTaskCanceledByIdRequest
)


class ActivityHandlers:
    """Answers the requests about activities."""

    def __init__(self, *, history: History, limits_of: LimitsOf) -> None:
        self._history = history
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "RecordActivityTaskHeartbeat": token_route(
                RecordActivityTaskHeartbeatRequest, ActivityTaskToken, self._heartbeat
            ),
            "RecordActivityTaskHeartbeatById": namespace_route(
                RecordActivityTaskHeartbeatByIdRequest, self._heartbeat_by_id
            ),
            "RespondActivityTaskCompleted": token_route(
                RespondActivityTaskCompletedRequest, ActivityTaskToken, self._completed
            ),
            "RespondActivityTaskCompletedById": namespace_route(
                RespondActivityTaskCompletedByIdRequest, self._completed_by_id
            ),
            "RespondActivityTaskFailed": token_route(
                RespondActivityTaskFailedRequest, ActivityTaskToken, self._failed
            ),
            "RespondActivityTaskFailedById": namespace_route(
                RespondActivityTaskFailedByIdRequest, self._failed_by_id
            ),
            "RespondActivityTaskCanceled": token_route(
                RespondActivityTaskCanceledRequest, ActivityTaskToken, self._canceled
            ),
            "RespondActivityTaskCanceledById": namespace_route(
                RespondActivityTaskCanceledByIdRequest, self._canceled_by_id
            ),
        }

    async def _heartbeat(
        self,
        request: RecordActivityTaskHeartbeatRequest,
        namespace: Namespace,
        token: ActivityTaskToken,
    ) -> Message:
        return await self._record(namespace, request, token)

    async def _heartbeat_by_id(
        self, request: RecordActivityTaskHeartbeatByIdRequest, namespace: Namespace, _call: Call
    ) -> Message:
        by_token = RecordActivityTaskHeartbeatRequest(
            details=request.details if request.HasField("details") else None,
            identity=request.identity,
            namespace=request.namespace,
        )
        answer = await self._record(namespace, by_token, _target(request))
        return RecordActivityTaskHeartbeatByIdResponse(
            cancel_requested=answer.cancel_requested,
            activity_paused=answer.activity_paused,
            activity_reset=answer.activity_reset,
        )

    async def _record(
        self,
        namespace: Namespace,
        request: RecordActivityTaskHeartbeatRequest,
        target: ActivityTarget,
    ) -> RecordActivityTaskHeartbeatResponse:
        check_identity(request.identity)
        if request.details.ByteSize() <= self._blob_bytes_max(namespace):
            return await self._history.record_activity_heartbeat(namespace, request, target)
        await self._fail(namespace, target, request.identity, server_failure(HEARTBEAT_TOO_LARGE))
        return RecordActivityTaskHeartbeatResponse(cancel_requested=True)

    async def _completed(
        self,
        request: RespondActivityTaskCompletedRequest,
        namespace: Namespace,
        token: ActivityTaskToken,
    ) -> Message:
        await self._complete(namespace, request, token)
        return RespondActivityTaskCompletedResponse()

    async def _completed_by_id(
        self, request: RespondActivityTaskCompletedByIdRequest, namespace: Namespace, _call: Call
    ) -> Message:
        by_token = RespondActivityTaskCompletedRequest(
            result=request.result if request.HasField("result") else None,
            identity=request.identity,
            namespace=request.namespace,
        )
        await self._complete(namespace, by_token, _target(request))
        return RespondActivityTaskCompletedByIdResponse()

    async def _complete(
        self,
        namespace: Namespace,
        request: RespondActivityTaskCompletedRequest,
        target: ActivityTarget,
    ) -> None:
        check_identity(request.identity)
        if request.result.ByteSize() <= self._blob_bytes_max(namespace):
            await self._history.respond_activity_completed(namespace, request, target)
        else:
            await self._fail(namespace, target, request.identity, server_failure(RESULT_TOO_LARGE))

    async def _failed(
        self,
        request: RespondActivityTaskFailedRequest,
        namespace: Namespace,
        token: ActivityTaskToken,
    ) -> Message:
        failures = await self._fail_attempt(namespace, request, token)
        return RespondActivityTaskFailedResponse(failures=failures)

    async def _failed_by_id(
        self, request: RespondActivityTaskFailedByIdRequest, namespace: Namespace, _call: Call
    ) -> Message:
        has_details = request.HasField("last_heartbeat_details")
        by_token = RespondActivityTaskFailedRequest(
            failure=request.failure if request.HasField("failure") else None,
            last_heartbeat_details=request.last_heartbeat_details if has_details else None,
            identity=request.identity,
            namespace=request.namespace,
        )
        failures = await self._fail_attempt(namespace, by_token, _target(request))
        return RespondActivityTaskFailedByIdResponse(failures=failures)

    async def _fail_attempt(
        self,
        namespace: Namespace,
        request: RespondActivityTaskFailedRequest,
        target: ActivityTarget,
    ) -> list[Failure]:
        """Return what had to be replaced: it is told to the worker, and the attempt fails."""
        _check_failure(request)
        check_identity(request.identity)
        failures: list[Failure] = []
        if request.last_heartbeat_details.ByteSize() > self._blob_bytes_max(namespace):
            failures.append(server_failure(HEARTBEAT_TOO_LARGE))
            request.ClearField("last_heartbeat_details")
        if request.failure.ByteSize() > self._blob_bytes_max(namespace):
            replaced = too_large_failure(request.failure)
            request.failure.CopyFrom(replaced)
            failures.append(replaced)
        await self._history.respond_activity_failed(namespace, request, target)
        return failures

    async def _canceled(
        self,
        request: RespondActivityTaskCanceledRequest,
        namespace: Namespace,
        token: ActivityTaskToken,
    ) -> Message:
        await self._cancel(namespace, request, token)
        return RespondActivityTaskCanceledResponse()

    async def _canceled_by_id(
        self, request: RespondActivityTaskCanceledByIdRequest, namespace: Namespace, _call: Call
    ) -> Message:
        by_token = RespondActivityTaskCanceledRequest(
            details=request.details if request.HasField("details") else None,
            identity=request.identity,
            namespace=request.namespace,
        )
        await self._cancel(namespace, by_token, _target(request))
        return RespondActivityTaskCanceledByIdResponse()

    async def _cancel(
        self,
        namespace: Namespace,
        request: RespondActivityTaskCanceledRequest,
        target: ActivityTarget,
    ) -> None:
        check_identity(request.identity)
        if request.details.ByteSize() <= self._blob_bytes_max(namespace):
            await self._history.respond_activity_canceled(namespace, request, target)
        else:
            failure = server_failure(CANCEL_DETAILS_TOO_LARGE)
            await self._fail(namespace, target, request.identity, failure)

    def _blob_bytes_max(self, namespace: Namespace) -> int:
        return self._limits_of(namespace.name).blob_bytes_max

    async def _fail(
        self, namespace: Namespace, target: ActivityTarget, identity: str, failure: Failure
    ) -> None:
        request = RespondActivityTaskFailedRequest(
            failure=failure, identity=identity, namespace=namespace.name
        )
        await self._history.respond_activity_failed(namespace, request, target)


def _target(request: _ById) -> ActivityById:
    if not request.activity_id:
        raise InvalidArgumentError("ActivityId is not set on request.")
    # Without a workflow id it is a standalone activity.
    check_length(request.activity_id, "ActivityId")
    check_length(request.workflow_id, "WorkflowId")
    check_run_id_to_load(request.run_id)
    return ActivityById(WorkflowId(request.workflow_id), RunId(request.run_id), request.activity_id)


def _check_failure(request: RespondActivityTaskFailedRequest) -> None:
    if not request.HasField("failure"):
        return
    failure = request.failure
    if not failure.HasField("application_failure_info"):
        raise InvalidArgumentError("Failure must have ApplicationFailureInfo.")
    while True:
        fault = duration_fault(failure.application_failure_info.next_retry_delay)
        if fault:
            raise InvalidArgumentError(f"NextRetryDelay is not a valid duration: {fault}")
        if not failure.HasField("cause"):
            return
        failure = failure.cause
