"""The time zone database of the machine.

Owns the lookup of offsets, and a cache of the zones that were asked for. Must not know what they
are asked for.
"""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from indelible.base.instants import SECOND, Duration, Instant

ZONES_CACHED_MAX = 1_000
_MICROSECONDS_PER_SECOND = 1_000_000
_NANOSECONDS_PER_MICROSECOND = 1_000


def utc_offset(zone: str, at: Instant) -> Duration | None:
    """Return local time minus UTC in a zone at an instant; None if there is no such zone."""
    found = _zone(zone)
    if found is None:
        return None
    offset = datetime.fromtimestamp(at // SECOND, found).utcoffset()
    if offset is None:
        return None
    microseconds = (offset.days * 86_400 + offset.seconds) * _MICROSECONDS_PER_SECOND
    return Duration((microseconds + offset.microseconds) * _NANOSECONDS_PER_MICROSECOND)


@lru_cache(maxsize=ZONES_CACHED_MAX)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # A name with "..", NUL or a directory's name: none of them is a zone.
        return None
