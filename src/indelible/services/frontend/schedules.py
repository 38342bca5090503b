"""Requests about schedules.

Owns their validation, in the reference's order (semantics 11.1); the work is history's. Must not
know how a schedule is kept, nor when it acts.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from google.protobuf.message import Message
from temporalio.api.enums.v1 import ScheduleOverlapPolicy, WorkflowIdReusePolicy
from temporalio.api.schedule.v1 import Schedule, SchedulePatch
from temporalio.api.workflow.v1 import NewWorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    CreateScheduleRequest,
    CreateScheduleResponse,
    DeleteScheduleRequest,
    DeleteScheduleResponse,
    DescribeScheduleRequest,
    DescribeScheduleResponse,
    ListScheduleMatchingTimesRequest,
    ListScheduleMatchingTimesResponse,
    PatchScheduleRequest,
    PatchScheduleResponse,
    UpdateScheduleRequest,
    UpdateScheduleResponse,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.instants import Instant, instant, timestamp
from indelible.base.limits import SCHEDULE_NOTES_BYTES_MAX, Limits
from indelible.base.retry_policies import complete_retry_policy, retry_policy_fault
from indelible.base.time_zones import TimeZones
from indelible.engine.namespace.record import Namespace
from indelible.engine.schedule.fields import InvalidSpecError
from indelible.engine.schedule.spec import canonical_spec
from indelible.engine.schedule.zones import check_possible, compile_spec
from indelible.engine.visibility.search_attributes import (
    add_types,
    check_search_attributes,
    is_reserved,
)
from indelible.ports.rpc import Call
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.validation import (
    check_identity,
    check_length,
    check_priority,
    check_user_metadata,
    check_user_task_queue,
    check_workflow_id,
    checked_duration,
    duration_fault,
    exceeds,
)
from indelible.services.frontend.versioning_overrides import check_versioning_override

MATCHING_TIMES_MAX: Final = 1_000
TIME_SUFFIX: Final = "-2009-11-10T23:00:00Z"
"""As long as what is appended to the ids of started workflows."""
_REUSE_POLICIES: Final = frozenset(
    {
        WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_UNSPECIFIED,
        WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
    }
)
ScheduleRequest = (
    CreateScheduleRequest
    | DescribeScheduleRequest
    | UpdateScheduleRequest
    | PatchScheduleRequest
    | ListScheduleMatchingTimesRequest
    | DeleteScheduleRequest
)


class ScheduleBackend(Protocol):
    """The part of history that keeps schedules. Changes are durable when a method returns."""

    async def create_schedule(self, namespace: Namespace, request: CreateScheduleRequest) -> bytes:
        """Create a schedule and return its conflict token."""
        ...

    async def describe_schedule(
        self, namespace: Namespace, schedule_id: str
    ) -> DescribeScheduleResponse:
        """Return all that is known of a schedule."""
        ...

    async def update_schedule(self, namespace: Namespace, request: UpdateScheduleRequest) -> None:
        """Replace what a schedule is."""
        ...

    async def patch_schedule(self, namespace: Namespace, request: PatchScheduleRequest) -> None:
        """Pause a schedule or let it go on, and have it act."""
        ...

    async def schedule_times(
        self, namespace: Namespace, schedule_id: str, start: Instant, end: Instant, count_max: int
    ) -> Sequence[Instant]:
        """Return the times of a schedule behind `start` up to `end`."""
        ...

    async def delete_schedule(self, namespace: Namespace, schedule_id: str) -> None:
        """Remove a schedule."""
        ...


class ScheduleHandlers:
    """Answers the requests about schedules."""

    def __init__(
        self, *, schedules: ScheduleBackend, zones: TimeZones, limits_of: Callable[[str], Limits]
    ) -> None:
        self._schedules = schedules
        self._zones = zones
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "CreateSchedule": namespace_route(CreateScheduleRequest, self._create),
            "DescribeSchedule": namespace_route(DescribeScheduleRequest, self._describe),
            "UpdateSchedule": namespace_route(UpdateScheduleRequest, self._update),
            "PatchSchedule": namespace_route(PatchScheduleRequest, self._patch),
            "ListScheduleMatchingTimes": namespace_route(
                ListScheduleMatchingTimesRequest, self._list_times
            ),
            "DeleteSchedule": namespace_route(DeleteScheduleRequest, self._delete),
        }

    async def _create(
        self, request: CreateScheduleRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_schedule_id(request)
        if not request.request_id:
            raise InvalidArgumentError("RequestId is not set on request.")
        check_length(request.request_id, "RequestId")
        check_identity(request.identity)
        self._complete(request, namespace)
        _check_patch(request.initial_patch)
        token = await self._schedules.create_schedule(namespace, request)
        return CreateScheduleResponse(conflict_token=token)

    async def _describe(
        self, request: DescribeScheduleRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_schedule_id(request)
        return await self._schedules.describe_schedule(namespace, request.schedule_id)

    async def _update(
        self, request: UpdateScheduleRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_schedule_id(request)
        check_length(request.request_id, "RequestId")
        check_identity(request.identity)
        self._complete(request, namespace)
        await self._schedules.update_schedule(namespace, request)
        return UpdateScheduleResponse()

    async def _patch(
        self, request: PatchScheduleRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_schedule_id(request)
        if not request.HasField("patch"):
            raise InvalidArgumentError("Patch is not set on request.")
        check_length(request.request_id, "RequestId")
        check_identity(request.identity)
        _check_patch(request.patch)
        await self._schedules.patch_schedule(namespace, request)
        return PatchScheduleResponse()

    async def _list_times(
        self, request: ListScheduleMatchingTimesRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_schedule_id(request)
        if not request.HasField("start_time") or not request.HasField("end_time"):
            raise InvalidArgumentError("missing or invalid query")
        times = await self._schedules.schedule_times(
            namespace,
            request.schedule_id,
            instant(request.start_time),
            instant(request.end_time),
            MATCHING_TIMES_MAX,
        )
        return ListScheduleMatchingTimesResponse(start_time=map(timestamp, times))

    async def _delete(
        self, request: DeleteScheduleRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_schedule_id(request)
        check_identity(request.identity)
        await self._schedules.delete_schedule(namespace, request.schedule_id)
        return DeleteScheduleResponse()

    def _complete(
        self, request: CreateScheduleRequest | UpdateScheduleRequest, namespace: Namespace
    ) -> None:
        """Check a schedule and write it in canonical form, in place."""
        limits = self._limits_of(namespace.name)
        self._complete_spec(request.schedule)
        if not request.schedule.action.HasField("start_workflow"):
            raise InvalidArgumentError("Only StartWorkflow action is supported for schedules")
        action = request.schedule.action.start_workflow
        _complete_action(action, namespace, limits)
        _check_policies(request.schedule)
        attributes, custom = request.search_attributes, namespace.search_attributes
        check_search_attributes(attributes, custom=custom, namespace=namespace.name, limits=limits)
        if attributes.indexed_fields:
            # What the service says of a schedule itself is not the client's to set.
            for name in [name for name in attributes.indexed_fields if is_reserved(name)]:
                del attributes.indexed_fields[name]
            add_types(attributes, custom)
        if request.memo.ByteSize() + action.input.ByteSize() > limits.blob_bytes_max:
            raise InvalidArgumentError("Blob data size exceeds limit.")

    def _complete_spec(self, schedule: Schedule) -> None:
        try:
            spec = canonical_spec(schedule.spec)
            check_possible(compile_spec(spec, self._zones))
        except InvalidSpecError as error:
            raise InvalidArgumentError(f"Invalid schedule spec: {error}") from error
        schedule.spec.CopyFrom(spec)


def _complete_action(
    action: NewWorkflowExecutionInfo, namespace: Namespace, limits: Limits
) -> None:
    """Check what a schedule starts, as if it were to be started now."""
    check_workflow_id(action.workflow_id + TIME_SUFFIX if action.workflow_id else "")
    if not action.workflow_type.name:
        raise InvalidArgumentError("WorkflowType is not set on request.")
    check_length(action.workflow_type.name, "WorkflowType")
    check_user_task_queue(action.task_queue, is_set=action.HasField("task_queue"))
    for message, field in (
        (action.workflow_execution_timeout, "WorkflowExecutionTimeoutSeconds"),
        (action.workflow_run_timeout, "WorkflowRunTimeoutSeconds"),
        (action.workflow_task_timeout, "WorkflowTaskTimeoutSeconds"),
    ):
        checked_duration(message, field)
    if action.HasField("retry_policy"):
        fault = retry_policy_fault(complete_retry_policy(action.retry_policy))
        if fault is not None:
            raise InvalidArgumentError(fault)
    if action.cron_schedule:
        raise InvalidArgumentError("Scheduled workflow must not contain CronSchedule")
    if action.workflow_id_reuse_policy not in _REUSE_POLICIES:
        raise InvalidArgumentError("Scheduled workflow must not contain WorkflowIDReusePolicy")
    if action.HasField("versioning_override"):
        check_versioning_override(action.versioning_override)
    check_priority(action.priority)
    check_user_metadata(action.user_metadata, limits)
    if action.memo.ByteSize() > limits.memo_bytes_max:
        raise InvalidArgumentError("Memo size exceeds limit.")
    attributes, custom = action.search_attributes, namespace.search_attributes
    check_search_attributes(attributes, custom=custom, namespace=namespace.name, limits=limits)
    if attributes.indexed_fields:
        add_types(attributes, custom)


def _check_policies(schedule: Schedule) -> None:
    policies = schedule.policies
    _check_overlap_policy(policies.overlap_policy)
    fault = duration_fault(policies.catchup_window)
    if fault:
        raise InvalidArgumentError(f"invalid CatchupWindow: {fault}")
    if schedule.state.remaining_actions < 0:
        raise InvalidArgumentError("RemainingActions is negative.")
    if exceeds(schedule.state.notes, SCHEDULE_NOTES_BYTES_MAX):
        raise InvalidArgumentError("Schedule notes exceeds limit.")


def _check_patch(patch: SchedulePatch) -> None:
    for notes in (patch.pause, patch.unpause):
        if exceeds(notes, SCHEDULE_NOTES_BYTES_MAX):
            raise InvalidArgumentError("Schedule notes exceeds limit.")
    _check_overlap_policy(patch.trigger_immediately.overlap_policy)
    for backfill in patch.backfill_request:
        _check_overlap_policy(backfill.overlap_policy)


def _check_overlap_policy(policy: int) -> None:
    if policy not in ScheduleOverlapPolicy.values():
        raise InvalidArgumentError(f"Invalid ScheduleOverlapPolicy: {policy}")


def _check_schedule_id(request: ScheduleRequest) -> None:
    if not request.schedule_id:
        raise InvalidArgumentError("ScheduleId is not set on request.")
    check_length(request.schedule_id, "ScheduleId")
