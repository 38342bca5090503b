"""One outstanding poll of a worker.

Owns what a poll waits for and how its wait ends. A poll is either in its queue's line, or has been
given a match, or is over; it must not know the queue, the clock or the message that is answered.
"""

import asyncio
from typing import Final

from temporalio.api.common.v1 import WorkerVersionCapabilities
from temporalio.api.deployment.v1 import WorkerDeploymentOptions
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest,
    PollNexusTaskQueueRequest,
    PollWorkflowTaskQueueRequest,
)

from indelible.base.instants import Instant
from indelible.base.limits import DEFAULT_LIMITS, Limits
from indelible.base.queue_kinds import STICKY_QUEUE
from indelible.base.versions import version_of_worker
from indelible.engine.matching.matcher import QueryMatch, TaskMatch
from indelible.ports.clients import Poller, QueuedTask, Sdk
from indelible.services.matching.pending_nexus_tasks import PendingNexusTask
from indelible.services.matching.pending_queries import PendingQuery

PollRequest = (
    PollWorkflowTaskQueueRequest | PollActivityTaskQueueRequest | PollNexusTaskQueueRequest
)
Question = PendingQuery | PendingNexusTask
"""What waits for a worker's answer, in memory alone."""


class Poll:
    """A worker that waits for something to do."""

    __slots__ = (
        "_arrival",
        "_match",
        "build_id",
        "expires_at",
        "identity",
        "is_dismissed",
        "is_over",
        "is_sticky",
        "limits",
        "request",
        "sdk",
        "seen_at",
        "started_at",
        "version",
    )

    def __init__(
        self,
        request: PollRequest,
        *,
        sdk: Sdk,
        started_at: Instant,
        expires_at: Instant,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.request: Final = request
        self.identity: Final = request.identity
        self.build_id: Final = _build_id(request)
        self.version: Final = version_of_worker(
            version_capabilities(request), deployment_options(request)
        )
        self.is_sticky: Final = request.task_queue.kind == STICKY_QUEUE
        self.sdk: Final = sdk
        self.started_at: Final = started_at
        self.expires_at: Final = expires_at
        self.limits: Final = limits
        self.seen_at = started_at
        """When something last happened to the poll."""
        self.is_over = False
        """Nothing is to be given to this poll any more."""
        self.is_dismissed = False
        """The poll was ended because its worker goes: it does not count as a sign of life."""
        self._match: Match | None = None
        self._arrival: asyncio.Future[None] | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the poll has neither been given something nor ended."""
        return self._match is None and not self.is_over

    async def arrival(self) -> None:
        """Wait until the poll waits no longer."""
        self._arrival = asyncio.get_running_loop().create_future()
        try:
            await self._arrival
        finally:
            self._arrival = None

    def accept(self, match: "Match", now: Instant) -> bool:
        """Give a match to the poll; False if its client has gone and cannot take it."""
        if self.is_over or (self._arrival is not None and self._arrival.done()):
            return False
        self._match = match
        self.seen_at = now
        self._wake()
        return True

    def taken(self) -> "Match | None":
        """Take the match out of the poll, None if there is none."""
        match, self._match = self._match, None
        return match

    def end(self) -> None:
        """Let the poll return with what it has, or with nothing."""
        self.is_over = True
        self._wake()

    def dismiss(self) -> None:
        """End the poll of a worker that goes."""
        self.is_dismissed = True
        self.end()

    def poller(self, request_id: str) -> Poller:
        """Return what history wants to know of the worker."""
        return Poller(
            identity=self.identity,
            request_id=request_id,
            build_id=self.build_id,
            is_sticky_poll=self.is_sticky,
            sdk=self.sdk,
            version=self.version,
        )

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)


QueueTaskMatch = TaskMatch[Poll, QueuedTask]
QueueQueryMatch = QueryMatch[Poll, Question]
Match = QueueTaskMatch | QueueQueryMatch


def tasks_per_second_max(request: PollRequest) -> float | None:
    """Return the rate limit that a poll asks for its queue, None for none."""
    if isinstance(request, PollActivityTaskQueueRequest) and request.HasField(
        "task_queue_metadata"
    ):
        metadata = request.task_queue_metadata
        if metadata.HasField("max_tasks_per_second"):
            return max(0.0, metadata.max_tasks_per_second.value)
    return None


def version_capabilities(request: PollRequest) -> WorkerVersionCapabilities | None:
    """Return the version capabilities that a poll names, None for none."""
    if request.HasField("worker_version_capabilities"):
        return request.worker_version_capabilities
    return None


def deployment_options(request: PollRequest) -> WorkerDeploymentOptions | None:
    """Return the deployment options that a poll names, None for none."""
    return request.deployment_options if request.HasField("deployment_options") else None


def _build_id(request: PollRequest) -> str:
    build_id = request.deployment_options.build_id or request.worker_version_capabilities.build_id
    if not build_id and isinstance(request, PollWorkflowTaskQueueRequest):
        return request.binary_checksum
    return build_id
