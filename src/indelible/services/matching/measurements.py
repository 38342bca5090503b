"""What matching reports about itself, under the reference's names.

Owns the names and labels. Must not decide anything. All sticky queues share one label: each worker
process has one of its own, and they come and go.
"""

from typing import Final

from indelible.base.ids import QueueKey, QueueType
from indelible.base.instants import Duration, in_seconds
from indelible.ports.telemetry import Telemetry

_STICKY_LABEL: Final = "__sticky__"
_TYPE_LABELS: Final = {
    QueueType.WORKFLOW: "Workflow",
    QueueType.ACTIVITY: "Activity",
    QueueType.NEXUS: "Nexus",
}


class Measurements:
    """The counters and gauges of matching."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry: Final = telemetry

    def labels(self, key: QueueKey, *, namespace: str, is_sticky: bool) -> dict[str, str]:
        """Return the labels of what is reported about a queue."""
        return {
            "namespace": namespace,
            "taskqueue": _STICKY_LABEL if is_sticky else key.name,
            "task_type": _TYPE_LABELS[key.queue_type],
        }

    def poll_served(self, labels: dict[str, str], *, is_sync: bool, latency: Duration) -> None:
        """A poll returned a task, `latency` after the task was created."""
        self._telemetry.count("poll_success", 1, **labels)
        if is_sync:
            self._telemetry.count("poll_success_sync", 1, **labels)
        self._telemetry.observe("task_dispatch_latency", in_seconds(latency), **labels)

    def poll_expired(self, labels: dict[str, str]) -> None:
        """A poll returned empty."""
        self._telemetry.count("poll_timeouts", 1, **labels)

    def start_failed(self, labels: dict[str, str]) -> None:
        """History could not say whether a task was started."""
        self._telemetry.count("task_errors", 1, **labels)

    def query_response_unknown(self) -> None:
        """A worker answered a query that nobody waits for."""
        self._telemetry.count("respond_query_failed")

    def task_without_poller(self) -> None:
        """A task was offered to a queue that nobody polls."""
        self._telemetry.count("no_poller_tasks")

    def queues_loaded(self, count: int) -> None:
        """How many queues are in memory."""
        self._telemetry.gauge("loaded_task_queue_count", count)

    def backlog(self, labels: dict[str, str], *, count: int, age: Duration, polls: int) -> None:
        """The backlog in memory, and the polls that are open."""
        self._telemetry.gauge("approximate_backlog_count", count, **labels)
        self._telemetry.gauge("approximate_backlog_age_seconds", in_seconds(age), **labels)
        self._telemetry.gauge("pending_polls", polls, **labels)
