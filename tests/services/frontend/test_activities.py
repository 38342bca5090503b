"""What is reported about activities, by token and by id; what is too large fails the activity."""

from typing import TypedDict

import pytest
from google.protobuf.duration_pb2 import Duration as DurationMessage
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import StatusCode
from indelible.base.ids import RunId, WorkflowId
from indelible.base.limits import Limits
from indelible.base.task_token import ActivityById, ActivityTaskToken
from tests.services.frontend.world import RUN_ID, World, activity_token

LARGE = Payloads(payloads=[Payload(data=b"x" * 2_000)])
SMALL = Payloads(payloads=[Payload(data=b"x")])
FAILURE = Failure(message="m", application_failure_info=ApplicationFailureInfo(type="T"))
LARGE_FAILURE = Failure(
    message="m" * 5_000, application_failure_info=ApplicationFailureInfo(type="T")
)


class ById(TypedDict):
    namespace: str
    workflow_id: str
    run_id: str
    activity_id: str


BY_ID: ById = {
    "namespace": "default",
    "workflow_id": "w",
    "run_id": RUN_ID,
    "activity_id": "a",
}
TARGET_BY_ID = ActivityById(WorkflowId("w"), RunId(RUN_ID), "a")


@pytest.fixture
async def small_world() -> World:
    """A frontend that takes payloads of 1,000 bytes."""
    return await World(limits=Limits(blob_bytes_max=1_000)).load()


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (
            api.RespondActivityTaskCompletedByIdRequest(namespace="default"),
            "ActivityId is not set on request.",
        ),
        (
            api.RecordActivityTaskHeartbeatByIdRequest(
                namespace="default", activity_id="a", workflow_id="w" * 1001
            ),
            "WorkflowId length exceeds limit.",
        ),
        (
            api.RespondActivityTaskFailedByIdRequest(
                namespace="default", activity_id="a", workflow_id="w", run_id="x"
            ),
            "RunId is not valid UUID.",
        ),
        (
            api.RespondActivityTaskCanceledByIdRequest(
                namespace="default", activity_id="a" * 1001, workflow_id="w"
            ),
            "ActivityId length exceeds limit.",
        ),
        (
            api.RespondActivityTaskCompletedRequest(
                task_token=activity_token(), identity="i" * 1001
            ),
            "Identity length exceeds limit.",
        ),
        (
            api.RespondActivityTaskFailedRequest(
                task_token=activity_token(), failure=Failure(message="m")
            ),
            "Failure must have ApplicationFailureInfo.",
        ),
        (
            api.RespondActivityTaskFailedRequest(
                task_token=activity_token(),
                failure=Failure(
                    application_failure_info=ApplicationFailureInfo(),
                    cause=Failure(
                        application_failure_info=ApplicationFailureInfo(
                            next_retry_delay=DurationMessage(seconds=-1)
                        )
                    ),
                ),
            ),
            "NextRetryDelay is not a valid duration: negative duration",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_bad_report_is_refused(world: World, request_: Message, text: str) -> None:
    error = await world.refusal(request_)
    assert (error.code, error.message) == (StatusCode.INVALID_ARGUMENT, text)
    assert world.history.calls == []


async def test_a_token_names_the_attempt(world: World) -> None:
    await world.call(
        api.RespondActivityTaskCompletedRequest(task_token=activity_token(), result=SMALL),
        api.RespondActivityTaskCompletedResponse,
    )
    (target,) = world.history.targets
    assert isinstance(target, ActivityTaskToken)
    assert target.activity_id == "a"


async def test_an_id_names_whatever_attempt_there_is(world: World) -> None:
    world.history.answers["heartbeat"] = api.RecordActivityTaskHeartbeatResponse(
        cancel_requested=True, activity_paused=True, activity_reset=True
    )
    answer = await world.call(
        api.RecordActivityTaskHeartbeatByIdRequest(**BY_ID, details=SMALL, identity="i"),
        api.RecordActivityTaskHeartbeatByIdResponse,
    )
    assert answer.cancel_requested
    assert answer.activity_paused
    assert answer.activity_reset
    await world.call(
        api.RespondActivityTaskCompletedByIdRequest(**BY_ID, identity="i"),
        api.RespondActivityTaskCompletedByIdResponse,
    )
    await world.call(
        api.RespondActivityTaskFailedByIdRequest(**BY_ID, failure=FAILURE, identity="i"),
        api.RespondActivityTaskFailedByIdResponse,
    )
    await world.call(
        api.RespondActivityTaskCanceledByIdRequest(**BY_ID, details=SMALL, identity="i"),
        api.RespondActivityTaskCanceledByIdResponse,
    )
    assert world.history.targets == [TARGET_BY_ID] * 4
    assert world.history.calls == [
        (
            "heartbeat",
            api.RecordActivityTaskHeartbeatRequest(
                details=SMALL, identity="i", namespace="default"
            ),
        ),
        (
            "activity_completed",
            api.RespondActivityTaskCompletedRequest(identity="i", namespace="default"),
        ),
        (
            "activity_failed",
            api.RespondActivityTaskFailedRequest(
                failure=FAILURE, identity="i", namespace="default"
            ),
        ),
        (
            "activity_canceled",
            api.RespondActivityTaskCanceledRequest(
                details=SMALL, identity="i", namespace="default"
            ),
        ),
    ]


def failure_sent(world: World) -> Failure:
    (call,) = world.history.calls
    name, request = call
    assert name == "activity_failed"
    assert isinstance(request, api.RespondActivityTaskFailedRequest)
    assert request.failure.source == "Server"
    assert request.failure.server_failure_info.non_retryable
    return request.failure


@pytest.mark.parametrize(
    ("request_", "response_type", "text"),
    [
        (
            api.RespondActivityTaskCompletedRequest(task_token=activity_token(), result=LARGE),
            api.RespondActivityTaskCompletedResponse,
            "Complete result exceeds size limit.",
        ),
        (
            api.RespondActivityTaskCanceledRequest(task_token=activity_token(), details=LARGE),
            api.RespondActivityTaskCanceledResponse,
            "Cancel details exceed size limit.",
        ),
        (
            api.RespondActivityTaskFailedRequest(
                task_token=activity_token(), failure=LARGE_FAILURE
            ),
            api.RespondActivityTaskFailedResponse,
            "Failure exceeds size limit.",
        ),
        (
            api.RecordActivityTaskHeartbeatRequest(task_token=activity_token(), details=LARGE),
            api.RecordActivityTaskHeartbeatResponse,
            "Heartbeat details exceed size limit.",
        ),
        (
            api.RespondActivityTaskCompletedByIdRequest(**BY_ID, result=LARGE),
            api.RespondActivityTaskCompletedByIdResponse,
            "Complete result exceeds size limit.",
        ),
    ],
)
async def test_what_is_too_large_fails_the_activity(
    small_world: World, request_: Message, response_type: type[Message], text: str
) -> None:
    answer = await small_world.call(request_, response_type)
    assert failure_sent(small_world).message == text
    if isinstance(answer, api.RecordActivityTaskHeartbeatResponse):
        assert answer.cancel_requested
    if isinstance(answer, api.RespondActivityTaskFailedResponse):
        assert [failure.message for failure in answer.failures] == [text]


async def test_the_beginning_of_a_failure_that_is_too_large_is_its_cause(
    small_world: World,
) -> None:
    await small_world.call(
        api.RespondActivityTaskFailedRequest(task_token=activity_token(), failure=LARGE_FAILURE),
        api.RespondActivityTaskFailedResponse,
    )
    cause = failure_sent(small_world).cause
    assert cause.message == "m" * 4_096
    assert cause.application_failure_info.type == "T"


async def test_a_failure_goes_without_heartbeat_details_that_are_too_large(
    small_world: World,
) -> None:
    answer = await small_world.call(
        api.RespondActivityTaskFailedRequest(
            task_token=activity_token(), failure=FAILURE, last_heartbeat_details=LARGE
        ),
        api.RespondActivityTaskFailedResponse,
    )
    assert [one.message for one in answer.failures] == ["Heartbeat details exceed size limit."]
    (call,) = small_world.history.calls
    _, request = call
    assert isinstance(request, api.RespondActivityTaskFailedRequest)
    assert request.failure == FAILURE
    assert not request.HasField("last_heartbeat_details")
