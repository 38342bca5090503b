"""UpdateTaskQueueConfig: what it refuses, what it keeps, and what a description tells."""

import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit, TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    UpdateTaskQueueConfigRequest,
    UpdateTaskQueueConfigResponse,
)

from indelible.base.errors import InvalidArgumentError
from tests.services.frontend.world import World

WORKFLOW = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
ACTIVITY = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
Request = UpdateTaskQueueConfigRequest
Update = UpdateTaskQueueConfigRequest.RateLimitUpdate


def _type(number: int) -> "TaskQueueType.ValueType":
    return TaskQueueType.ValueType(number)


def limit(per_second: float, reason: str = "") -> Update:
    return Update(rate_limit=RateLimit(requests_per_second=per_second), reason=reason)


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (Request(), "missing task queue name"),
        (Request(task_queue="q", task_queue_type=_type(9)), "invalid task queue type: 9"),
        (Request(task_queue="/_sys/q/1"), "reserved prefix"),
        (
            Request(task_queue="q", task_queue_type=WORKFLOW, update_queue_rate_limit=limit(1)),
            "Setting rate limit on workflow task queues is not allowed.",
        ),
        (
            Request(task_queue="q", update_fairness_key_rate_limit_default=limit(1)),
            "Setting fairness key rate limit on workflow task queues is not allowed.",
        ),
        (
            Request(task_queue="q", task_queue_type=ACTIVITY, update_queue_rate_limit=limit(-1)),
            "RequestsPerSecond for UpdateQueueRateLimit rate limit must be non-negative.",
        ),
        (
            Request(
                task_queue="q",
                task_queue_type=ACTIVITY,
                update_fairness_key_rate_limit_default=limit(float("nan")),
            ),
            "UpdateFairnessKeyRateLimitDefault rate limit must be non-negative.",
        ),
        (
            Request(
                task_queue="q",
                task_queue_type=ACTIVITY,
                update_queue_rate_limit=limit(1, "r" * 1_001),
            ),
            r"UpdateQueueRateLimit.Reason field too long \(max 1000 characters\).",
        ),
        (Request(task_queue="q", identity="i" * 1_001), "Identity field too long"),
        (Request(task_queue="q", set_fairness_weight_overrides={"": 1}), "must not be empty"),
        (Request(task_queue="q", unset_fairness_weight_overrides=[""]), "must not be empty"),
        (
            Request(task_queue="q", set_fairness_weight_overrides={"k" * 65: 1}),
            "fairness key length exceeds limit",
        ),
        (
            Request(task_queue="q", set_fairness_weight_overrides={"k": 0}),
            'invalid fairness weight weight for key "k": must be greater than zero',
        ),
        (
            Request(
                task_queue="q",
                set_fairness_weight_overrides={"k": 1},
                unset_fairness_weight_overrides=["k"],
            ),
            'fairness weight override key "k" present in both set and unset lists',
        ),
        (
            Request(task_queue="q", unset_fairness_weight_overrides=["k"] * 1_001),
            "too many fairness weight overrides in request: got 1001, maximum 1000",
        ),
    ],
)
async def test_what_cannot_be_set_is_refused(request_: Request, text: str) -> None:
    world = await World().load()
    request_.namespace = "default"
    with pytest.raises(InvalidArgumentError, match=text):
        await world.call(request_, UpdateTaskQueueConfigResponse)


async def test_a_description_tells_what_was_set_for_this_queue_alone() -> None:
    world = await World().load()
    updated = await world.call(
        Request(
            namespace="default",
            identity="ann",
            task_queue="q",
            task_queue_type=ACTIVITY,
            update_queue_rate_limit=limit(5, "slow down"),
            set_fairness_weight_overrides={"k": 2},
        ),
        UpdateTaskQueueConfigResponse,
    )
    assert updated.config.queue_rate_limit.rate_limit.requests_per_second == 5
    assert updated.config.queue_rate_limit.metadata.update_identity == "ann"
    assert dict(updated.config.fairness_weight_overrides) == {"k": 2}
    for name, kind in (("q", ACTIVITY), ("q", WORKFLOW), ("p", ACTIVITY)):
        described = await world.call(
            DescribeTaskQueueRequest(
                namespace="default",
                task_queue=TaskQueue(name=name),
                task_queue_type=kind,
                report_config=True,
            ),
            DescribeTaskQueueResponse,
        )
        assert (described.config == updated.config) is ((name, kind) == ("q", ACTIVITY))
