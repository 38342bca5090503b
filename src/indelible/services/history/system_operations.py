"""Operations that workflows call on the service itself (semantics 9.7).

Owns the reserved endpoint `__temporal_system`, with its one service and one operation. Must not
know the rules of a request: the frontend's validation is given to it.
"""

from collections.abc import Callable
from typing import Final

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from temporalio.api.command.v1 import ScheduleNexusOperationCommandAttributes
from temporalio.api.common.v1 import Link, Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import SignalWithStartWorkflowExecutionRequest

from indelible.base.errors import InvalidArgumentError, ServiceError, StatusCode
from indelible.base.nexus_operations import (
    CallFailed,
    OperationFailed,
    OperationSucceeded,
    StartOutcome,
)
from indelible.engine.namespace.record import Namespace
from indelible.engine.nexus.endpoint import SYSTEM_ENDPOINT
from indelible.engine.nexus.failures import handler_failure, is_retryable_handler_failure
from indelible.engine.workflow.commands.outcome import NexusTarget, no_nexus_target
from indelible.services.history.starting import StartOperations
from indelible.services.nexus_endpoints import NexusEndpointRegistry

SYSTEM_SERVICE: Final = "temporal.api.workflowservice.v1.WorkflowService"
SIGNAL_WITH_START: Final = "SignalWithStartWorkflowExecution"

_HANDLER_ERROR_TYPES: Final = {
    StatusCode.ALREADY_EXISTS: "BAD_REQUEST",
    StatusCode.INVALID_ARGUMENT: "BAD_REQUEST",
    StatusCode.FAILED_PRECONDITION: "BAD_REQUEST",
    StatusCode.OUT_OF_RANGE: "BAD_REQUEST",
    StatusCode.UNAVAILABLE: "UNAVAILABLE",
    StatusCode.ABORTED: "UNAVAILABLE",
    StatusCode.PERMISSION_DENIED: "UNAUTHORIZED",
    StatusCode.UNAUTHENTICATED: "UNAUTHENTICATED",
    StatusCode.NOT_FOUND: "NOT_FOUND",
    StatusCode.RESOURCE_EXHAUSTED: "RESOURCE_EXHAUSTED",
    StatusCode.UNIMPLEMENTED: "NOT_IMPLEMENTED",
    StatusCode.DEADLINE_EXCEEDED: "UPSTREAM_TIMEOUT",
}

CompleteSignalWithStart = Callable[[SignalWithStartWorkflowExecutionRequest, Namespace], None]
"""Checks a request and fills in its defaults, as the frontend does; raises `ServiceError`."""


class SystemOperations:
    """Carries out operations of the system endpoint."""

    def __init__(self, starts: StartOperations, complete: CompleteSignalWithStart) -> None:
        self._starts = starts
        self._complete = complete

    def target(
        self, namespace: Namespace, given: ScheduleNexusOperationCommandAttributes, request_id: str
    ) -> NexusTarget:
        """Return the target of a command that names the system endpoint, once it is checked."""
        if given.nexus_header:
            return NexusTarget(
                fault=(
                    "ScheduleNexusOperationCommandAttributes.NexusHeader must be empty when "
                    f"using {SYSTEM_ENDPOINT} endpoint"
                )
            )
        try:
            self._request(namespace, given.service, given.operation, given.input, request_id)
        except ServiceError as error:
            return NexusTarget(fault=error.message)
        return NexusTarget(is_system=True)

    async def start(
        self, namespace: Namespace, scheduled: HistoryEvent, caller: Link
    ) -> StartOutcome:
        """Carry out the operation of a scheduled event; `caller` links to that event."""
        given = scheduled.nexus_operation_scheduled_event_attributes
        try:
            request = self._request(
                namespace, given.service, given.operation, given.input, given.request_id
            )
            request.links.append(caller)
            response = await self._starts.signal_with_start(namespace, request)
        except ServiceError as error:
            error_type = _HANDLER_ERROR_TYPES.get(error.code, "INTERNAL")
            failure = handler_failure(error_type, error.message)
            if is_retryable_handler_failure(failure):
                return CallFailed(failure=failure)
            return OperationFailed(failure=failure)
        links = [response.signal_link] if response.HasField("signal_link") else []
        return OperationSucceeded(result=_result(response), links=links)

    def _request(
        self, namespace: Namespace, service: str, operation: str, payload: Payload, request_id: str
    ) -> SignalWithStartWorkflowExecutionRequest:
        """Return the complete request in a payload; raise `ServiceError` if it may not be made."""
        if service != SYSTEM_SERVICE:
            raise InvalidArgumentError(f'service "{service}" not found')
        if operation != SIGNAL_WITH_START:
            raise InvalidArgumentError(f'operation "{operation}" not found')
        request = _decoded(payload)
        if not request.ByteSize():
            raise InvalidArgumentError("Request is empty")
        request.namespace = request.namespace or namespace.name
        if request.namespace != namespace.name:
            raise InvalidArgumentError(
                f'Namespace in request "{request.namespace}" does not match namespace in context '
                f'"{namespace.name}"'
            )
        if request.request_id:
            raise InvalidArgumentError("RequestID should not be set on the request")
        if request.links:
            raise InvalidArgumentError("Links should not be set on the request")
        request.request_id = request_id
        self._complete(request, namespace)
        return request


class NexusTargets:
    """Finds what a command may call: an endpoint, or the service itself."""

    def __init__(self, endpoints: NexusEndpointRegistry, system: SystemOperations) -> None:
        self._endpoints = endpoints
        self._system = system

    def find(
        self, namespace: Namespace, given: ScheduleNexusOperationCommandAttributes, request_id: str
    ) -> NexusTarget:
        """Return the target of a command, or why there is none."""
        if given.endpoint == SYSTEM_ENDPOINT:
            return self._system.target(namespace, given, request_id)
        endpoint = self._endpoints.find(given.endpoint)
        if endpoint is None:
            return no_nexus_target(given, request_id)
        return NexusTarget(endpoint_id=endpoint.id)


def _decoded(payload: Payload) -> SignalWithStartWorkflowExecutionRequest:
    request = SignalWithStartWorkflowExecutionRequest()
    encoding = payload.metadata.get("encoding", b"")
    try:
        if encoding == b"binary/protobuf":
            request.MergeFromString(payload.data)
        elif encoding == b"json/protobuf":
            json_format.Parse(payload.data, request)
        else:
            raise InvalidArgumentError(f"unsupported encoding of the request: {encoding!r}")
    except (DecodeError, json_format.ParseError) as error:
        raise InvalidArgumentError(f"the request cannot be read: {error}") from error
    return request


def _result(message: Message) -> Payload:
    """Encode an answer, without the mark that SDKs put on the request's payload.

    The reference service marks answers only after 1.32, and an SDK of that time fails the workflow
    task when it meets a marked one.
    """
    return Payload(
        metadata={
            "encoding": b"binary/protobuf",
            "messageType": message.DESCRIPTOR.full_name.encode(),
        },
        data=message.SerializeToString(),
    )
