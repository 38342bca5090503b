"""What an operator may set for a queue, and what becomes of what was set before."""

import pytest
from temporalio.api.taskqueue.v1 import RateLimit, TaskQueueConfig
from temporalio.api.workflowservice.v1 import UpdateTaskQueueConfigRequest

from indelible.base.errors import InvalidArgumentError
from indelible.base.instants import SECOND, Instant
from indelible.base.limits import FAIRNESS_WEIGHTS_SET_MAX
from indelible.engine.matching.queue_config import (
    UNCONFIGURED,
    QueueConfig,
    queue_config,
    updated,
)

NOW = Instant(1_000 * SECOND)
Update = UpdateTaskQueueConfigRequest.RateLimitUpdate


def limit(per_second: float, reason: str = "") -> Update:
    return Update(rate_limit=RateLimit(requests_per_second=per_second), reason=reason)


def after(*requests: UpdateTaskQueueConfigRequest) -> TaskQueueConfig:
    config = TaskQueueConfig()
    for request in requests:
        config = updated(config, request, now=NOW)
    return config


QUEUE_LIMIT = UpdateTaskQueueConfigRequest(
    identity="ann", update_queue_rate_limit=limit(5, "too fast")
)
KEY_LIMIT = UpdateTaskQueueConfigRequest(update_fairness_key_rate_limit_default=limit(0))
WEIGHTS = UpdateTaskQueueConfigRequest(set_fairness_weight_overrides={"a": 2, "b": 0.5})


@pytest.mark.parametrize(
    ("requests", "config"),
    [
        ([], UNCONFIGURED),
        ([QUEUE_LIMIT], QueueConfig(tasks_per_second_max=5)),
        ([KEY_LIMIT], QueueConfig(key_tasks_per_second_max=0)),
        ([WEIGHTS], QueueConfig(weights={"a": 2, "b": 0.5})),
        (
            [QUEUE_LIMIT, KEY_LIMIT, WEIGHTS],
            QueueConfig(
                tasks_per_second_max=5, key_tasks_per_second_max=0, weights={"a": 2, "b": 0.5}
            ),
        ),
        (
            [
                QUEUE_LIMIT,
                KEY_LIMIT,
                UpdateTaskQueueConfigRequest(update_queue_rate_limit=Update(reason="enough")),
            ],
            QueueConfig(key_tasks_per_second_max=0),
        ),
        (
            [
                WEIGHTS,
                UpdateTaskQueueConfigRequest(
                    set_fairness_weight_overrides={"a": 4},
                    unset_fairness_weight_overrides=["b", "never"],
                ),
            ],
            QueueConfig(weights={"a": 4}),
        ),
    ],
)
def test_updates_change_what_they_name(
    requests: list[UpdateTaskQueueConfigRequest], config: QueueConfig
) -> None:
    assert queue_config(after(*requests)) == config


def test_who_set_a_limit_is_kept_also_when_it_is_taken_away() -> None:
    metadata = after(QUEUE_LIMIT).queue_rate_limit.metadata
    assert (metadata.update_identity, metadata.reason) == ("ann", "too fast")
    assert metadata.update_time.seconds == 1_000
    away = UpdateTaskQueueConfigRequest(
        identity="bob", update_queue_rate_limit=Update(reason="enough")
    )
    left = after(QUEUE_LIMIT, away).queue_rate_limit
    assert not left.HasField("rate_limit")
    assert (left.metadata.update_identity, left.metadata.reason) == ("bob", "enough")


def test_weights_are_bounded() -> None:
    full = {f"k{number}": 1.0 for number in range(FAIRNESS_WEIGHTS_SET_MAX)}
    before = after(UpdateTaskQueueConfigRequest(set_fairness_weight_overrides=full))
    with pytest.raises(InvalidArgumentError, match="exceeding maximum key size"):
        updated(before, WEIGHTS, now=NOW)
    replaced = UpdateTaskQueueConfigRequest(
        set_fairness_weight_overrides={"one more": 2}, unset_fairness_weight_overrides=["k0"]
    )
    assert len(updated(before, replaced, now=NOW).fairness_weight_overrides) == len(full)


def test_what_is_changed_is_a_copy() -> None:
    before = after(QUEUE_LIMIT)
    updated(before, WEIGHTS, now=NOW)
    assert before == after(QUEUE_LIMIT)
