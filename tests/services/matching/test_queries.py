"""Queries find a worker, and answers find their caller."""

import asyncio

import pytest
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import QueryResultType
from temporalio.api.failure.v1 import Failure
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueResponse,
    RespondQueryTaskCompletedRequest,
)

from indelible.base.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
    UnavailableError,
)
from indelible.base.ids import NamespaceId
from indelible.base.limits import QUERIES_WAITING_MAX
from indelible.base.task_token import QueryTaskToken, decode_task_token
from indelible.ports.clients import QueryAnswer
from tests.services.matching.world import PollTask, World, running_world, settle, task_id

RESULT = Payloads(payloads=[Payload(data=b"42")])
ANSWERED = RespondQueryTaskCompletedRequest(
    completed_type=QueryResultType.QUERY_RESULT_TYPE_ANSWERED, query_result=RESULT
)
FAILED = RespondQueryTaskCompletedRequest(
    completed_type=QueryResultType.QUERY_RESULT_TYPE_FAILED,
    error_message="no such query",
    failure=Failure(message="why"),
)
UNKNOWN = "query task not found, or already expired"


def token_of(poll: PollTask) -> QueryTaskToken:
    token = decode_task_token(poll.result().task_token)
    assert isinstance(token, QueryTaskToken)
    return token


def ask(world: World, *, within: float = 10) -> asyncio.Task[QueryAnswer | None]:
    deadline = world.in_seconds(within)
    return world.group.create_task(world.client.query(world.query(), deadline=deadline))


async def test_an_answer_reaches_the_caller_once() -> None:
    async with running_world() as world:
        poll = await world.waiting_poll()
        query = ask(world)
        await settle()
        assert poll.result() == PollWorkflowTaskQueueResponse(
            task_token=poll.result().task_token, query=WorkflowQuery(query_type="state")
        )
        world.service.respond_query_task_completed(token_of(poll), ANSWERED)
        with pytest.raises(NotFoundError, match=UNKNOWN):
            world.service.respond_query_task_completed(token_of(poll), ANSWERED)
        await settle()
        answer = query.result()
        assert answer is not None
        assert answer.is_success
        assert Payloads.FromString(answer.result) == RESULT
        assert world.telemetry.counts["respond_query_failed"] == 1


async def test_a_failure_reaches_the_caller() -> None:
    async with running_world() as world:
        query = ask(world)
        await settle()
        poll = world.poll()
        await settle()
        world.service.respond_query_task_completed(token_of(poll), FAILED)
        await settle()
        answer = query.result()
        assert answer is not None
        assert (answer.is_success, answer.error_message) == (False, "no such query")
        assert Failure.FromString(answer.failure).message == "why"


async def test_a_query_comes_before_tasks() -> None:
    async with running_world() as world:
        await world.add()
        query = ask(world)
        await settle()
        polls = [world.poll(), world.poll()]
        await settle()
        assert token_of(polls[0]).queue_name == "queue"
        assert task_id(polls[1]) == 1
        await world.clock.advance(10)
        assert query.result() is None


async def test_without_a_poller_a_query_says_so_a_second_before_its_deadline() -> None:
    async with running_world() as world:
        refusals: list[str] = []

        async def refused_query() -> None:
            with pytest.raises(FailedPreconditionError) as refused:
                await world.client.query(world.query(), deadline=world.in_seconds(10))
            refusals.append(refused.value.message)

        world.group.create_task(refused_query())
        await world.clock.advance(8.999)
        assert refusals == []
        await world.clock.advance(0.001)
        assert refusals == ["no poller seen for task queue recently, worker may be down"]


async def test_with_a_recent_poller_a_query_waits_until_its_deadline() -> None:
    async with running_world() as world:
        poll = world.poll(within=2)
        await world.clock.advance(1)
        assert task_id(poll) == 0
        query = ask(world, within=20)
        await world.clock.advance(19.999)
        assert not query.done()
        await world.clock.advance(0.001)
        assert query.result() is None


async def test_an_answer_after_the_deadline_is_unknown() -> None:
    async with running_world() as world:
        poll = await world.waiting_poll()
        query = ask(world)
        await world.clock.advance(10)
        assert query.result() is None
        with pytest.raises(NotFoundError, match=UNKNOWN):
            world.service.respond_query_task_completed(token_of(poll), ANSWERED)


async def test_a_query_given_to_a_client_that_goes_finds_another() -> None:
    async with running_world() as world:
        gone = await world.waiting_poll()
        ask(world)
        await settle(1)  # The query was paired, and the poll has not had a turn since.
        gone.cancel()
        await settle()
        assert gone.cancelled()
        other = world.poll()
        await settle()
        world.service.respond_query_task_completed(token_of(other), ANSWERED)


async def test_a_foreign_or_unfinished_answer_is_refused_and_harms_nothing() -> None:
    async with running_world() as world:
        poll = await world.waiting_poll()
        query = ask(world)
        await settle()
        token = token_of(poll)
        for forged in (
            QueryTaskToken(NamespaceId("other"), token.queue_name, token.query_id),
            QueryTaskToken(token.namespace_id, "other", token.query_id),
            QueryTaskToken(token.namespace_id, token.queue_name, "other"),
        ):
            with pytest.raises(NotFoundError, match=UNKNOWN):
                world.service.respond_query_task_completed(forged, ANSWERED)
        with pytest.raises(InvalidArgumentError):
            world.service.respond_query_task_completed(token, RespondQueryTaskCompletedRequest())
        assert not query.done()
        world.service.respond_query_task_completed(token, ANSWERED)
        await settle()
        assert query.done()


async def test_a_caller_that_goes_takes_its_query_along() -> None:
    async with running_world() as world:
        query = ask(world)
        await settle()
        query.cancel()
        poll = await world.waiting_poll()
        assert not poll.done()


async def test_waiting_queries_are_bounded() -> None:
    async with running_world() as world:
        waiting = [ask(world) for _ in range(QUERIES_WAITING_MAX)]
        await settle()
        with pytest.raises(ResourceExhaustedError):
            await world.client.query(world.query(), deadline=world.in_seconds(10))
        for query in waiting:
            query.cancel()


async def test_stopping_refuses_queries() -> None:
    async with running_world() as world:
        refusals: list[UnavailableError] = []

        async def refused_query() -> None:
            with pytest.raises(UnavailableError) as refused:
                await world.client.query(world.query(), deadline=world.in_seconds(10))
            refusals.append(refused.value)

        world.group.create_task(refused_query())
        await settle()
        await world.service.stop()
        await settle()
        world.group.create_task(refused_query())
        await settle()
        assert len(refusals) == 2
