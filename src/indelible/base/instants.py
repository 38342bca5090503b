"""Instants and durations: integers of nanoseconds, typed, and their protobuf forms.

Owns the conversion between our integers and `google.protobuf` messages. Must not read a clock.
"""

from typing import Final, NewType

from google.protobuf.duration_pb2 import Duration as DurationMessage
from google.protobuf.timestamp_pb2 import Timestamp

Instant = NewType("Instant", int)
"""Nanoseconds since the Unix epoch, UTC. Zero means "not set"."""
Duration = NewType("Duration", int)
"""Nanoseconds. Zero means "none" or "unlimited", as the field's documentation says."""

NEVER: Final = Instant(0)
NO_DURATION: Final = Duration(0)
MICROSECOND: Final = Duration(1_000)
MILLISECOND: Final = Duration(1_000_000)
SECOND: Final = Duration(1_000_000_000)
MINUTE: Final = Duration(60 * SECOND)
HOUR: Final = Duration(60 * MINUTE)
DAY: Final = Duration(24 * HOUR)
DURATION_MAX: Final = Duration(100 * 365 * DAY)
"""Longer durations are capped to this one, so that no sum with an instant overflows."""


def after(instant: Instant, duration: Duration) -> Instant:
    """Return the instant `duration` later."""
    return Instant(instant + duration)


def elapsed(start: Instant, end: Instant) -> Duration:
    """Return the time from `start` to `end`, never negative."""
    return Duration(max(0, end - start))


def seconds(count: float) -> Duration:
    """Return a duration of `count` seconds."""
    return Duration(round(count * SECOND))


def in_seconds(duration: Duration) -> float:
    """Return the duration as a number of seconds."""
    return duration / SECOND


def timestamp(instant: Instant) -> Timestamp:
    """Return the protobuf form of an instant."""
    whole, nanos = divmod(instant, SECOND)
    return Timestamp(seconds=whole, nanos=nanos)


def instant(message: Timestamp) -> Instant:
    """Return the instant of a protobuf timestamp; an empty message gives `NEVER`."""
    return Instant(message.seconds * SECOND + message.nanos)


def duration_message(duration: Duration) -> DurationMessage:
    """Return the protobuf form of a duration."""
    whole, nanos = divmod(duration, SECOND)
    return DurationMessage(seconds=whole, nanos=nanos)


def duration(message: DurationMessage) -> Duration:
    """Return the duration of a protobuf message, capped to `DURATION_MAX`.

    A negative one stays negative: refusing it is up to the validation of the request.
    """
    return Duration(min(message.seconds * SECOND + message.nanos, DURATION_MAX))
