"""Polls of workers of a version: they wait in two queues, and get what is meant for them."""

from indelible.base.ids import QueueKey, QueueType
from indelible.base.versions import Version, versioned_queue_name
from indelible.engine.deployment.routing import QueueRouting
from indelible.engine.matching.queue_config import UNCONFIGURED, QueueConfig
from tests.services.matching.world import NAMESPACE, WORKFLOWS, running_world, settle, task_id

ONE, TWO = Version("d", "1"), Version("d", "2")


def pinned_queue(version: Version) -> QueueKey:
    return QueueKey(NAMESPACE, QueueType.WORKFLOW, versioned_queue_name(WORKFLOWS.name, version))


async def test_a_pinned_task_waits_for_its_version() -> None:
    async with running_world() as world:
        other, unversioned = world.poll(version="2"), world.poll()
        await settle()
        pinned = await world.add(pinned_queue(ONE))
        await settle()
        assert not other.done()
        poll = world.poll(version="1")
        await settle()
        assert task_id(poll) == pinned
        assert world.history.pollers[-1].version == ONE
        assert not unversioned.done()
        await world.clock.advance(61)


async def test_an_unpinned_task_goes_where_the_routing_leads_now() -> None:
    async with running_world() as world:
        polls = {version: world.poll(version=version) for version in ("1", "2")}
        await settle()
        world.routings[WORKFLOWS] = QueueRouting(current=ONE)
        first = await world.add()
        await settle()
        assert task_id(polls["1"]) == first
        world.routings[WORKFLOWS] = QueueRouting(current=TWO)
        second = await world.add()
        await settle()
        assert task_id(polls["2"]) == second


async def test_a_change_of_the_routing_reaches_tasks_and_polls_that_wait() -> None:
    async with running_world() as world:
        world.routings[WORKFLOWS] = QueueRouting(current=TWO)
        poll = world.poll(version="1")
        await settle()
        waiting = await world.add()
        await settle()
        assert not poll.done()
        world.routings[WORKFLOWS] = QueueRouting(current=ONE)
        world.service.reroute(NAMESPACE)
        await settle()
        assert task_id(poll) == waiting


async def test_a_poll_that_got_a_task_in_one_queue_has_left_the_other() -> None:
    async with running_world() as world:
        world.routings[WORKFLOWS] = QueueRouting(current=ONE)
        poll = world.poll(version="1")
        await settle()
        pinned = await world.add(pinned_queue(ONE))
        common = await world.add()
        await settle()
        assert task_id(poll) == pinned
        again = world.poll(version="1")
        await settle()
        assert task_id(again) == common


async def test_a_canceled_poll_gives_back_what_it_was_given() -> None:
    async with running_world() as world:
        poll = world.poll(version="1")
        await settle()
        poll.cancel()
        pinned = await world.add(pinned_queue(ONE))
        await settle()
        again = world.poll(version="1")
        await settle()
        assert task_id(again) == pinned


async def test_a_versioned_poll_expires_once_for_both_queues() -> None:
    async with running_world() as world:
        poll = world.poll(version="1", within=5)
        await world.clock.advance(4)
        assert task_id(poll) == 0
        assert (await world.add(), await world.add(pinned_queue(ONE))) == (1, 2)


async def test_a_worker_that_shuts_down_leaves_both_queues() -> None:
    async with running_world() as world:
        poll = world.poll(version="1", instance="key")
        await settle()
        assert world.service.cancel_outstanding_polls(NAMESPACE, "key") == 1
        await settle()
        assert task_id(poll) == 0
        await world.add(pinned_queue(ONE))
        await settle()
        assert world.history.asked == []


async def test_a_build_id_serves_the_queues_of_those_that_it_stands_for() -> None:
    old, new = Version("", "1"), Version("", "2")
    async with running_world() as world:
        waiting = await world.add(pinned_queue(old))
        world.routings[WORKFLOWS] = QueueRouting(redirects=(("1", "2"),))
        poll = world.poll(build_id="2")
        await settle()
        assert task_id(poll) == waiting
        assert world.history.pollers[-1].version == new


async def test_a_change_of_the_rules_ends_the_polls_by_build_id() -> None:
    async with running_world() as world:
        by_build_id, by_deployment = world.poll(build_id="1"), world.poll(version="1")
        await settle()
        world.service.reroute(NAMESPACE)
        await settle()
        assert by_build_id.done()
        assert not by_deployment.done()
        await world.clock.advance(61)


async def test_the_versions_of_a_queue_have_its_rate_together() -> None:
    async with running_world() as world:
        world.configure(WORKFLOWS, QueueConfig(tasks_per_second_max=1))
        for version in (ONE, TWO):
            await world.add(pinned_queue(version))
        await world.add()
        polls = [world.poll(version="1"), world.poll(version="2"), world.poll()]
        await settle()
        assert sum(poll.done() for poll in polls) == 1
        await world.clock.advance(1)
        assert sum(poll.done() for poll in polls) == 2
        await world.clock.advance(1)
        assert sum(poll.done() for poll in polls) == 3


async def test_a_limit_that_is_lifted_frees_the_queues_of_all_versions() -> None:
    async with running_world() as world:
        world.configure(WORKFLOWS, QueueConfig(tasks_per_second_max=0))
        poll = world.poll(version="1")
        await settle()
        pinned = await world.add(pinned_queue(ONE))
        await settle()
        assert not poll.done()
        world.configure(WORKFLOWS, UNCONFIGURED)
        await settle()
        assert task_id(poll) == pinned
