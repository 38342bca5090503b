"""Calls to the handlers of Nexus operations, as records: what is asked, and what came of it."""

from collections.abc import Mapping
from typing import Final

import msgspec
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.nexus.v1 import Link as NexusLink

from indelible.base.callback_token import CallbackToken
from indelible.base.instants import Duration, Instant
from indelible.base.limits import Limits
from indelible.base.nexus_operations import Patience, timed_out_failure
from indelible.engine.namespace.record import Namespace

CANCEL_TOO_LATE: Final = "operation timed out before cancellation could be delivered"


class OperationName(msgspec.Struct, frozen=True, kw_only=True):
    """What is called."""

    endpoint: str
    endpoint_id: str
    service: str
    operation: str


class StartCall(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to have an operation started."""

    namespace: Namespace
    """Of whoever wants it."""
    target: OperationName
    request_id: str
    """The same for all attempts."""
    payload: Payload | None
    header: Mapping[str, str]
    token: CallbackToken
    """What the handler gives back when the operation has ended."""
    link: NexusLink
    """Leads to whoever wants the operation."""
    patience: Duration
    limits: Limits
    """Of its namespace."""
    now: Instant


class CancelCall(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to have an operation canceled."""

    namespace: Namespace
    """Of whoever wants it."""
    target: OperationName
    operation_token: str
    header: Mapping[str, str]
    patience: Duration
    now: Instant


class CallResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a call that has no result: no failure means that it was heard."""

    failure: Failure | None = None
    is_retryable: bool = False


def too_late_to_cancel(patience: Patience) -> CallResult:
    """Return the result of a cancellation that there is no time for."""
    return CallResult(failure=timed_out_failure(patience.timeout_type, CANCEL_TOO_LATE))
