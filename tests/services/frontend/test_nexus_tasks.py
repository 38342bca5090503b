"""What workers may say about Nexus tasks, and which callbacks a start may bring."""

import pytest
from temporalio.api.common.v1 import Callback
from temporalio.api.failure.v1 import Failure, NexusHandlerFailureInfo
from temporalio.api.nexus.v1 import (
    Failure as NexusFailure,
    HandlerError,
    UnsuccessfulOperationError,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import InvalidArgumentError, UnimplementedError
from indelible.base.ids import QueueKey, QueueType
from indelible.base.limits import DEFAULT_LIMITS
from indelible.services.frontend.callbacks import complete_callbacks
from tests.services.frontend.world import DEFAULT, World, nexus_token


async def fail(world: World, **fields: object) -> None:
    await world.call(
        api.RespondNexusTaskFailedRequest(
            namespace="default",
            task_token=nexus_token(),
            **fields,  # pyright: ignore[reportArgumentType]
        ),
        api.RespondNexusTaskFailedResponse,
    )


async def complete(world: World, **variant: object) -> None:
    request = api.RespondNexusTaskCompletedRequest(namespace="default", task_token=nexus_token())
    for name, value in variant.items():
        getattr(request.response.start_operation, name).CopyFrom(value)
    await world.call(request, api.RespondNexusTaskCompletedResponse)


async def test_a_poll_is_one_of_a_nexus_queue(world: World) -> None:
    request = api.PollNexusTaskQueueRequest(
        namespace="default", task_queue=TaskQueue(name="desk"), identity="me"
    )
    await world.call(request, api.PollNexusTaskQueueResponse)
    ((key, _, _),) = world.matching.polls
    assert key == QueueKey(DEFAULT, QueueType.NEXUS, "desk")


async def test_a_failure_says_that_it_is_the_handlers(world: World) -> None:
    failure = Failure(nexus_handler_failure_info=NexusHandlerFailureInfo(type="NOT_FOUND"))
    await fail(world, failure=failure)
    assert world.matching.nexus_answers[0].failure == failure
    for fields in ({}, {"failure": Failure(message="no handler")}):
        with pytest.raises(InvalidArgumentError):
            await fail(world, **fields)


async def test_an_older_handler_error_becomes_a_failure(world: World) -> None:
    error = HandlerError(error_type="NOT_FOUND", failure=NexusFailure(message="gone"))
    await fail(world, error=error)
    failure = world.matching.nexus_answers[0].failure
    assert failure is not None
    assert (failure.message, failure.nexus_handler_failure_info.type) == ("gone", "NOT_FOUND")
    error.failure.details = b"not json"
    with pytest.raises(InvalidArgumentError, match="JSON"):
        await fail(world, error=error)


async def test_an_answer_has_a_token_of_bounded_length(world: World) -> None:
    started = api.RespondNexusTaskCompletedRequest().response.start_operation.async_success
    with pytest.raises(InvalidArgumentError, match="token in response"):
        await complete(world, async_success=started)
    started.operation_token = "t" * 4_097
    with pytest.raises(InvalidArgumentError, match="4097/4096"):
        await complete(world, async_success=started)
    started.operation_token = "t" * 4_096
    await complete(world, async_success=started)
    assert len(world.matching.nexus_answers) == 1


async def test_details_of_an_older_operation_error_are_json(world: World) -> None:
    error = UnsuccessfulOperationError(failure=NexusFailure(details=b"{"))
    with pytest.raises(InvalidArgumentError, match="JSON"):
        await complete(world, operation_error=error)


def test_a_callback_leads_to_the_system_and_its_headers_are_lower_case() -> None:
    callback = Callback(nexus=Callback.Nexus(url="temporal://system", header={"Token": "x"}))
    complete_callbacks([callback], DEFAULT_LIMITS)
    assert callback.nexus.header == {"token": "x"}


@pytest.mark.parametrize(
    ("nexus", "words"),
    [
        (Callback.Nexus(url="https://example.com"), "does not match any"),
        (Callback.Nexus(url="temporal://" + "s" * 1_000), "longer than max"),
        (Callback.Nexus(url="temporal://system", header={"a": "b" * 8_192}), "header size"),
    ],
)
def test_a_callback_that_cannot_be_called_is_refused(nexus: Callback.Nexus, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        complete_callbacks([Callback(nexus=nexus)], DEFAULT_LIMITS)


def test_callbacks_of_other_kinds_are_refused() -> None:
    with pytest.raises(UnimplementedError):
        complete_callbacks([Callback(internal=Callback.Internal(data=b"x"))], DEFAULT_LIMITS)
