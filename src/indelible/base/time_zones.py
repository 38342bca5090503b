"""What the pure parts of the service must know of time zones: one function, passed in.

Owns its signature, and the function that knows none but UTC. Must not read a time zone database:
that is up to `runtime`, since the database is a file of the machine.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from indelible.base.instants import NO_DURATION, Duration, Instant

UtcOffset: TypeAlias = Callable[[str, Instant], Duration | None]
"""(time zone, instant) -> local time minus UTC at that instant; None for an unknown zone."""

UTC: Final = "UTC"


def utc_only(zone: str, at: Instant) -> Duration | None:  # noqa: ARG001  # a `UtcOffset`
    """Return the offset in a world whose one zone is UTC."""
    return NO_DURATION if zone == UTC else None
