"""What workers ask and report about Nexus tasks (semantics 9.3).

Owns the validation of answers; tasks come from matching, where their callers wait.
"""

import json
from typing import Final

from google.protobuf.message import Message
from temporalio.api.workflowservice.v1 import (
    PollNexusTaskQueueRequest,
    PollNexusTaskQueueResponse,
    RespondNexusTaskCompletedRequest,
    RespondNexusTaskCompletedResponse,
    RespondNexusTaskFailedRequest,
    RespondNexusTaskFailedResponse,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import QueueKey, QueueType
from indelible.base.task_token import NexusTaskToken
from indelible.engine.namespace.record import Namespace
from indelible.engine.nexus.failures import handler_error_failure
from indelible.ports.clients import NexusAnswer
from indelible.ports.clock import Clock
from indelible.ports.rpc import Call
from indelible.services.frontend.backends import LimitsOf, Matching
from indelible.services.frontend.poll_heads import is_too_late, poll_deadline, sdk_of
from indelible.services.frontend.routes import Routes, namespace_route, token_route
from indelible.services.frontend.validation import check_identity, check_task_queue

_NOT_JSON: Final = "failure details must be JSON serializable"


class NexusTaskHandlers:
    """Answers polls for Nexus tasks, and takes what workers made of them."""

    def __init__(self, *, matching: Matching, clock: Clock, limits_of: LimitsOf) -> None:
        self._matching = matching
        self._clock = clock
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "PollNexusTaskQueue": namespace_route(PollNexusTaskQueueRequest, self._poll),
            "RespondNexusTaskCompleted": token_route(
                RespondNexusTaskCompletedRequest, NexusTaskToken, self._completed
            ),
            "RespondNexusTaskFailed": token_route(
                RespondNexusTaskFailedRequest, NexusTaskToken, self._failed
            ),
        }

    async def _poll(
        self, request: PollNexusTaskQueueRequest, namespace: Namespace, call: Call
    ) -> Message:
        now = self._clock.now()
        deadline = poll_deadline(call, now)
        check_task_queue(request.task_queue, is_set=request.HasField("task_queue"))
        check_identity(request.identity)
        if is_too_late(deadline, now):
            return PollNexusTaskQueueResponse()
        return await self._matching.poll_nexus_task_queue(
            QueueKey(namespace.id, QueueType.NEXUS, request.task_queue.name),
            request,
            deadline,
            sdk=sdk_of(call),
        )

    async def _completed(
        self,
        request: RespondNexusTaskCompletedRequest,
        namespace: Namespace,
        token: NexusTaskToken,
    ) -> Message:
        start = request.response.start_operation
        if start.HasField("async_success"):
            started = start.async_success
            operation_token = started.operation_token or started.operation_id
            if not operation_token:
                raise InvalidArgumentError("missing opration token in response")
            length = len(operation_token.encode())
            length_max = self._limits_of(namespace.name).nexus_token_bytes_max
            if length > length_max:
                raise InvalidArgumentError(
                    f"operation token length exceeds allowed limit ({length}/{length_max})"
                )
        if start.HasField("operation_error"):
            _check_details(start.operation_error.failure.details)
        self._matching.respond_nexus_task(token, NexusAnswer(response=request.response))
        return RespondNexusTaskCompletedResponse()

    async def _failed(
        self, request: RespondNexusTaskFailedRequest, _namespace: Namespace, token: NexusTaskToken
    ) -> Message:
        if request.HasField("error"):
            _check_details(request.error.failure.details)
            failure = handler_error_failure(request.error)
        elif not request.HasField("failure"):
            raise InvalidArgumentError("request must contain error or failure")
        else:
            failure = request.failure
        if not failure.HasField("nexus_handler_failure_info"):
            raise InvalidArgumentError(
                "request Failure must contain error or failure with NexusHandlerFailureInfo"
            )
        self._matching.respond_nexus_task(token, NexusAnswer(failure=failure))
        return RespondNexusTaskFailedResponse()


def _check_details(details: bytes) -> None:
    if not details:
        return
    try:
        json.loads(details)
    except ValueError as error:
        raise InvalidArgumentError(_NOT_JSON) from error
