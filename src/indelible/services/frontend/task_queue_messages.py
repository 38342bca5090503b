"""How pollers and numbers of a task queue look in the API."""

from typing import Final

from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueueStats
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueResponse,
    DescribeWorkerDeploymentVersionResponse,
)

from indelible.base.instants import duration_message, timestamp
from indelible.engine.matching.poller_history import PollerRecord
from indelible.engine.matching.queue_stats import QueueStats
from indelible.services.matching.description import TaskQueueDescription

DEFAULT_RATE_PER_SECOND: Final = 100_000.0
"""What is shown where nobody set a limit; the reference's system default."""


def poller_message(record: PollerRecord) -> PollerInfo:
    """Return a poller as clients see it."""
    rate = record.rate_per_second
    return PollerInfo(
        identity=record.identity,
        last_access_time=timestamp(record.last_access_at),
        rate_per_second=DEFAULT_RATE_PER_SECOND if rate is None else rate,
        worker_version_capabilities=record.version_capabilities,
        deployment_options=record.deployment_options,
    )


def add_stats(
    message: DescribeTaskQueueResponse | DescribeWorkerDeploymentVersionResponse.VersionTaskQueue,
    description: TaskQueueDescription,
) -> None:
    """Tell the numbers of a queue, altogether and by priority."""
    message.stats.CopyFrom(stats_message(description.stats))
    for priority, stats in description.stats_by_priority.items():
        message.stats_by_priority_key[priority].CopyFrom(stats_message(stats))


def stats_message(stats: QueueStats) -> TaskQueueStats:
    """Return the numbers of a queue as clients see them."""
    return TaskQueueStats(
        approximate_backlog_count=stats.backlog_count,
        approximate_backlog_age=duration_message(stats.backlog_age),
        tasks_add_rate=stats.add_rate,
        tasks_dispatch_rate=stats.dispatch_rate,
        rate_limiting_active=stats.is_rate_limited,
    )
