"""What the pure parts of the service must know of time zones: two functions, passed in.

Owns their signatures, and the functions that know no zone but UTC. Must not read a time zone
database: that is up to `runtime`, since the database is a file of the machine.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from indelible.base.civil_time import OffsetAt
from indelible.base.instants import NO_DURATION, Duration, Instant

UtcOffset: TypeAlias = Callable[[str, Instant], Duration | None]
"""(time zone, instant) -> local time minus UTC at that instant; None for an unknown zone."""

UTC: Final = "UTC"


def utc_only(zone: str, at: Instant) -> Duration | None:  # noqa: ARG001  # a `UtcOffset`
    """Return the offset in a world whose one zone is UTC."""
    return NO_DURATION if zone == UTC else None


ReadZone: TypeAlias = Callable[[bytes], OffsetAt | None]
"""The contents of a TZif file -> the offsets of that zone; None if it is none."""


class TimeZones(NamedTuple):
    """All that is known of time zones."""

    utc_offset: UtcOffset
    read_zone: ReadZone

    def named(self, name: str) -> OffsetAt | None:
        """Return the offsets of a zone; None if there is no such zone."""
        if self.utc_offset(name, Instant(0)) is None:
            return None
        return lambda at: self.utc_offset(name, at) or NO_DURATION


def utc_at(at: Instant) -> Duration:  # noqa: ARG001  # an `OffsetAt`
    """Return the offset of UTC from UTC."""
    return NO_DURATION


def no_zone(contents: bytes) -> OffsetAt | None:  # noqa: ARG001  # a `ReadZone`
    """Return nothing: no zone is read."""
    return None


UTC_ONLY: Final = TimeZones(utc_only, no_zone)
