"""What an operator sets for a task queue.

Owns how a request changes the configuration of a queue, and what the configuration means for its
tasks: a limit for the queue, a limit for each fairness key, weights of keys. The API's message is
the record. Must not know who holds it.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from temporalio.api.taskqueue.v1 import ConfigMetadata, RateLimitConfig, TaskQueueConfig
from temporalio.api.workflowservice.v1 import UpdateTaskQueueConfigRequest

from indelible.base.errors import InvalidArgumentError
from indelible.base.instants import Instant, timestamp
from indelible.base.limits import FAIRNESS_WEIGHTS_SET_MAX


class QueueConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of a queue, as its tasks feel it."""

    tasks_per_second_max: float | None = None
    """It comes before what workers ask for; None for no limit, zero stops the queue."""
    key_tasks_per_second_max: float | None = None
    """Of each fairness key with weight one; others may have so many times as many."""
    weights: Mapping[str, float] = msgspec.field(default_factory=dict[str, float])
    """By fairness key; they come before those of the tasks."""


UNCONFIGURED: Final = QueueConfig()


def queue_config(message: TaskQueueConfig) -> QueueConfig:
    """Return what a message means."""
    return QueueConfig(
        tasks_per_second_max=_limit(message, "queue_rate_limit"),
        key_tasks_per_second_max=_limit(message, "fairness_keys_rate_limit_default"),
        weights=dict(message.fairness_weight_overrides),
    )


def updated(
    before: TaskQueueConfig, request: UpdateTaskQueueConfigRequest, *, now: Instant
) -> TaskQueueConfig:
    """Return the configuration that a request leaves behind; what it does not name stays."""
    after = TaskQueueConfig()
    after.CopyFrom(before)
    if request.HasField("update_queue_rate_limit"):
        update = request.update_queue_rate_limit
        after.queue_rate_limit.CopyFrom(_rate_limit(update, request.identity, now))
    if request.HasField("update_fairness_key_rate_limit_default"):
        update = request.update_fairness_key_rate_limit_default
        after.fairness_keys_rate_limit_default.CopyFrom(_rate_limit(update, request.identity, now))
    for key in request.unset_fairness_weight_overrides:
        after.fairness_weight_overrides.pop(key, None)
    for key, weight in request.set_fairness_weight_overrides.items():
        after.fairness_weight_overrides[key] = weight
    if len(after.fairness_weight_overrides) > FAIRNESS_WEIGHTS_SET_MAX:
        raise InvalidArgumentError(
            "fairness weight overrides update rejected: exceeding maximum key size"
        )
    return after


def _rate_limit(
    update: UpdateTaskQueueConfigRequest.RateLimitUpdate, identity: str, now: Instant
) -> RateLimitConfig:
    """A limit that was taken away leaves behind who did so, and why."""
    return RateLimitConfig(
        rate_limit=update.rate_limit if update.HasField("rate_limit") else None,
        metadata=ConfigMetadata(
            reason=update.reason, update_identity=identity, update_time=timestamp(now)
        ),
    )


def _limit(message: TaskQueueConfig, name: str) -> float | None:
    config: RateLimitConfig = getattr(message, name)
    return config.rate_limit.requests_per_second if config.HasField("rate_limit") else None
