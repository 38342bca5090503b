"""Durations as people write them: `1h30m`, `90s`, `1.5h`.

Owns the dialect of the Go programming language, which cron strings and the official command line
use, and its extension by days.
"""

import re
from typing import Final

from indelible.base.instants import (
    DAY,
    DURATION_MAX,
    HOUR,
    MILLISECOND,
    MINUTE,
    SECOND,
    Duration,
)

_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # the micro sign
    "\u03bcs": 1_000,  # the letter mu
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
    "d": DAY,
}
_PART: Final = re.compile(r"(?=\.?[0-9])([0-9]*)\.?([0-9]*)(ns|[u\u00b5\u03bcm]s|[smhd])")


def parse_duration(text: str, *, allow_days: bool = False) -> Duration | None:
    """Return the duration that a text without a sign says; None if it says none.

    It is capped to `DURATION_MAX`.
    """
    if not text or _PART.sub("", text):
        return None
    nanoseconds = 0
    for match in _PART.finditer(text):
        whole, fraction, unit = match.groups()
        if unit == "d" and not allow_days:
            return None
        scale = _UNITS[unit]
        nanoseconds += int(whole or "0") * scale
        nanoseconds += int(fraction or "0") * scale // 10 ** len(fraction)
    return Duration(min(nanoseconds, DURATION_MAX))
