"""How many requests a namespace, and the server, take per second and at the same time.

Owns the account of what was let in: rates with a burst, in families that do not take each other's
share, and the number of requests that wait for news. A more important request spends the share of
the less important ones, never the other way round. Must not know what a request asks for.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from google.protobuf.message import Message
from temporalio.api.enums.v1 import ResourceExhaustedCause, ResourceExhaustedScope
from temporalio.api.errordetails.v1 import ResourceExhaustedFailure
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest

from indelible.base.errors import ResourceExhaustedError, resource_exhausted
from indelible.base.ids import NamespaceId
from indelible.base.instants import MINUTE, SECOND, Duration, Instant, duration_message
from indelible.base.limits import Limits
from indelible.engine.namespace.record import Namespace
from indelible.services.frontend.rates import (
    HISTORY_POLL_PRIORITY,
    PRIORITIES,
    SHARES,
    Family,
    Share,
    may_wait_long,
)

LimitsOf = Callable[[str], Limits]
NAMESPACES_REMEMBERED_MAX: Final = 10_000
_NODE_BURST_RATIO: Final = 2
_ANY_NAMESPACE: Final = ""


class Rate(NamedTuple):
    """Requests per second, and how many may come at once."""

    per_second: float
    burst: int


class PriorityBuckets:
    """Token buckets of one rate, one for each priority.

    A bucket is the instant up to which its tokens are spent; a full one lies a burst in the past.
    """

    __slots__ = ("_spent_until",)

    def __init__(self) -> None:
        self._spent_until = [0] * PRIORITIES

    def take(self, rate: Rate, priority: int, now: Instant) -> Duration | None:
        """Spend a token, of less important priorities too; how long to wait if there is none."""
        if rate.per_second <= 0:
            return MINUTE
        interval = int(SECOND / rate.per_second) or 1
        oldest = now - rate.burst * interval
        spent = self._spent_until
        wait = max(spent[priority], oldest) + interval - now
        if wait > 0:
            return Duration(wait)
        for index in range(priority, PRIORITIES):
            spent[index] = max(spent[index], oldest) + interval
        return None


class Account:
    """What one namespace, or the server as a whole, has let in."""

    __slots__ = ("_buckets", "_limits", "_rate_of", "_rates", "waiting")

    def __init__(self, rate_of: "Callable[[Limits, Family], Rate]") -> None:
        self._rate_of = rate_of
        self._limits: Limits | None = None
        self._rates: dict[Family, Rate] = {}
        """What follows from `_limits`, which change seldom."""
        self._buckets = {family: PriorityBuckets() for family in Family}
        self.waiting: dict[str, int] = {}

    def take(self, share: Share, limits: Limits, now: Instant) -> Duration | None:
        """Spend a token of a share; how long to wait if there is none."""
        if limits is not self._limits:
            self._limits = limits
            self._rates = {family: self._rate_of(limits, family) for family in Family}
        return self._buckets[share.family].take(self._rates[share.family], share.priority, now)


class Gate:
    """What the requests of one RPC pass."""

    __slots__ = ("_admission", "_method", "_share", "_waits")

    def __init__(self, admission: "Admission", method: str, share: Share) -> None:
        self._admission = admission
        self._method = method
        self._share = share
        self._waits = may_wait_long(method)

    def enter(self, request: Message, namespace: Namespace | None, now: Instant) -> bool:
        """Let a request in, or raise `ResourceExhaustedError`; whether it must `leave` again."""
        share, waits = self._share, self._waits
        if isinstance(request, GetWorkflowExecutionHistoryRequest):
            waits = request.wait_new_event
            if waits:
                share = Share(share.family, HISTORY_POLL_PRIORITY)
        if namespace is None:
            self._admission.charge_node(share, now)
            return False
        account = self._admission.account(namespace.id)
        limits = self._admission.limits_of(namespace.name)
        count = account.waiting.get(self._method, 0)
        if waits and count >= limits.long_requests_max:
            raise _too_many_waiting()
        wait = account.take(share, limits, now)
        if wait is not None:
            raise _too_fast("namespace rate limit exceeded", _NAMESPACE_SCOPE, wait)
        self._admission.charge_node(share, now)
        if waits:
            account.waiting[self._method] = count + 1
        return waits

    def leave(self, namespace: Namespace) -> None:
        """Account for the end of a request that waited."""
        self._admission.account(namespace.id).waiting[self._method] -= 1


class Admission:
    """Lets requests in or refuses them, before their handlers see them."""

    def __init__(self, limits_of: LimitsOf) -> None:
        self.limits_of = limits_of
        self._node = Account(_node_rate)
        # The one that was silent for longest comes first.
        self._namespaces: OrderedDict[NamespaceId, Account] = OrderedDict()

    def gate(self, method: str) -> Gate | None:
        """Return the gate of an RPC; None if its requests are not counted."""
        share = SHARES.get(method)
        return Gate(self, method, share) if share is not None else None

    def charge_node(self, share: Share, now: Instant) -> None:
        """Account for a request to the server, or raise `ResourceExhaustedError`."""
        wait = self._node.take(share, self.limits_of(_ANY_NAMESPACE), now)
        if wait is not None:
            raise _too_fast("service rate limit exceeded", _SYSTEM_SCOPE, wait)

    def account(self, namespace_id: NamespaceId) -> Account:
        """Return the account of a namespace."""
        account = self._namespaces.get(namespace_id)
        if account is None:
            account = self._namespaces[namespace_id] = Account(_namespace_rate)
            self._forget_silent()
        else:
            self._namespaces.move_to_end(namespace_id)
        return account

    def _forget_silent(self) -> None:
        while len(self._namespaces) > NAMESPACES_REMEMBERED_MAX:
            silent = next(
                (key for key, one in self._namespaces.items() if not any(one.waiting.values())),
                None,
            )
            if silent is None:
                return
            del self._namespaces[silent]


_NAMESPACE_SCOPE: Final = ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE
_SYSTEM_SCOPE: Final = ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_SYSTEM


def _namespace_rate(limits: Limits, family: Family) -> Rate:
    match family:
        case Family.EXECUTION:
            return _burst(limits.requests_per_second, limits.requests_burst_ratio)
        case Family.VISIBILITY:
            return _burst(limits.visibility_requests_per_second, limits.visibility_burst_ratio)
        case Family.REPLICATING:
            return _burst(limits.replicating_requests_per_second, limits.replicating_burst_ratio)


def _node_rate(limits: Limits, family: Family) -> Rate:
    is_replicating = family is Family.REPLICATING
    return _burst(
        limits.node_replicating_requests_per_second
        if is_replicating
        else limits.node_requests_per_second,
        _NODE_BURST_RATIO,
    )


def _burst(per_second: float, ratio: float) -> Rate:
    return Rate(per_second, max(1, int(per_second * ratio)))


def _too_many_waiting() -> ResourceExhaustedError:
    return resource_exhausted(
        "namespace concurrent poller limit exceeded",
        ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT,
        _NAMESPACE_SCOPE,
    )


def _too_fast(
    message: str, scope: "ResourceExhaustedScope.ValueType", wait: Duration
) -> ResourceExhaustedError:
    # Imported by the first refusal: most servers never need it.
    from google.rpc.error_details_pb2 import RetryInfo  # noqa: PLC0415

    cause = ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT
    # SDKs look at the first detail only; the second tells others when to come back.
    return ResourceExhaustedError(
        message,
        ResourceExhaustedFailure(cause=cause, scope=scope),
        RetryInfo(retry_delay=duration_message(wait)),
    )
