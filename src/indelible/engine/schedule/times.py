"""The times of a schedule: from its specification to the next moment at which it acts.

Owns the union of calendars and intervals, what is excluded, the bounds and the jitter (semantics
11.2). A search is bounded: a specification that is too sparse for it has no next time.
"""

from collections import deque
from hashlib import blake2b
from typing import Final, NamedTuple

from temporalio.api.schedule.v1 import IntervalSpec, ScheduleSpec

from indelible.base.civil_time import (
    LocalTime,
    OffsetAt,
    day_number_of,
    first_moment,
)
from indelible.base.instants import (
    DAY,
    MILLISECOND,
    NO_DURATION,
    SECOND,
    Duration,
    Instant,
    duration,
    instant,
)
from indelible.engine.schedule.calendar import Calendar
from indelible.engine.schedule.fields import CALENDAR_YEAR_MAX

SEARCH_STEPS_MAX: Final = 10_000
"""Of one search for the next time; a usual one takes less than ten."""
GAPS_KEPT: Final = 4
"""Results of searches: the times that are asked for lie around the present."""
_END_OF_TIME: Final = Instant(day_number_of(CALENDAR_YEAR_MAX + 1, 1, 1) * DAY)
_BEFORE_TIME: Final = Instant(-SECOND)
_HASH_BITS: Final = 32


class ActionTime(NamedTuple):
    """A moment at which a schedule acts."""

    nominal: Instant
    """As it is specified."""
    at: Instant
    """With the jitter."""


class _Gap(NamedTuple):
    """No time lies between the two; the second one is a time."""

    begin: Instant
    nominal: Instant


class _TooSparseError(Exception):
    """A search took more steps than it may."""


class _Budget:
    """How many steps a search may still take."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = SEARCH_STEPS_MAX

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _TooSparseError


class Times:
    """A compiled specification."""

    def __init__(self, spec: ScheduleSpec, offset_at: OffsetAt) -> None:
        """Compile a canonical specification, in the time zone that it names."""
        self._offset_at = offset_at
        self._calendars = [Calendar(calendar) for calendar in spec.structured_calendar]
        self._excluded = [Calendar(calendar) for calendar in spec.exclude_structured_calendar]
        self._intervals = [_interval(interval) for interval in spec.interval]
        self._start = instant(spec.start_time) if spec.HasField("start_time") else Instant(0)
        self._end = instant(spec.end_time) if spec.HasField("end_time") else _END_OF_TIME
        self.jitter = duration(spec.jitter)
        self._gaps: deque[_Gap] = deque(maxlen=GAPS_KEPT)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is specified: such a schedule acts only when it is told to."""
        return not self._calendars and not self._intervals

    def is_possible(self) -> bool:
        """Whether there is any time that is not excluded, whatever the bounds are."""
        return self._nominal_after(_BEFORE_TIME, _END_OF_TIME) is not None

    def next_time(self, after: Instant, seed: str) -> ActionTime | None:
        """Return the first time whose nominal one lies after an instant.

        The same seed gives the same jitter. It never reaches the nominal time that follows, so the
        order of times is that of the nominal ones.
        """
        nominal = self._nominal_after(max(after, Instant(self._start - 1)), self._end)
        if nominal is None:
            return None
        return ActionTime(nominal, self._jittered(nominal, seed))

    def times_between(
        self, after: Instant, until: Instant, seed: str, count_max: int
    ) -> list[ActionTime]:
        """Return the first times from behind an instant whose jittered ones are not later."""
        found: list[ActionTime] = []
        while len(found) < count_max:
            following = self.next_time(found[-1].nominal if found else after, seed)
            if following is None or following.at > until:
                break
            found.append(following)
        return found

    def nominal_times(self, after: Instant, end: Instant, count_max: int) -> list[Instant]:
        """Return the first nominal times from behind an instant up to another one."""
        found: list[Instant] = []
        while len(found) < count_max:
            start = max(found[-1] if found else after, Instant(self._start - 1))
            nominal = self._nominal_after(start, min(end, self._end))
            if nominal is None:
                break
            found.append(nominal)
        return found

    def _nominal_after(self, after: Instant, end: Instant) -> Instant | None:
        """Return the first time after an instant; many schedules of one form ask the same."""
        for begin, nominal in self._gaps:
            if begin <= after < nominal:
                return nominal if nominal <= end else None
        nominal = self._searched(after, end)
        if nominal is not None:
            self._gaps.append(_Gap(after, nominal))
        return nominal

    def _searched(self, after: Instant, end: Instant) -> Instant | None:
        budget = _Budget()
        try:
            while True:
                nominal = self._raw_after(after, budget)
                if nominal is None or nominal > end:
                    return None
                free = self._first_free(nominal, budget)
                if free is None or free == nominal:
                    return free
                after = Instant(free - 1)
        except _TooSparseError:
            return None

    def _raw_after(self, after: Instant, budget: _Budget) -> Instant | None:
        """Return the first specified time after an instant, excluded or not."""
        start = Instant((after // SECOND + 1) * SECOND)
        found: list[Instant] = []
        for calendar in self._calendars:
            budget.spend()
            moment = first_moment(start, calendar.wait, self._offset_at)
            if moment is not None:
                found.append(moment)
        found += [_next_of_interval(interval, start) for interval in self._intervals]
        earliest = min(found, default=_END_OF_TIME)
        return earliest if earliest < _END_OF_TIME else None

    def _first_free(self, at: Instant, budget: _Budget) -> Instant | None:
        """Return the first instant from `at` on that is not excluded."""
        if not self._excluded:
            return at

        def wait(local: LocalTime) -> Duration | None:
            budget.spend()
            longest = NO_DURATION
            for calendar in self._excluded:
                remaining = calendar.wait_out(local)
                if remaining is None:
                    return None
                longest = max(longest, remaining)
            return longest

        return first_moment(at, wait, self._offset_at)

    def _jittered(self, nominal: Instant, seed: str) -> Instant:
        if not self.jitter:
            return nominal
        try:
            following = self._raw_after(nominal, _Budget())
        except _TooSparseError:  # pragma: no cover - as many calendars as steps
            following = None
        longest = self.jitter if following is None else min(self.jitter, following - nominal)
        digest = blake2b(
            f"{nominal // SECOND}-{seed}".encode(), digest_size=_HASH_BITS // 8
        ).digest()
        share = int.from_bytes(digest, "big")
        milliseconds = share * (longest // MILLISECOND) >> _HASH_BITS
        return Instant(nominal + milliseconds * MILLISECOND)


class _Interval(NamedTuple):
    """Whole seconds, in nanoseconds, from the epoch on."""

    length: int
    phase: int


def _interval(spec: IntervalSpec) -> _Interval:
    length, phase = duration(spec.interval), duration(spec.phase)
    return _Interval(max(length - length % SECOND, SECOND), max(phase - phase % SECOND, 0))


def _next_of_interval(interval: _Interval, start: Instant) -> Instant:
    """Return the first time of an interval from `start` on."""
    length, phase = interval
    return Instant(-(-(start - phase) // length) * length + phase)
