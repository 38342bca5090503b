"""Calls to those who wait for the end of a standalone activity or Nexus operation (semantics 9.5).

Owns when such a call is still wanted, and what it tells. Must not know what has ended.
"""

import msgspec
from temporalio.api.common.v1 import Callback, Link

from indelible.base.calls import is_wanted
from indelible.base.instants import Instant
from indelible.base.nexus_operations import (
    OPERATION_TOKEN_HEADER,
    Completion,
    OperationEnd,
    OperationStarted,
)
from indelible.base.owed_callbacks import OwedCallbacks
from indelible.engine.namespace.record import Namespace
from indelible.services.history.callback_delivery import Deliver
from indelible.services.history.operation_calls import CallResult


class Owing(msgspec.Struct, frozen=True, kw_only=True):
    """What has ended, as those see it who want to know."""

    callbacks: OwedCallbacks
    end: OperationEnd
    link: Link
    began_at: Instant
    closed_at: Instant


async def call_back(
    deliver: Deliver, namespace: Namespace, owing: Owing, number: int, attempt: int
) -> CallResult | None:
    """Tell the end to one who waits, and return what became of it; None if it is not wanted."""
    record = owing.callbacks[number]
    if not is_wanted(record.call, attempt):
        return None
    callback = Callback.FromString(record.callback).nexus
    started = OperationStarted(
        token=callback.header.get(OPERATION_TOKEN_HEADER, ""),
        links=[owing.link],
        at=owing.began_at,
    )
    completion = Completion(started=started, end=owing.end, closed_at=owing.closed_at)
    return await deliver(namespace, callback, completion)
