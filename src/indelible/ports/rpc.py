"""The seam between a transport and the services."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import msgspec
from google.protobuf.message import Message

from indelible.base.ids import NamespaceId
from indelible.base.instants import Instant
from indelible.ports.clock import SkippingClock


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What a handler knows of a request besides its message."""

    service: str
    """Full name, such as `temporal.api.workflowservice.v1.WorkflowService`."""
    method: str
    """Bare name, such as `StartWorkflowExecution`."""
    deadline: Instant | None
    """When the caller gives up, by the node's clock; None if it never does."""
    metadata: Mapping[str, str]
    """Request headers with lower-case names; binary ones are left out."""
    peer: str


Handler = Callable[[Message, Call], Awaitable[Message]]
"""Answers a request or raises `ServiceError`; its task is cancelled when the client goes away."""

Handlers: TypeAlias = Mapping[tuple[str, str], Handler]
"""By service and method."""

Interceptor: TypeAlias = Callable[[Handlers, Callable[[str], SkippingClock]], Handlers]
"""Puts itself between a transport and the services; it finds the clock of a namespace by name."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, and in which namespace. Ids inside tokens and commands are checked against it."""

    subject: str
    namespace_id: NamespaceId
