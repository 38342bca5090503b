"""How many requests are let in: per second, at the same time, and who goes first."""

import pytest
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import RetryInfo
from msgspec.structs import replace
from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope
from temporalio.api.errordetails.v1 import ResourceExhaustedFailure
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import ResourceExhaustedError
from indelible.base.ids import NamespaceId, NamespaceName
from indelible.base.instants import DAY, MILLISECOND, SECOND, Instant, duration
from indelible.base.limits import DEFAULT_LIMITS, Limits
from indelible.engine.namespace.record import Namespace
from indelible.services.frontend.admission import Admission, PriorityBuckets, Rate
from indelible.services.frontend.rates import PRIORITIES, SHARES
from indelible.services.frontend.rpcs import RPCS, WORKFLOW_SERVICE

NOW = Instant(1_700_000_000 * SECOND)
START, POLL, LIST = (
    "StartWorkflowExecution",
    "PollWorkflowTaskQueue",
    "ListWorkflowExecutions",
)
HISTORY = "GetWorkflowExecutionHistory"
NOTHING = api.StartWorkflowExecutionRequest()
RPS = ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT
CONCURRENT = ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT
OF_NAMESPACE = ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE
OF_SYSTEM = ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_SYSTEM


def namespace(name: str) -> Namespace:
    return Namespace(id=NamespaceId(f"id-of-{name}"), name=NamespaceName(name), retention=DAY)


HERE, THERE = namespace("here"), namespace("there")


class Door:
    """An admission whose limits and time the test changes."""

    def __init__(self, **limits: float) -> None:
        self.limits: Limits = replace(DEFAULT_LIMITS, **limits)
        self.now = NOW
        self.admission = Admission(lambda _: self.limits)

    def enter(
        self, method: str, request: Message = NOTHING, *, at: Namespace | None = HERE
    ) -> bool:
        gate = self.admission.gate(method)
        assert gate is not None
        return gate.enter(request, at, self.now)

    def leave(self, method: str) -> None:
        gate = self.admission.gate(method)
        assert gate is not None
        gate.leave(HERE)

    def refusal(
        self, method: str, request: Message = NOTHING, *, at: Namespace | None = HERE
    ) -> ResourceExhaustedError:
        with pytest.raises(ResourceExhaustedError) as raised:
            self.enter(method, request, at=at)
        return raised.value


@pytest.mark.parametrize(
    ("priority", "spent", "left"),
    [
        (0, 4, [0, 0, 0, 0, 0, 0]),
        (3, 4, [4, 4, 4, 0, 0, 0]),
        (5, 3, [4, 4, 4, 4, 4, 1]),
    ],
)
def test_a_request_spends_the_share_of_the_less_important_ones(
    priority: int, spent: int, left: list[int]
) -> None:
    buckets, rate = PriorityBuckets(), Rate(2, 4)
    for _ in range(spent):
        assert buckets.take(rate, priority, NOW) is None
    found = [0] * PRIORITIES
    # The least important first: none of these spends what a later one counts.
    for other in reversed(range(PRIORITIES)):
        while buckets.take(rate, other, NOW) is None:
            found[other] += 1
    assert found == left


def test_tokens_come_back_with_time_up_to_the_burst() -> None:
    door = Door(requests_per_second=10, requests_burst_ratio=2)
    for _ in range(20):
        door.enter(START)
    assert door.refusal(START).message == "namespace rate limit exceeded"
    door.now = Instant(NOW + 100 * MILLISECOND)
    door.enter(START)
    door.refusal(START)
    door.now = Instant(NOW + 1_000 * SECOND)
    for _ in range(20):
        door.enter(START)
    door.refusal(START)


def test_a_refusal_says_why_and_when_to_come_back() -> None:
    door = Door(requests_per_second=10, requests_burst_ratio=0)
    door.enter(START)
    failure, retry = door.refusal(START).details
    assert failure == ResourceExhaustedFailure(cause=RPS, scope=OF_NAMESPACE)
    assert isinstance(retry, RetryInfo)
    assert duration(retry.retry_delay) == 100 * MILLISECOND


def test_a_rate_of_zero_lets_nothing_in() -> None:
    assert Door(requests_per_second=0).refusal(START).code.name == "RESOURCE_EXHAUSTED"


def test_a_rate_may_change_at_any_time() -> None:
    door = Door(requests_per_second=0)
    door.refusal(START)
    door.limits = replace(door.limits, requests_per_second=1)
    door.enter(START)


def test_a_namespace_does_not_spend_what_belongs_to_another() -> None:
    door = Door(requests_per_second=1, requests_burst_ratio=1)
    door.enter(START)
    door.refusal(START)
    door.enter(START, at=THERE)


def test_families_have_rates_of_their_own() -> None:
    door = Door(requests_per_second=1, requests_burst_ratio=1, visibility_requests_per_second=1)
    door.enter(LIST)
    door.refusal(LIST)
    door.enter(START)
    door.enter("UpdateNamespace")


def test_the_server_has_a_rate_for_all_namespaces() -> None:
    door = Door(node_requests_per_second=1)
    door.enter(START)
    door.enter(START, at=THERE)
    error = door.refusal(START)
    assert error.message == "service rate limit exceeded"
    assert error.details[0] == ResourceExhaustedFailure(cause=RPS, scope=OF_SYSTEM)
    for _ in range(2):  # it matters more than a start, so nobody has spent its share
        door.enter("GetSystemInfo", at=None)
    assert door.refusal("GetSystemInfo", at=None).message == "service rate limit exceeded"


def test_a_poll_counts_until_it_is_answered() -> None:
    door = Door(long_requests_max=2)
    assert door.enter(POLL)
    assert door.enter(POLL)
    error = door.refusal(POLL)
    assert error.message == "namespace concurrent poller limit exceeded"
    assert error.details[0] == ResourceExhaustedFailure(cause=CONCURRENT, scope=OF_NAMESPACE)
    assert door.enter("PollActivityTaskQueue"), "each kind of request is counted by itself"
    assert door.enter(POLL, at=THERE), "and each namespace"
    door.leave(POLL)
    assert door.enter(POLL)


def test_a_request_for_the_history_counts_if_it_waits() -> None:
    door = Door(long_requests_max=0)
    assert not door.enter(HISTORY, api.GetWorkflowExecutionHistoryRequest())
    door.refusal(HISTORY, api.GetWorkflowExecutionHistoryRequest(wait_new_event=True))


def test_every_request_of_workflow_service_has_a_share() -> None:
    names = {name for service, name in RPCS if service == WORKFLOW_SERVICE}
    assert names - SHARES.keys() == set()
    assert SHARES.keys() - names == set()


def test_what_is_not_of_workflow_service_is_not_counted() -> None:
    assert Door().admission.gate("CreateNexusEndpoint") is None
