"""Requests about standalone activities, but for finding them (semantics 7.11).

Owns their validation, and the part of history that carries them out. Must not know how an activity
is kept.
"""

from collections.abc import Callable
from typing import Protocol

from google.protobuf.message import Message
from temporalio.api.enums.v1 import ActivityIdConflictPolicy, ActivityIdReusePolicy
from temporalio.api.workflowservice.v1 import (
    DeleteActivityExecutionRequest,
    DeleteActivityExecutionResponse,
    DescribeActivityExecutionRequest,
    DescribeActivityExecutionResponse,
    PollActivityExecutionRequest,
    PollActivityExecutionResponse,
    RequestCancelActivityExecutionRequest,
    RequestCancelActivityExecutionResponse,
    StartActivityExecutionRequest,
    StartActivityExecutionResponse,
    TerminateActivityExecutionRequest,
    TerminateActivityExecutionResponse,
)

from indelible.base.activity_options import activity_fault
from indelible.base.errors import InvalidArgumentError
from indelible.base.fresh_ids import uuid_text
from indelible.base.limits import Limits
from indelible.base.retry_policies import complete_retry_policy
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.search_attributes import add_types, check_search_attributes
from indelible.ports.entropy import Entropy
from indelible.ports.rpc import Call
from indelible.services.frontend.callbacks import check_on_conflict, complete_callbacks
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.validation import (
    check_entity_id,
    check_links,
    check_run_id,
    check_user_metadata,
    check_user_task_queue,
    duration_fault,
    exceeds,
)

EndRequest = RequestCancelActivityExecutionRequest | TerminateActivityExecutionRequest
ActivityRequest = (
    EndRequest
    | DescribeActivityExecutionRequest
    | PollActivityExecutionRequest
    | DeleteActivityExecutionRequest
)


class StandaloneActivities(Protocol):
    """The part of history that keeps standalone activities.

    Each method but the long polls is durable when it returns.
    """

    async def start_activity(
        self, namespace: Namespace, request: StartActivityExecutionRequest
    ) -> StartActivityExecutionResponse:
        """Create an activity, or resolve the conflict with the one there is."""
        ...

    async def describe_activity(
        self, namespace: Namespace, request: DescribeActivityExecutionRequest, call: Call
    ) -> DescribeActivityExecutionResponse:
        """Return what is known of an activity; with a token, when there is news."""
        ...

    async def poll_activity(
        self, namespace: Namespace, request: PollActivityExecutionRequest, call: Call
    ) -> PollActivityExecutionResponse:
        """Wait for the outcome of an activity; the empty response if there is none in time."""
        ...

    async def request_cancel_activity(
        self, namespace: Namespace, request: RequestCancelActivityExecutionRequest
    ) -> None:
        """Have an activity stopped."""
        ...

    async def terminate_activity(
        self, namespace: Namespace, request: TerminateActivityExecutionRequest
    ) -> None:
        """Close an activity at once."""
        ...

    async def delete_activity(
        self, namespace: Namespace, request: DeleteActivityExecutionRequest
    ) -> None:
        """Remove an activity; an open one is ended first."""
        ...


class ActivityExecutionHandlers:
    """Answers the requests about standalone activities."""

    def __init__(
        self,
        *,
        activities: StandaloneActivities,
        entropy: Entropy,
        limits_of: Callable[[str], Limits],
    ) -> None:
        self._activities = activities
        self._entropy = entropy
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "StartActivityExecution": namespace_route(StartActivityExecutionRequest, self._start),
            "DescribeActivityExecution": namespace_route(
                DescribeActivityExecutionRequest, self._describe
            ),
            "PollActivityExecution": namespace_route(PollActivityExecutionRequest, self._poll),
            "RequestCancelActivityExecution": namespace_route(
                RequestCancelActivityExecutionRequest, self._cancel
            ),
            "TerminateActivityExecution": namespace_route(
                TerminateActivityExecutionRequest, self._terminate
            ),
            "DeleteActivityExecution": namespace_route(
                DeleteActivityExecutionRequest, self._delete
            ),
        }

    async def _start(
        self, request: StartActivityExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        request.request_id = request.request_id or self._fresh_id()
        _complete_start(request, namespace, self._limits_of(namespace.name))
        return await self._activities.start_activity(namespace, request)

    async def _describe(
        self, request: DescribeActivityExecutionRequest, namespace: Namespace, call: Call
    ) -> Message:
        _check_activity_id(request)
        if request.long_poll_token and not request.run_id:
            raise InvalidArgumentError("run id is required when long poll token is provided")
        _check_activity_run_id(request)
        return await self._activities.describe_activity(namespace, request, call)

    async def _poll(
        self, request: PollActivityExecutionRequest, namespace: Namespace, call: Call
    ) -> Message:
        _check_activity_id(request)
        _check_activity_run_id(request)
        return await self._activities.poll_activity(namespace, request, call)

    async def _cancel(
        self, request: RequestCancelActivityExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        self._complete_end(request, namespace)
        await self._activities.request_cancel_activity(namespace, request)
        return RequestCancelActivityExecutionResponse()

    async def _terminate(
        self, request: TerminateActivityExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        self._complete_end(request, namespace)
        await self._activities.terminate_activity(namespace, request)
        return TerminateActivityExecutionResponse()

    async def _delete(
        self, request: DeleteActivityExecutionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_activity_id(request)
        _check_activity_run_id(request)
        await self._activities.delete_activity(namespace, request)
        return DeleteActivityExecutionResponse()

    def _complete_end(self, request: EndRequest, namespace: Namespace) -> None:
        _check_activity_id(request)
        request.request_id = request.request_id or self._fresh_id()
        check_entity_id(request.request_id, "request ID")
        check_entity_id(request.identity, "identity")
        _check_activity_run_id(request)
        if exceeds(request.reason, self._limits_of(namespace.name).blob_bytes_max):
            raise InvalidArgumentError("reason exceeds length limit")

    def _fresh_id(self) -> str:
        return uuid_text(self._entropy.token(16))


def _complete_start(
    request: StartActivityExecutionRequest, namespace: Namespace, limits: Limits
) -> None:
    """Check a request in the reference's order, and fill in its defaults."""
    fault = duration_fault(request.start_delay)
    if fault:
        raise InvalidArgumentError(f"invalid StartDelay: {fault}")
    check_user_task_queue(request.task_queue, is_set=request.HasField("task_queue"))
    request.retry_policy.CopyFrom(complete_retry_policy(request.retry_policy))
    fault = activity_fault(request, request.retry_policy, id_bytes_max=limits.id_bytes_max)
    if fault is not None:
        raise InvalidArgumentError(fault)
    check_entity_id(request.request_id, "request ID")
    check_entity_id(request.identity, "identity")
    _complete_policies(request)
    if request.input.ByteSize() > limits.blob_bytes_max:
        raise InvalidArgumentError("input exceeds length limit")
    check_user_metadata(request.user_metadata, limits)
    attributes, custom = request.search_attributes, namespace.search_attributes
    check_search_attributes(attributes, custom=custom, namespace=namespace.name, limits=limits)
    if attributes.indexed_fields:
        add_types(attributes, custom)
    complete_callbacks(request.completion_callbacks, limits)
    check_links(request.links, limits)
    check_on_conflict(request)


def _complete_policies(request: StartActivityExecutionRequest) -> None:
    if not request.id_reuse_policy:
        request.id_reuse_policy = ActivityIdReusePolicy.ACTIVITY_ID_REUSE_POLICY_ALLOW_DUPLICATE
    if not request.id_conflict_policy:
        request.id_conflict_policy = ActivityIdConflictPolicy.ACTIVITY_ID_CONFLICT_POLICY_FAIL
    if request.id_reuse_policy not in ActivityIdReusePolicy.values():
        raise InvalidArgumentError(f"unsupported ID reuse policy: {request.id_reuse_policy}")
    if request.id_conflict_policy not in ActivityIdConflictPolicy.values():
        raise InvalidArgumentError(f"unsupported ID conflict policy: {request.id_conflict_policy}")


def _check_activity_id(request: ActivityRequest) -> None:
    if not request.activity_id:
        raise InvalidArgumentError("activity ID is required")
    check_entity_id(request.activity_id, "activity ID")


def _check_activity_run_id(request: ActivityRequest) -> None:
    try:
        check_run_id(request.run_id)
    except InvalidArgumentError as error:
        raise InvalidArgumentError("invalid run id: must be a valid UUID") from error
