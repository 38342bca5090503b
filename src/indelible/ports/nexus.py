"""The seam between HTTP and the services, for Nexus: calls of operations, and their completions."""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from temporalio.api.nexus.v1 import Link as NexusLink, Request as NexusRequest

from indelible.base.instants import Instant
from indelible.base.nexus_operations import OperationEnd
from indelible.ports.clients import NexusAnswer
from indelible.ports.rpc import Call


class OperationCompletion(msgspec.Struct, frozen=True, kw_only=True):
    """How an asynchronous operation has ended, as its handler tells it."""

    callback_token: str
    namespace: str | None
    """That of the path; None if it names none."""
    operation_token: str
    started_at: Instant | None
    links: Sequence[NexusLink]
    end: OperationEnd


class QueueTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The handlers that look for work in a task queue."""

    namespace: str
    task_queue: str


class EndpointTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The handlers behind an endpoint."""

    endpoint_id: str


class NexusServices(Protocol):
    """What comes in over HTTP; both raise `ServiceError`."""

    async def complete_operation(self, completion: OperationCompletion, call: Call) -> None:
        """Record how an operation has ended, durably."""
        ...

    async def call_handler(
        self, target: QueueTarget | EndpointTarget, request: NexusRequest, call: Call
    ) -> NexusAnswer | None:
        """Have a worker answer a request; None if none does by the call's deadline."""
        ...
