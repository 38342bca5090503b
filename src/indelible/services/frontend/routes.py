"""How a handler of one resource gets its typed arguments.

Owns the adapters from the pipeline's uniform call to the handlers' signatures. Must not decide
anything about a request but that its task token is of the kind that the RPC takes.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec
from google.protobuf.message import Message

from indelible.base.errors import InvalidArgumentError
from indelible.base.invariants import InvariantError
from indelible.base.task_token import TaskToken
from indelible.engine.namespace.record import Namespace
from indelible.ports.rpc import Call

Req = TypeVar("Req", bound=Message)
Tok = TypeVar("Tok", bound=TaskToken)


class Target(msgspec.Struct, frozen=True):
    """What the pipeline found out about a request."""

    call: Call
    namespace: Namespace | None = None
    token: TaskToken | None = None


Route = Callable[[Message, Target], Awaitable[Message]]
Routes = Mapping[str, Route]
"""The handlers of one resource, by the name of their RPC."""


def cluster_route(
    request_type: type[Req], answer: Callable[[Req, Call], Awaitable[Message]]
) -> Route:
    """Route an RPC that is about the cluster, or that looks up its namespace itself."""

    def route(request: Message, target: Target) -> Awaitable[Message]:
        if not isinstance(request, request_type):
            raise InvariantError("a request reached the handler of another RPC")
        return answer(request, target.call)

    return route


def optional_route(
    request_type: type[Req], answer: Callable[[Req, Namespace | None], Awaitable[Message]]
) -> Route:
    """Route an RPC that may name a namespace."""

    def route(request: Message, target: Target) -> Awaitable[Message]:
        if not isinstance(request, request_type):
            raise InvariantError("a request reached the handler of another RPC")
        return answer(request, target.namespace)

    return route


def namespace_route(
    request_type: type[Req], answer: Callable[[Req, Namespace, Call], Awaitable[Message]]
) -> Route:
    """Route an RPC that is about one namespace."""

    def route(request: Message, target: Target) -> Awaitable[Message]:
        namespace = target.namespace
        if not isinstance(request, request_type) or namespace is None:
            raise InvariantError("a request reached the handler of another RPC")
        return answer(request, namespace, target.call)

    return route


def token_route(
    request_type: type[Req],
    token_type: type[Tok],
    answer: Callable[[Req, Namespace, Tok], Awaitable[Message]],
) -> Route:
    """Route an RPC about a task; a token of another kind of task is refused."""

    def route(request: Message, target: Target) -> Awaitable[Message]:
        namespace = target.namespace
        if not isinstance(request, request_type) or namespace is None:
            raise InvariantError("a request reached the handler of another RPC")
        if not isinstance(target.token, token_type):
            raise InvalidArgumentError("Error deserializing task token.")
        return answer(request, namespace, target.token)

    return route
