"""What every request passes before its handler (semantics 1.4).

Owns the order: length of the name of the namespace, permission, existence and state of it, its
agreement with the task token, how many requests there are. So PERMISSION_DENIED beats a missing
namespace, which beats a full one, which beats bad arguments. Measures each operation. Must not
know what any RPC does.
"""

from collections.abc import Callable, Mapping
from typing import Final

from google.protobuf.message import Message
from temporalio.api.enums.v1 import NamespaceState
from temporalio.api.errordetails.v1 import NamespaceInvalidStateFailure

from indelible.base.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    ServiceError,
    UnavailableError,
)
from indelible.base.instants import elapsed, in_seconds
from indelible.base.invariants import invariant
from indelible.base.limits import Limits
from indelible.base.task_token import TaskToken, decode_task_token
from indelible.engine.namespace.record import Namespace
from indelible.ports.authorizer import Authorizer
from indelible.ports.clock import Clock
from indelible.ports.rpc import Call, Handler
from indelible.ports.stores import StoreError
from indelible.ports.telemetry import Telemetry
from indelible.services.frontend.admission import Admission
from indelible.services.frontend.id_lengths import bound_ids
from indelible.services.frontend.routes import Route, Target
from indelible.services.frontend.rpcs import RPCS, Naming, Rpc, States
from indelible.services.frontend.size_warnings import SizeWarnings
from indelible.services.frontend.validation import exceeds
from indelible.services.namespaces import NamespaceRegistry

_NAMESPACE_FIELD: Final = "namespace"
_NAMESPACE_ID_FIELD: Final = "namespace_id"
_TOKEN_FIELD: Final = "task_token"  # noqa: S105 - a field's name
_NO_NAMESPACE_LABEL: Final = "_unknown_"


class Pipeline:
    """Makes a transport's handler of each route."""

    def __init__(
        self,
        *,
        registry: NamespaceRegistry,
        authorizer: Authorizer,
        clock: Clock,
        telemetry: Telemetry,
        limits_of: Callable[[str], Limits],
    ) -> None:
        self._registry = registry
        self._authorizer = authorizer
        self._clock = clock
        self._telemetry = telemetry
        self._limits_of = limits_of
        self.admission = Admission(limits_of)
        self._sizes = SizeWarnings(limits_of)

    def handlers(
        self, routes: Mapping[tuple[str, str], Route]
    ) -> Mapping[tuple[str, str], Handler]:
        """Return the handlers of all routes, by (service, method)."""
        return {key: self._handler(RPCS[key], route) for key, route in routes.items()}

    def _handler(self, rpc: Rpc, route: Route) -> Handler:
        clock = self._clock
        gate = self.admission.gate(rpc.name)
        look_at_sizes = self._sizes.look_at(rpc.name)

        async def answer(request: Message, call: Call) -> Message:
            started_at = clock.now()
            label = _NO_NAMESPACE_LABEL
            try:
                target = await self._target(rpc, request, call)
                namespace = target.namespace
                if namespace is not None:
                    label = namespace.name
                bound_ids(self._limits_of(label))
                if look_at_sizes is not None:
                    look_at_sizes(request, label, started_at)
                if gate is None or not gate.enter(request, namespace, clock.now()):
                    return await route(request, target)
                try:
                    return await route(request, target)
                finally:
                    if namespace is not None:
                        gate.leave(namespace)
            except ServiceError as error:
                self._count_error(rpc, label, error)
                raise
            except StoreError as error:
                refusal = UnavailableError(str(error))
                self._count_error(rpc, label, refusal)
                raise refusal from error
            finally:
                latency = in_seconds(elapsed(started_at, clock.now()))
                self._telemetry.count("service_requests", operation=rpc.name, namespace=label)
                self._telemetry.observe(
                    "service_latency", latency, operation=rpc.name, namespace=label
                )

        return answer

    def _count_error(self, rpc: Rpc, label: str, error: ServiceError) -> None:
        self._telemetry.count(
            "service_error_with_type",
            operation=rpc.name,
            namespace=label,
            error_type=error.code.name,
        )

    async def _target(self, rpc: Rpc, request: Message, call: Call) -> Target:
        name = "" if rpc.namespace is Naming.NONE else _text(request, _NAMESPACE_FIELD)
        token = _token(request) if rpc.namespace is Naming.TOKEN and not name else None
        if token is not None:
            name = self._registry.by_id(token.namespace_id).name
        if exceeds(name, self._limits_of(name).id_bytes_max):
            raise InvalidArgumentError("Namespace length exceeds limit.")
        await self._authorizer.authorize(call, namespace=name, access=rpc.access.value)
        if rpc.namespace is Naming.TOKEN:
            return self._target_of_token(rpc, call, name, token or _token(request))
        namespace = self._named(rpc, request, name)
        if namespace is not None:
            check_state(namespace, rpc.states)
        return Target(call, namespace)

    def _target_of_token(self, rpc: Rpc, call: Call, name: str, token: TaskToken) -> Target:
        namespace = self._registry.by_id(token.namespace_id)
        if self._registry.by_name(name).id != namespace.id:
            raise InvalidArgumentError(
                "Operation requested with a token from a different namespace."
            )
        check_state(namespace, rpc.states)
        return Target(call, namespace, token)

    def _named(self, rpc: Rpc, request: Message, name: str) -> Namespace | None:
        match rpc.namespace:
            case Naming.NAME:
                return self._existing(name)
            case Naming.OPTIONAL:
                return self._existing(name) if name else None
            case Naming.NAME_OR_ID:
                namespace_id = _text(request, _NAMESPACE_ID_FIELD)
                if name and namespace_id:
                    raise InvalidArgumentError(
                        "Only one of namespace name or Id should be set on request."
                    )
                return self._registry.by_id(namespace_id) if namespace_id else self._existing(name)
            case _:
                return None

    def _existing(self, name: str) -> Namespace:
        if not name:
            raise InvalidArgumentError("Namespace not set on request.")
        return self._registry.by_name(name)


def check_state(namespace: Namespace, allowed: States) -> None:
    """Refuse a namespace in a state in which an RPC is not allowed."""
    if namespace.state in allowed:
        return
    state = NamespaceState.ValueType(namespace.state)
    raise FailedPreconditionError(
        f"Namespace has invalid state: {_state_name(state)}. "
        f"Must be {' or '.join(_state_name(one) for one in allowed)}.",
        NamespaceInvalidStateFailure(
            namespace=namespace.name, state=state, allowed_states=list(allowed)
        ),
    )


def _state_name(state: NamespaceState.ValueType) -> str:
    return NamespaceState.Name(state).removeprefix("NAMESPACE_STATE_").capitalize()


def _text(request: Message, field: str) -> str:
    value: object = getattr(request, field)
    invariant(isinstance(value, str), "the table promises a field that the request lacks")
    return str(value)


def _token(request: Message) -> TaskToken:
    value: object = getattr(request, _TOKEN_FIELD)
    if not isinstance(value, bytes):
        raise InvalidArgumentError("Task token not set on request.")
    return decode_task_token(value)
