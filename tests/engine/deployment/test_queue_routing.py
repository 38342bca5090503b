"""Where the tasks of a queue go."""

from indelible.base.ids import NamespaceId, QueueType
from indelible.base.instants import SECOND, Instant
from indelible.base.versions import Version
from indelible.engine.deployment.changes import (
    Conditions,
    register_worker,
    set_current,
    set_ramping,
)
from indelible.engine.deployment.record import Deployment
from indelible.engine.deployment.routing import QueueRouting, route_queue

ME = Conditions(identity="me")
W = QueueType.WORKFLOW
IDS = [f"workflow-{number}" for number in range(2_000)]


def at(second: int) -> Instant:
    return Instant(second * SECOND)


def deployment(name: str, *build_ids: str, queue: str = "q") -> Deployment:
    found = Deployment(namespace_id=NamespaceId("n"), name=name, created_at=at(1))
    for build_id in build_ids:
        found = register_worker(found, build_id, W, queue, now=at(1))
    return found


def test_without_a_current_version_work_is_for_unversioned_workers() -> None:
    routing = route_queue([deployment("d", "1")], W, "q")
    assert routing.target("w") is None


def test_work_goes_to_the_current_version_of_the_queues_that_it_polls() -> None:
    found = set_current(deployment("d", "1"), "1", ME, now=at(2))
    routing = route_queue([found], W, "q")
    assert (routing.target("w"), routing.revision(Version("d", "1"))) == (Version("d", "1"), 1)
    assert route_queue([found], W, "other").target("w") is None
    assert route_queue([found], QueueType.ACTIVITY, "q").target("w") is None


def test_a_queue_that_the_new_version_does_not_poll_is_unversioned() -> None:
    found = deployment("d", "1")
    found = register_worker(found, "2", W, "another", now=at(1))
    found = set_current(set_current(found, "1", ME, now=at(2)), "2", ME, now=at(3))
    assert route_queue([found], W, "q").target("w") is None


def test_a_ramp_takes_a_stable_share_that_grows() -> None:
    found = set_current(deployment("d", "1", "2"), "1", ME, now=at(2))
    shares: list[set[str]] = []
    for percentage in (0, 10, 50, 100):
        ramped = set_ramping(found, "2", percentage, ME, now=at(3))
        routing = route_queue([ramped], W, "q")
        shares.append({one for one in IDS if routing.target(one) == Version("d", "2")})
        assert all(routing.target(one) for one in IDS)
    assert [len(share) for share in shares][::3] == [0, len(IDS)]
    assert 0.07 < len(shares[1]) / len(IDS) < 0.13
    assert 0.45 < len(shares[2]) / len(IDS) < 0.55
    assert shares[1] < shares[2]


def test_a_ramp_may_be_preferred_and_may_lead_to_unversioned_workers() -> None:
    found = set_current(deployment("d", "1", "2"), "1", ME, now=at(2))
    routing = route_queue([set_ramping(found, "2", 0, ME, now=at(3))], W, "q")
    assert routing.target("w", is_ramp_preferred=True) == Version("d", "2")
    routing = route_queue([set_ramping(found, "", 100, ME, now=at(3))], W, "q")
    assert routing.target("w") is None


def test_of_two_deployments_the_one_that_was_changed_last_decides() -> None:
    first = set_current(deployment("a", "1"), "1", ME, now=at(5))
    second = set_current(deployment("b", "1"), "1", ME, now=at(4))
    for order in ([first, second], [second, first]):
        assert route_queue(order, W, "q").target("w") == Version("a", "1")
    assert route_queue([], W, "q") == QueueRouting()
