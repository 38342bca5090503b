"""Requests about standalone Nexus operations, but for finding them (semantics 9.6).

Owns their validation, and the part of history that carries them out. Must not know how an operation
is kept.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from google.protobuf.message import Message
from temporalio.api.enums.v1 import (
    NexusOperationIdConflictPolicy,
    NexusOperationIdReusePolicy,
    NexusOperationWaitStage,
)
from temporalio.api.workflowservice.v1 import (
    DeleteNexusOperationExecutionRequest,
    DeleteNexusOperationExecutionResponse,
    DescribeNexusOperationExecutionRequest,
    DescribeNexusOperationExecutionResponse,
    PollNexusOperationExecutionRequest,
    PollNexusOperationExecutionResponse,
    RequestCancelNexusOperationExecutionRequest,
    RequestCancelNexusOperationExecutionResponse,
    StartNexusOperationExecutionRequest,
    StartNexusOperationExecutionResponse,
    TerminateNexusOperationExecutionRequest,
    TerminateNexusOperationExecutionResponse,
)

from indelible.base.errors import InvalidArgumentError, NotFoundError, UnimplementedError
from indelible.base.fresh_ids import uuid_text
from indelible.base.instants import duration, duration_message
from indelible.base.limits import (
    REASON_BYTES_MAX,
    Limits,
)
from indelible.base.nexus_operations import header_bytes
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.search_attributes import add_types, check_search_attributes
from indelible.ports.entropy import Entropy
from indelible.ports.rpc import Call
from indelible.services.frontend.callbacks import check_on_conflict, complete_callbacks
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.validation import (
    check_entity_id,
    check_entity_text,
    check_links,
    check_run_id,
    check_user_metadata,
    duration_fault,
)
from indelible.services.nexus_endpoints import NexusEndpointRegistry

EndRequest = RequestCancelNexusOperationExecutionRequest | TerminateNexusOperationExecutionRequest
OperationRequest = (
    EndRequest
    | DescribeNexusOperationExecutionRequest
    | PollNexusOperationExecutionRequest
    | DeleteNexusOperationExecutionRequest
)
_Stage = NexusOperationWaitStage
_STAGES = (_Stage.NEXUS_OPERATION_WAIT_STAGE_STARTED, _Stage.NEXUS_OPERATION_WAIT_STAGE_CLOSED)


class StandaloneNexusOperations(Protocol):
    """The part of history that keeps standalone Nexus operations.

    Each method but the long polls is durable when it returns.
    """

    async def start_nexus_operation(
        self, namespace: Namespace, request: StartNexusOperationExecutionRequest, endpoint_id: str
    ) -> StartNexusOperationExecutionResponse:
        """Create an operation, or resolve the conflict with the one there is."""
        ...

    async def describe_nexus_operation(
        self, namespace: Namespace, request: DescribeNexusOperationExecutionRequest, call: Call
    ) -> DescribeNexusOperationExecutionResponse:
        """Return what is known of an operation; with a token, when there is news."""
        ...

    async def poll_nexus_operation(
        self, namespace: Namespace, request: PollNexusOperationExecutionRequest, call: Call
    ) -> PollNexusOperationExecutionResponse:
        """Wait for a stage of an operation; the empty response if it is not reached in time."""
        ...

    async def request_cancel_nexus_operation(
        self, namespace: Namespace, request: RequestCancelNexusOperationExecutionRequest
    ) -> None:
        """Have an operation stopped."""
        ...

    async def terminate_nexus_operation(
        self, namespace: Namespace, request: TerminateNexusOperationExecutionRequest
    ) -> None:
        """Close an operation at once."""
        ...

    async def delete_nexus_operation(
        self, namespace: Namespace, request: DeleteNexusOperationExecutionRequest
    ) -> None:
        """Remove an operation; an open one is ended first."""
        ...


class NexusOperationExecutionHandlers:
    """Answers the requests about standalone Nexus operations."""

    def __init__(
        self,
        *,
        operations: StandaloneNexusOperations,
        endpoints: NexusEndpointRegistry,
        entropy: Entropy,
        limits_of: Callable[[str], Limits],
    ) -> None:
        self._operations = operations
        self._endpoints = endpoints
        self._entropy = entropy
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "StartNexusOperationExecution": namespace_route(
                StartNexusOperationExecutionRequest, self._start
            ),
            "DescribeNexusOperationExecution": namespace_route(
                DescribeNexusOperationExecutionRequest, self._describe
            ),
            "PollNexusOperationExecution": namespace_route(
                PollNexusOperationExecutionRequest, self._poll
            ),
            "RequestCancelNexusOperationExecution": namespace_route(
                RequestCancelNexusOperationExecutionRequest, self._cancel
            ),
            "TerminateNexusOperationExecution": namespace_route(
                TerminateNexusOperationExecutionRequest, self._terminate
            ),
            "DeleteNexusOperationExecution": namespace_route(
                DeleteNexusOperationExecutionRequest, self._delete
            ),
        }

    async def _start(
        self, request: StartNexusOperationExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        limits = self._limits_of(namespace.name)
        check_enabled(limits)
        request.request_id = request.request_id or self._fresh_id()
        _complete_start(request, namespace, limits)
        endpoint = self._endpoints.find(request.endpoint)
        if endpoint is None:
            raise NotFoundError(f"could not find Nexus endpoint by name: {request.endpoint}")
        return await self._operations.start_nexus_operation(namespace, request, endpoint.id)

    async def _describe(
        self, request: DescribeNexusOperationExecutionRequest, namespace: Namespace, call: Call
    ) -> Message:
        check_enabled(self._limits_of(namespace.name))
        _check_operation_id(request)
        if request.long_poll_token and not request.run_id:
            raise InvalidArgumentError("run_id is required when long_poll_token is provided")
        _check_run_id(request)
        return await self._operations.describe_nexus_operation(namespace, request, call)

    async def _poll(
        self, request: PollNexusOperationExecutionRequest, namespace: Namespace, call: Call
    ) -> Message:
        check_enabled(self._limits_of(namespace.name))
        stage = request.wait_stage or _Stage.NEXUS_OPERATION_WAIT_STAGE_CLOSED
        if stage not in _STAGES:
            raise InvalidArgumentError(f"unsupported wait_stage: {request.wait_stage}")
        request.wait_stage = stage
        _check_operation_id(request)
        _check_run_id(request)
        return await self._operations.poll_nexus_operation(namespace, request, call)

    async def _cancel(
        self,
        request: RequestCancelNexusOperationExecutionRequest,
        namespace: Namespace,
        _call: Call,
    ) -> Message:
        self._complete_end(request, namespace)
        await self._operations.request_cancel_nexus_operation(namespace, request)
        return RequestCancelNexusOperationExecutionResponse()

    async def _terminate(
        self, request: TerminateNexusOperationExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        self._complete_end(request, namespace)
        await self._operations.terminate_nexus_operation(namespace, request)
        return TerminateNexusOperationExecutionResponse()

    async def _delete(
        self, request: DeleteNexusOperationExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_enabled(self._limits_of(namespace.name))
        _check_operation_id(request)
        _check_run_id(request)
        await self._operations.delete_nexus_operation(namespace, request)
        return DeleteNexusOperationExecutionResponse()

    def _complete_end(self, request: EndRequest, namespace: Namespace) -> None:
        check_enabled(self._limits_of(namespace.name))
        request.request_id = request.request_id or self._fresh_id()
        check_entity_id(request.request_id, "request_id")
        _check_operation_id(request)
        _check_run_id(request)
        check_entity_id(request.identity, "identity")
        check_entity_text(request.reason, "reason", REASON_BYTES_MAX)

    def _fresh_id(self) -> str:
        return uuid_text(self._entropy.token(16))


def check_enabled(limits: Limits) -> None:
    """Refuse what the operator has switched off."""
    if not limits.standalone_nexus_operations:
        raise UnimplementedError("Standalone Nexus operation is disabled")


def _complete_start(
    request: StartNexusOperationExecutionRequest, namespace: Namespace, limits: Limits
) -> None:
    """Check a request in the reference's order, and fill in its defaults."""
    check_entity_id(request.request_id, "request_id")
    _check_operation_id(request)
    check_entity_id(request.identity, "identity")
    _check_target(request, limits)
    _complete_timeouts(request, limits)
    if request.input.ByteSize() > limits.blob_bytes_max:
        raise InvalidArgumentError(
            f"input exceeds size limit. Length={request.input.ByteSize()} "
            f"Limit={limits.blob_bytes_max}"
        )
    check_user_metadata(request.user_metadata, limits)
    header = _checked_header(request.nexus_header, limits)
    request.nexus_header.clear()
    request.nexus_header.update(header)
    attributes, custom = request.search_attributes, namespace.search_attributes
    check_search_attributes(attributes, custom=custom, namespace=namespace.name, limits=limits)
    if attributes.indexed_fields:
        add_types(attributes, custom)
    complete_callbacks(request.completion_callbacks, limits)
    check_links(request.links, limits)
    _complete_policies(request)
    check_on_conflict(request)


def _check_target(request: StartNexusOperationExecutionRequest, limits: Limits) -> None:
    if not request.endpoint:
        raise InvalidArgumentError("endpoint is required")
    for name, words, bytes_max in (
        (request.service, "service", limits.nexus_service_name_bytes_max),
        (request.operation, "operation", limits.nexus_operation_name_bytes_max),
    ):
        if not name:
            raise InvalidArgumentError(f"{words} is required")
        check_entity_text(name, words, bytes_max)


def _complete_timeouts(request: StartNexusOperationExecutionRequest, limits: Limits) -> None:
    """No part of an operation outlasts the whole, and that not the bound of the namespace."""
    whole = request.schedule_to_close_timeout
    parts = (request.schedule_to_start_timeout, request.start_to_close_timeout)
    for timeout, words in (
        (whole, "schedule_to_close_timeout"),
        (parts[0], "schedule_to_start_timeout"),
        (parts[1], "start_to_close_timeout"),
    ):
        fault = duration_fault(timeout)
        if fault:
            raise InvalidArgumentError(f"{words} is invalid: {fault}")
    longest = limits.nexus_operation_timeout_max
    if longest and not 0 < duration(whole) <= longest:
        whole.CopyFrom(duration_message(longest))
    if duration(whole):
        for part in parts:
            if duration(part) > duration(whole):
                part.CopyFrom(whole)


def _checked_header(given: Mapping[str, str], limits: Limits) -> dict[str, str]:
    """Return a header with its names in lower case, as handlers compare them."""
    for name in given:
        if name.lower() in limits.nexus_headers_disallowed:
            raise InvalidArgumentError(f'nexus_header contains a disallowed key: "{name}"')
    header = {name.lower(): value for name, value in given.items()}
    if header_bytes(header) > limits.nexus_header_bytes_max:
        raise InvalidArgumentError("nexus_header exceeds size limit")
    return header


def _complete_policies(request: StartNexusOperationExecutionRequest) -> None:
    if not request.id_reuse_policy:
        request.id_reuse_policy = (
            NexusOperationIdReusePolicy.NEXUS_OPERATION_ID_REUSE_POLICY_ALLOW_DUPLICATE
        )
    if not request.id_conflict_policy:
        request.id_conflict_policy = (
            NexusOperationIdConflictPolicy.NEXUS_OPERATION_ID_CONFLICT_POLICY_FAIL
        )
    if request.id_reuse_policy not in NexusOperationIdReusePolicy.values():
        raise InvalidArgumentError(f"unsupported ID reuse policy: {request.id_reuse_policy}")
    if request.id_conflict_policy not in NexusOperationIdConflictPolicy.values():
        raise InvalidArgumentError(f"unsupported ID conflict policy: {request.id_conflict_policy}")


def _check_operation_id(request: OperationRequest | StartNexusOperationExecutionRequest) -> None:
    if not request.operation_id:
        raise InvalidArgumentError("operation_id is required")
    check_entity_id(request.operation_id, "operation_id")


def _check_run_id(request: OperationRequest) -> None:
    try:
        check_run_id(request.run_id)
    except InvalidArgumentError as error:
        raise InvalidArgumentError("run_id is not a valid UUID") from error
