"""The time zone database of the machine, and zones that somebody brings along.

Owns the lookup of offsets, and a cache of the zones that were asked for. Must not know what they
are asked for.
"""

import struct
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from indelible.base.civil_time import OffsetAt
from indelible.base.instants import NO_DURATION, SECOND, Duration, Instant
from indelible.base.time_zones import TimeZones

ZONES_CACHED_MAX = 1_000
_MICROSECONDS_PER_SECOND = 1_000_000
_NANOSECONDS_PER_MICROSECOND = 1_000


def utc_offset(zone: str, at: Instant) -> Duration | None:
    """Return local time minus UTC in a zone at an instant; None if there is no such zone."""
    found = _zone(zone)
    if found is None:
        return None
    return _offset(found, at)


def read_zone(contents: bytes) -> OffsetAt | None:
    """Return the offsets of the zone in the contents of a TZif file; None if it is none."""
    try:
        zone = ZoneInfo.from_file(BytesIO(contents))
        _offset(zone, Instant(0))
    except (ValueError, struct.error, IndexError, OverflowError):
        return None
    return lambda at: _offset(zone, at)


def _offset(zone: ZoneInfo, at: Instant) -> Duration:
    offset = datetime.fromtimestamp(at // SECOND, zone).utcoffset()
    if offset is None:
        return NO_DURATION
    microseconds = (offset.days * 86_400 + offset.seconds) * _MICROSECONDS_PER_SECOND
    return Duration((microseconds + offset.microseconds) * _NANOSECONDS_PER_MICROSECOND)


@lru_cache(maxsize=ZONES_CACHED_MAX)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # A name with "..", NUL or a directory's name: none of them is a zone.
        return None


TIME_ZONES: Final = TimeZones(utc_offset, read_zone)
