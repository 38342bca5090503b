"""Standalone activities: life, policies, waiting, and that no list of workflows shows them."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.activity.v1 import ActivityExecutionOutcome, ActivityOptions
from temporalio.api.common.v1 import (
    ActivityType,
    Link,
    Payload,
    Priority,
    RetryPolicy,
    WorkflowExecution,
)
from temporalio.api.enums.v1 import (
    ActivityExecutionStatus,
    ActivityIdConflictPolicy,
    ActivityIdReusePolicy,
    PendingActivityState,
    RetryState,
    TimeoutType,
)
from temporalio.api.errordetails.v1 import ActivityExecutionAlreadyStartedFailure
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    CountActivityExecutionsRequest,
    CountWorkflowExecutionsRequest,
    DeleteActivityExecutionRequest,
    DescribeActivityExecutionRequest,
    DescribeActivityExecutionResponse,
    DescribeNamespaceRequest,
    DescribeWorkflowExecutionRequest,
    ListActivityExecutionsRequest,
    PauseActivityExecutionRequest,
    PollActivityExecutionRequest,
    RequestCancelActivityExecutionRequest,
    ResetActivityExecutionRequest,
    StartActivityExecutionRequest,
    StartActivityExecutionResponse,
    TerminateActivityExecutionRequest,
    UnpauseActivityExecutionRequest,
    UpdateActivityExecutionOptionsRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from tests.sdk.python.harness import Harness, eventually, refused
from tests.sdk.python.programs.standalone import (
    beat_until_told_to_stop,
    describe_surroundings,
    double,
    fail_once_with_heartbeat,
)

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]

ACTIVITIES: Final[list[Callable[..., Any]]] = [
    beat_until_told_to_stop,
    describe_surroundings,
    double,
    fail_once_with_heartbeat,
]
STATUS = ActivityExecutionStatus


class Standalone:
    """The activity of one test, spoken to in the protocol's own words."""

    def __init__(self, harness: Harness) -> None:
        self.client: Client = harness.client
        self.id = harness.new_id()
        self.queue = harness.task_queue

    def request(
        self, activity_type: str = "double", **fields: Any
    ) -> StartActivityExecutionRequest:
        request = StartActivityExecutionRequest(
            namespace=self.client.namespace,
            activity_id=self.id,
            activity_type=ActivityType(name=activity_type),
            task_queue=TaskQueue(name=self.queue),
            start_to_close_timeout=Duration(seconds=20),
        )
        for name, value in fields.items():
            if isinstance(value, int | str):
                setattr(request, name, value)
            elif isinstance(value, list):
                getattr(request, name).extend(value)
            else:
                getattr(request, name).CopyFrom(value)
        return request

    async def start(
        self, activity_type: str = "double", **fields: Any
    ) -> StartActivityExecutionResponse:
        request = self.request(activity_type, **fields)
        return await self.client.workflow_service.start_activity_execution(request)

    async def describe(self, **fields: Any) -> DescribeActivityExecutionResponse:
        return await self.client.workflow_service.describe_activity_execution(
            DescribeActivityExecutionRequest(
                namespace=self.client.namespace, activity_id=self.id, **fields
            )
        )

    async def outcome(self) -> ActivityExecutionOutcome:
        response = await self.client.workflow_service.poll_activity_execution(
            PollActivityExecutionRequest(namespace=self.client.namespace, activity_id=self.id),
            timeout=timedelta(seconds=20),
        )
        return response.outcome

    async def cancel(self, request_id: str = "cancel") -> None:
        await self.client.workflow_service.request_cancel_activity_execution(
            RequestCancelActivityExecutionRequest(
                namespace=self.client.namespace,
                activity_id=self.id,
                request_id=request_id,
                reason="because",
            )
        )

    async def terminate(self, request_id: str = "terminate") -> None:
        await self.client.workflow_service.terminate_activity_execution(
            TerminateActivityExecutionRequest(
                namespace=self.client.namespace,
                activity_id=self.id,
                request_id=request_id,
                reason="enough",
                identity="me",
            )
        )

    def worker(self) -> Worker:
        return Worker(self.client, task_queue=self.queue, activities=ACTIVITIES)


@pytest.fixture
def standalone(harness: Harness) -> Standalone:
    return Standalone(harness)


async def test_the_worker_is_told_that_there_is_no_workflow(standalone: Standalone) -> None:
    started = await standalone.start("describe_surroundings", priority=Priority(priority_key=2))
    assert started.started
    assert started.link.activity.run_id == started.run_id
    async with standalone.worker():
        outcome = await standalone.outcome()
    assert outcome.result.payloads[0].data.startswith(f'["{standalone.id}"'.encode())
    described = (await standalone.describe(include_outcome=True)).outcome
    assert described == outcome


async def test_a_retry_gets_the_heartbeat_of_the_attempt_before(standalone: Standalone) -> None:
    await standalone.start("fail_once_with_heartbeat")
    async with standalone.worker():
        outcome = await standalone.outcome()
    assert outcome.result.payloads[0].data == b'"left behind"'
    described = await standalone.describe(include_last_failure=True)
    assert described.info.attempt == 2
    assert described.info.last_failure.message == "again"
    assert not described.long_poll_token or described.info.status == STATUS.Value(
        "ACTIVITY_EXECUTION_STATUS_COMPLETED"
    )


async def test_a_running_activity_hears_of_its_cancellation(standalone: Standalone) -> None:
    await standalone.start("beat_until_told_to_stop", heartbeat_timeout=Duration(seconds=2))
    async with standalone.worker():

        async def is_started() -> bool:
            described = await standalone.describe()
            return described.info.run_state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED

        await eventually(is_started)
        await standalone.cancel()
        await standalone.cancel()
        async with refused(RPCStatusCode.FAILED_PRECONDITION):
            await standalone.cancel("other")
        outcome = await standalone.outcome()
    assert outcome.failure.HasField("canceled_failure_info")
    described = await standalone.describe()
    assert described.info.status == STATUS.Value("ACTIVITY_EXECUTION_STATUS_CANCELED")
    assert described.info.canceled_reason == "because"


async def test_a_waiting_activity_is_canceled_at_once(standalone: Standalone) -> None:
    await standalone.start()
    await standalone.cancel()
    outcome = await standalone.outcome()
    assert outcome.failure.message == "Activity canceled"
    assert outcome.failure.canceled_failure_info.details.payloads[0].data == b'"because"'


async def test_termination_ends_it_and_is_repeatable(standalone: Standalone) -> None:
    await standalone.start()
    await standalone.terminate()
    await standalone.terminate()
    async with refused(RPCStatusCode.FAILED_PRECONDITION):
        await standalone.terminate("other")
    outcome = await standalone.outcome()
    assert outcome.failure.message == "enough"
    assert outcome.failure.terminated_failure_info.identity == "me"


async def test_an_id_in_use_is_refused_or_shared(standalone: Standalone) -> None:
    first = await standalone.start(request_id="one")
    again = await standalone.start(request_id="one")
    assert again.run_id == first.run_id
    async with refused(
        RPCStatusCode.ALREADY_EXISTS, detail="ActivityExecutionAlreadyStartedFailure"
    ) as refusal:
        await standalone.start(request_id="two")
    detail = refusal.detail(ActivityExecutionAlreadyStartedFailure())
    assert (detail.run_id, detail.start_request_id) == (first.run_id, "one")
    shared = await standalone.start(
        request_id="three",
        id_conflict_policy=ActivityIdConflictPolicy.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING,
    )
    assert (shared.run_id, shared.started) == (first.run_id, False)
    await standalone.terminate()
    async with refused(
        RPCStatusCode.ALREADY_EXISTS, detail="ActivityExecutionAlreadyStartedFailure"
    ):
        await standalone.start(
            request_id="four",
            id_reuse_policy=ActivityIdReusePolicy.ACTIVITY_ID_REUSE_POLICY_REJECT_DUPLICATE,
        )
    failed_only = ActivityIdReusePolicy.ACTIVITY_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
    second = await standalone.start(request_id="five", id_reuse_policy=failed_only)
    assert second.run_id != first.run_id


async def test_a_description_waits_for_news(standalone: Standalone) -> None:
    started = await standalone.start()
    seen = await standalone.describe()
    token = seen.long_poll_token
    waiting = asyncio.ensure_future(
        standalone.describe(run_id=started.run_id, long_poll_token=token)
    )
    await standalone.terminate()
    news = await waiting
    assert news.info.status == STATUS.Value("ACTIVITY_EXECUTION_STATUS_TERMINATED")
    assert news.info.state_transition_count > seen.info.state_transition_count
    for fields in (
        {"long_poll_token": token},
        {"long_poll_token": b"?", "run_id": started.run_id},
        {"run_id": "no uuid"},
    ):
        async with refused(RPCStatusCode.INVALID_ARGUMENT):
            await standalone.describe(**fields)


async def test_timeouts_are_told_apart(standalone: Standalone) -> None:
    await standalone.start(schedule_to_start_timeout=Duration(nanos=200_000_000))
    outcome = await standalone.outcome()
    assert outcome.retry_state == RetryState.RETRY_STATE_TIMEOUT
    assert (
        outcome.failure.timeout_failure_info.timeout_type
        == TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START
    )


async def test_what_came_with_the_start_is_shown(standalone: Standalone) -> None:
    link = Link(workflow_event=Link.WorkflowEvent(namespace="n", workflow_id="w", run_id="r"))
    summary = Payload(metadata={"encoding": b"json/plain"}, data=b'"about"')
    await standalone.start(
        links=[link],
        user_metadata=UserMetadata(summary=summary),
        start_delay=Duration(seconds=100),
        schedule_to_close_timeout=Duration(seconds=50),
    )
    info = (await standalone.describe()).info
    assert list(info.links) == [link]
    assert info.user_metadata.summary == summary
    assert info.next_attempt_schedule_time.seconds - info.schedule_time.seconds == 100
    assert info.expiration_time.seconds - info.schedule_time.seconds == 150
    assert info.schedule_to_start_timeout.seconds == 50


async def test_it_has_lists_of_its_own(standalone: Standalone, harness: Harness) -> None:
    started = await standalone.start()
    service, namespace = standalone.client.workflow_service, standalone.client.namespace
    for query in (
        f"ActivityId = '{standalone.id}'",
        f"TaskQueue = '{standalone.queue}' AND ActivityType = 'double'",
        f"ExecutionStatus = 'Running' AND RunId = '{started.run_id}'",
    ):

        async def is_listed(query: str = query) -> bool:
            listed = await service.list_activity_executions(
                ListActivityExecutionsRequest(namespace=namespace, query=query)
            )
            return [found.run_id for found in listed.executions] == [started.run_id]

        await eventually(is_listed)
    grouped = await service.count_activity_executions(
        CountActivityExecutionsRequest(
            namespace=namespace,
            query=f"ActivityId = '{standalone.id}' GROUP BY ExecutionStatus",
        )
    )
    assert [group.count for group in grouped.groups] == [1]
    assert grouped.groups[0].group_values[0].data == b'"Running"'
    workflows = await service.count_workflow_executions(
        CountWorkflowExecutionsRequest(namespace=namespace, query=f"WorkflowId = '{standalone.id}'")
    )
    assert workflows.count == 0
    async with refused(RPCStatusCode.NOT_FOUND, detail="NotFoundFailure"):
        await service.describe_workflow_execution(
            DescribeWorkflowExecutionRequest(
                namespace=namespace, execution=WorkflowExecution(workflow_id=standalone.id)
            )
        )


async def test_a_deleted_activity_is_gone(standalone: Standalone) -> None:
    await standalone.start()
    await standalone.client.workflow_service.delete_activity_execution(
        DeleteActivityExecutionRequest(
            namespace=standalone.client.namespace, activity_id=standalone.id
        )
    )

    async def is_gone() -> bool:
        try:
            await standalone.describe()
        except RPCError as error:
            return error.status is RPCStatusCode.NOT_FOUND
        return False

    await eventually(is_gone)


async def test_what_is_missing_is_refused(standalone: Standalone) -> None:
    text = f"^activity not found for ID: {standalone.id}$"
    async with refused(RPCStatusCode.NOT_FOUND, detail="NotFoundFailure", text=text):
        await standalone.describe()
    async with refused(RPCStatusCode.NOT_FOUND, detail="NotFoundFailure", text=text):
        await standalone.cancel()
    for request in (
        standalone.request(activity_id=""),
        standalone.request(activity_type=""),
        standalone.request(start_to_close_timeout=Duration()),
        standalone.request(start_delay=Duration(seconds=-1)),
    ):
        async with refused(RPCStatusCode.INVALID_ARGUMENT):
            await standalone.client.workflow_service.start_activity_execution(request)


async def test_the_namespace_says_that_it_can(standalone: Standalone) -> None:
    described = await standalone.client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=standalone.client.namespace)
    )
    assert described.namespace_info.capabilities.standalone_activities
    assert described.namespace_info.capabilities.standalone_activity_start_delay
    assert described.namespace_info.capabilities.standalone_activity_operator_commands


async def test_an_operator_pauses_a_running_activity_and_lets_it_go_on(
    standalone: Standalone,
) -> None:
    service = standalone.client.workflow_service
    await standalone.start(
        "beat_until_told_to_stop",
        heartbeat_timeout=Duration(seconds=2),
        retry_policy=RetryPolicy(initial_interval=Duration(nanos=1_000_000)),
    )

    async def shown() -> tuple[int, int]:
        info = (await standalone.describe()).info
        return info.run_state, info.attempt

    async def is_started() -> bool:
        return await shown() == (PendingActivityState.PENDING_ACTIVITY_STATE_STARTED, 1)

    async def is_paused() -> bool:
        return await shown() == (PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED, 2)

    async def is_started_again() -> bool:
        return await shown() == (PendingActivityState.PENDING_ACTIVITY_STATE_STARTED, 2)

    async with standalone.worker():
        await eventually(is_started)
        await service.pause_activity_execution(
            PauseActivityExecutionRequest(
                namespace=standalone.client.namespace, activity_id=standalone.id, reason="lunch"
            )
        )
        await eventually(is_paused)
        described = await standalone.describe()
        assert described.info.status == STATUS.Value("ACTIVITY_EXECUTION_STATUS_PAUSED")
        await service.unpause_activity_execution(
            UnpauseActivityExecutionRequest(
                namespace=standalone.client.namespace, activity_id=standalone.id
            )
        )
        await eventually(is_started_again)
        await standalone.terminate()
    async with refused(
        RPCStatusCode.FAILED_PRECONDITION, text="^activity is in non-pausable state Terminated$"
    ):
        await service.pause_activity_execution(
            PauseActivityExecutionRequest(
                namespace=standalone.client.namespace, activity_id=standalone.id
            )
        )


async def test_an_operator_changes_and_resets_an_activity_that_waits(
    standalone: Standalone,
) -> None:
    service = standalone.client.workflow_service
    name: dict[str, Any] = {
        "namespace": standalone.client.namespace,
        "activity_id": standalone.id,
    }
    await standalone.start(start_delay=Duration(seconds=3600))
    changed = await service.update_activity_execution_options(
        UpdateActivityExecutionOptionsRequest(
            **name,
            activity_options=ActivityOptions(
                task_queue=TaskQueue(name="nobody"), priority=Priority(priority_key=1)
            ),
            update_mask=FieldMask(paths=["task_queue.name", "priority"]),
        )
    )
    assert changed.activity_options.task_queue.name == "nobody"
    assert (await standalone.describe()).info.task_queue == "nobody"
    await service.update_activity_execution_options(
        UpdateActivityExecutionOptionsRequest(
            **name,
            activity_options=ActivityOptions(start_delay=Duration()),
            update_mask=FieldMask(paths=["start_delay"]),
        )
    )
    await service.reset_activity_execution(
        ResetActivityExecutionRequest(**name, restore_original_options=True)
    )
    info = (await standalone.describe()).info
    assert (info.task_queue, info.start_delay.seconds) == (standalone.queue, 3600)
