"""How pollers and numbers of a task queue look in the API."""

from typing import Final

from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueueStats

from indelible.base.instants import duration_message, timestamp
from indelible.engine.matching.poller_history import PollerRecord
from indelible.services.matching.description import QueueStats

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


def stats_message(stats: QueueStats) -> TaskQueueStats:
    """Return the numbers of a queue as clients see them."""
    return TaskQueueStats(
        approximate_backlog_count=stats.backlog_count,
        approximate_backlog_age=duration_message(stats.backlog_age),
        tasks_add_rate=stats.add_rate,
        tasks_dispatch_rate=stats.dispatch_rate,
        rate_limiting_active=stats.is_rate_limited,
    )
