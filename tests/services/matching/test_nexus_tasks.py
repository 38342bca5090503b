"""Nexus tasks find a worker, and answers find their caller."""

import asyncio

import pytest
from temporalio.api.nexus.v1 import Request, Response, StartOperationRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollNexusTaskQueueRequest,
    PollNexusTaskQueueResponse,
)

from indelible.base.errors import NotFoundError
from indelible.base.ids import NamespaceId, QueueKey, QueueType
from indelible.base.task_token import NexusTaskToken, decode_task_token
from indelible.engine.matching.queue_config import UNCONFIGURED, QueueConfig
from indelible.ports.clients import NexusAnswer, NexusTask
from tests.services.matching.world import World, running_world, settle

QUEUE = QueueKey(NamespaceId("namespace"), QueueType.NEXUS, "desk")
REQUEST = Request(start_operation=StartOperationRequest(service="s", operation="o"))
ANSWER = NexusAnswer(response=Response())


def call(world: World, *, within: float = 10) -> asyncio.Task[NexusAnswer | None]:
    task = NexusTask(queue=QUEUE, request=REQUEST)
    return world.group.create_task(
        world.service.call_nexus(task, deadline=world.in_seconds(within))
    )


def poll(world: World) -> asyncio.Task[PollNexusTaskQueueResponse]:
    request = PollNexusTaskQueueRequest(task_queue=TaskQueue(name="desk"), identity="worker")
    return world.group.create_task(
        world.service.poll_nexus_task_queue(QUEUE, request, world.in_seconds(30))
    )


def token_of(response: PollNexusTaskQueueResponse) -> NexusTaskToken:
    token = decode_task_token(response.task_token)
    assert isinstance(token, NexusTaskToken)
    return token


@pytest.mark.parametrize("is_poller_first", [True, False])
async def test_an_answer_reaches_the_caller_once(is_poller_first: bool) -> None:
    async with running_world() as world:
        if is_poller_first:
            polled, called = poll(world), call(world)
        else:
            called = call(world)
            await settle()
            polled = poll(world)
        await settle()
        response = polled.result()
        assert response.request.start_operation == REQUEST.start_operation
        assert response.request.header["request-timeout"] == "10000ms"
        world.service.respond_nexus_task(token_of(response), ANSWER)
        await settle()
        assert called.result() == ANSWER
        with pytest.raises(NotFoundError):
            world.service.respond_nexus_task(token_of(response), ANSWER)


async def test_without_an_answer_in_time_there_is_none() -> None:
    async with running_world() as world:
        polled, called = poll(world), call(world, within=5)
        await settle()
        await world.clock.advance(5)
        assert called.result() is None
        with pytest.raises(NotFoundError):
            world.service.respond_nexus_task(token_of(polled.result()), ANSWER)


async def test_a_token_of_another_queue_is_unknown() -> None:
    async with running_world() as world:
        polled, called = poll(world), call(world, within=5)
        await settle()
        token = token_of(polled.result())
        stolen = NexusTaskToken(NamespaceId("other"), token.queue_name, token.task_id)
        with pytest.raises(NotFoundError):
            world.service.respond_nexus_task(stolen, ANSWER)
        assert not called.done()
        await world.clock.advance(5)


@pytest.mark.parametrize(
    "config", [QueueConfig(tasks_per_second_max=1), QueueConfig(key_tasks_per_second_max=1)]
)
async def test_the_rates_of_the_queue_hold_for_its_tasks(config: QueueConfig) -> None:
    async with running_world() as world:
        world.configure(QUEUE, config)
        polls = [poll(world) for _ in range(3)]
        calls = [call(world) for _ in range(3)]
        await settle()
        assert [one.done() for one in polls] == [True, False, False]
        await world.clock.advance(0.5)
        assert [one.done() for one in polls] == [True, False, False]
        described = await world.service.describe_task_queue(QUEUE)
        assert described.stats.is_rate_limited
        await world.clock.advance(0.5)
        assert [one.done() for one in polls] == [True, True, False]
        world.configure(QUEUE, UNCONFIGURED)
        await settle()
        assert all(one.done() for one in polls)
        for one in calls:
            one.cancel()


async def test_the_tasks_are_counted_as_they_come_and_go() -> None:
    async with running_world() as world:
        calls = [call(world) for _ in range(2)]
        await settle()
        polled = poll(world)
        await world.clock.advance(5)
        assert polled.done()
        stats = (await world.service.describe_task_queue(QUEUE)).stats_by_priority
        assert list(stats) == [3]
        assert (stats[3].add_rate, stats[3].dispatch_rate) == (0.4, 0.2)
        for one in calls:
            one.cancel()
