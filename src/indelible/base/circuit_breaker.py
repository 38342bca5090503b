"""Whether somebody may be called who has failed again and again.

Owns the life of one breaker: closed until enough calls in a row have failed, then open for a while,
then half open for a few calls on trial. Must not know who is called. The rules are those of the
reference service (1.32), which takes them from `gobreaker`.
"""

from enum import Enum
from typing import Final, NamedTuple

from indelible.base.instants import MINUTE, NO_DURATION, SECOND, Duration, Instant, after

FAILURES_MAX: Final = 5
"""Failures in a row that a closed breaker bears."""
TRIAL_PAUSE: Final = SECOND
"""When to ask again while others are on trial; there is no telling how long that takes."""


class BreakerSettings(NamedTuple):
    """What an operator may choose."""

    calls_on_trial_max: int = 1
    """Let through by a half open breaker; if as many in a row succeed, it closes."""
    interval: Duration = NO_DURATION
    """After which a closed breaker forgets failures; 0 for never."""
    timeout: Duration = MINUTE
    """How long a breaker is open."""


USUAL_BREAKER: Final = BreakerSettings()


class BreakerState(Enum):
    """Where a breaker is in its life."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Admission(NamedTuple):
    """The leave to make a call; good for the period in which it was given."""

    period: int


FIRST_ADMISSION: Final = Admission(0)
"""What a new breaker gives."""


class CircuitBreaker:
    """One breaker. It asks for the settings each time, so that they may change."""

    __slots__ = ("_admitted", "_failures", "_period", "_since", "_state", "_successes")

    def __init__(self, now: Instant) -> None:
        self._state = BreakerState.CLOSED
        self._since = now
        self._period = 0
        self._admitted = 0
        """Calls in this period."""
        self._failures = 0
        """Calls in a row that have failed."""
        self._successes = 0

    @property
    def is_fresh(self) -> bool:
        """Whether a new breaker would do as well."""
        return self._state is BreakerState.CLOSED and not self._failures

    def state(self, now: Instant, settings: BreakerSettings) -> BreakerState:
        """Return the state; time alone leads from open to half open."""
        age = now - self._since
        if self._state is BreakerState.OPEN and age >= settings.timeout:
            self._enter(BreakerState.HALF_OPEN, now)
        elif self._state is BreakerState.CLOSED and settings.interval and age >= settings.interval:
            self._enter(BreakerState.CLOSED, now)
        return self._state

    def admit(self, now: Instant, settings: BreakerSettings) -> Admission | Duration:
        """Return the leave to call, which must be given back; or in what time to ask again."""
        state = self.state(now, settings)
        if state is BreakerState.OPEN:
            return Duration(after(self._since, settings.timeout) - now)
        if state is BreakerState.HALF_OPEN and self._admitted >= settings.calls_on_trial_max:
            return TRIAL_PAUSE
        self._admitted += 1
        return Admission(self._period)

    def give_back(
        self, admission: Admission, now: Instant, settings: BreakerSettings, *, is_down: bool
    ) -> None:
        """Take note of how a call has ended; one of an earlier period says nothing any more."""
        state = self.state(now, settings)
        if admission.period != self._period:
            return
        if is_down:
            self._successes, self._failures = 0, self._failures + 1
            if state is BreakerState.HALF_OPEN or self._failures > FAILURES_MAX:
                self._enter(BreakerState.OPEN, now)
        else:
            self._successes, self._failures = self._successes + 1, 0
            is_proven = self._successes >= settings.calls_on_trial_max
            if state is BreakerState.HALF_OPEN and is_proven:
                self._enter(BreakerState.CLOSED, now)

    def _enter(self, state: BreakerState, now: Instant) -> None:
        self._state, self._since = state, now
        self._period += 1
        self._admitted = self._failures = self._successes = 0
