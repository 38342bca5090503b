"""When a connection is asked for a sign of life, told to leave, or given up.

Owns the ages of a connection, counted in seconds by a beat. The numbers are those of the reference
service (semantics 1.2).
"""

from enum import Enum, auto
from typing import Final

GREETING_BEATS_MAX: Final = 20
KEEPALIVE_BEATS: Final = 60
KEEPALIVE_ANSWER_BEATS_MAX: Final = 10
IDLE_BEATS_MAX: Final = 120
AGE_BEATS_MAX: Final = 300
LEAVING_BEATS_MAX: Final = 70
"""Longer than the longest long poll, so that an ageing connection never cuts one off."""
LINGERING_BEATS_MAX: Final = 5
"""For the last bytes of a connection that is over."""


class Step(Enum):
    """What is due for a connection."""

    NOTHING = auto()
    PING = auto()
    LEAVE = auto()
    """Ask the peer for no more requests."""
    FAIL = auto()
    """End it, calls and all."""
    ABORT = auto()
    """Do not even wait for the last bytes."""


class Upkeep:
    """The ages of one connection."""

    __slots__ = ("_age", "_age_max", "_idle", "_leaving", "_over", "_silent")

    def __init__(self, spread: int = 0) -> None:
        """Make the ages of connections differ a little by `spread`.

        A fleet of workers that came at once would otherwise come back at once, too.
        """
        self._age = 0
        self._age_max = AGE_BEATS_MAX + spread % (AGE_BEATS_MAX // 10)
        self._silent = 0
        self._idle = 0
        self._leaving = 0
        self._over = 0

    def beat(self, *, was_heard: bool, is_ready: bool, is_idle: bool, is_over: bool) -> Step:
        """Return what is due after one more second, in which the connection was like this."""
        if is_over:
            self._over += 1
            return Step.ABORT if self._over > LINGERING_BEATS_MAX else Step.NOTHING
        self._age += 1
        self._silent = 0 if was_heard else self._silent + 1
        self._idle = self._idle + 1 if is_idle else 0
        if self._leaving or self._age >= self._age_max or self._idle >= IDLE_BEATS_MAX:
            self._leaving += 1
        if (
            self._silent >= KEEPALIVE_BEATS + KEEPALIVE_ANSWER_BEATS_MAX
            or self._leaving > LEAVING_BEATS_MAX
            or (not is_ready and self._age >= GREETING_BEATS_MAX)
        ):
            return Step.FAIL
        if self._leaving == 1:
            return Step.LEAVE
        return Step.PING if self._silent == KEEPALIVE_BEATS else Step.NOTHING
