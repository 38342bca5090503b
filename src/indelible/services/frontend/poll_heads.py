"""What a poll says beside its message: how long it may wait (semantics 1.5), and for which SDK."""

from indelible.base.errors import FailedPreconditionError, InvalidArgumentError
from indelible.base.instants import SECOND, Instant
from indelible.base.limits import LONG_POLL_MARGIN_SECONDS, POLL_DEADLINE_SECONDS_MIN
from indelible.ports.clients import Sdk
from indelible.ports.rpc import Call


def poll_deadline(call: Call, now: Instant) -> Instant:
    """Return when the poll must be over; refuse one that has no time to wait."""
    if call.deadline is None:
        raise InvalidArgumentError("Context timeout is not set.")
    if call.deadline - now < POLL_DEADLINE_SECONDS_MIN * SECOND:
        raise FailedPreconditionError("Context timeout is too short.")
    return call.deadline


def is_too_late(deadline: Instant, now: Instant) -> bool:
    """Whether a poll had better return at once."""
    return now + LONG_POLL_MARGIN_SECONDS * SECOND > deadline


def sdk_of(call: Call) -> Sdk:
    """Return what the headers of the SDKs say."""
    return Sdk(call.metadata.get("client-name", ""), call.metadata.get("client-version", ""))
