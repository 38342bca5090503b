"""The times of schedules: examples to read, and a search that looks at every single second."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

import pytest
from google.protobuf.duration_pb2 import Duration as DurationMessage
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings, strategies as st
from temporalio.api.schedule.v1 import (
    CalendarSpec,
    IntervalSpec,
    Range,
    ScheduleSpec,
    StructuredCalendarSpec,
)

from indelible.base.instants import HOUR, MILLISECOND, MINUTE, SECOND, Instant
from indelible.base.time_zones import utc_at
from indelible.engine.schedule.spec import canonical_spec
from indelible.engine.schedule.times import ActionTime, Times
from indelible.engine.schedule.zones import compile_spec
from indelible.runtime.time_zones import TIME_ZONES

SEED = "namespace-schedule"


def at(text: str) -> Instant:
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return Instant(round(moment.timestamp() * 1e6) * 1_000)


def shown(instant: Instant) -> str:
    return datetime.fromtimestamp(instant / SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")


def compiled(spec: ScheduleSpec) -> Times:
    return compile_spec(canonical_spec(spec), TIME_ZONES)


def following(spec: ScheduleSpec, after: str, count: int) -> list[str]:
    times = compiled(spec).times_between(at(after), at("2200-01-01"), SEED, count)
    return [shown(found.nominal) for found in times]


def cron(*texts: str, but: ScheduleSpec | None = None) -> ScheduleSpec:
    spec = ScheduleSpec(cron_string=texts)
    if but is not None:
        spec.MergeFrom(but)
    return spec


def every(seconds: int, phase: int = 0) -> IntervalSpec:
    return IntervalSpec(
        interval=DurationMessage(seconds=seconds), phase=DurationMessage(seconds=phase)
    )


@pytest.mark.parametrize(
    ("spec", "after", "expected"),
    [
        (cron("0 12 * * MON"), "2026-11-27 10:00", ["2026-11-30 12:00:00", "2026-12-07 12:00:00"]),
        # All fields must match: this is no crontab, where either day would do.
        (cron("0 0 13 * FRI"), "2026-11-14", ["2027-08-13 00:00:00", "2028-10-13 00:00:00"]),
        (cron("0 0 31 * *"), "2026-11-01", ["2026-12-31 00:00:00", "2027-01-31 00:00:00"]),
        (cron("0 0 29 2 *"), "2026-11-01", ["2028-02-29 00:00:00", "2032-02-29 00:00:00"]),
        (cron("0 0 29 2 * 2099-2100"), "2026-01-01", []),
        (cron("59 59 23 31 12 * *"), "2099-12-31", ["2099-12-31 23:59:59", "2100-12-31 23:59:59"]),
        (cron("0 0 1 1 * 2030"), "2026-01-01", ["2030-01-01 00:00:00"]),
        (cron("*/20 30 6 * * * *"), "2026-11-01 06:30:20", ["2026-11-01 06:30:40"]),
        (cron("@every 90s"), "1970-01-01", ["1970-01-01 00:01:30", "1970-01-01 00:03:00"]),
        (cron("@every 1h/15m"), "2026-11-27 10:15", ["2026-11-27 11:15:00"]),
        (
            ScheduleSpec(interval=[every(3600), every(3600, 1800)]),
            "2026-11-27 10:29:59.5",
            ["2026-11-27 10:30:00", "2026-11-27 11:00:00"],
        ),
        (
            cron("0 0 * * *", but=ScheduleSpec(interval=[every(86_400, 43_200)])),
            "2026-11-27 00:00",
            ["2026-11-27 12:00:00", "2026-11-28 00:00:00"],
        ),
        (ScheduleSpec(), "2026-11-27", []),
        (ScheduleSpec(calendar=[CalendarSpec()]), "2026-11-27 00:00:00", ["2026-11-28 00:00:00"]),
        # A structured calendar without ranges has the same defaults.
        (
            ScheduleSpec(structured_calendar=[StructuredCalendarSpec()]),
            "2026-11-26 12:00",
            ["2026-11-27 00:00:00", "2026-11-28 00:00:00"],
        ),
        (
            cron("TZ=Asia/Kolkata 0 9 * * *"),
            "2026-11-27",
            ["2026-11-27 03:30:00", "2026-11-28 03:30:00"],
        ),
        # Both bounds belong to the schedule.
        (
            ScheduleSpec(
                interval=[every(60)],
                start_time=Timestamp(seconds=1_800_000_000),
                end_time=Timestamp(seconds=1_800_000_060),
            ),
            "2026-11-27",
            ["2027-01-15 08:00:00", "2027-01-15 08:01:00"],
        ),
        # Excluded: every weekend, and the first hour of the first of the month.
        (
            cron(
                "30 0,12 * * *",
                but=ScheduleSpec(
                    exclude_calendar=[
                        CalendarSpec(hour="*", minute="*", second="*", day_of_week="sat,sun"),
                        CalendarSpec(hour="0", minute="*", day_of_month="1"),
                    ]
                ),
            ),
            "2026-11-27 13:00",
            ["2026-11-30 00:30:00", "2026-11-30 12:30:00", "2026-12-01 12:30:00"],
        ),
        # A second at a time, but not for the next decades.
        (
            ScheduleSpec(
                interval=[every(1)],
                exclude_calendar=[
                    CalendarSpec(hour="*", minute="*", second="*", year="2026-2098"),
                    CalendarSpec(hour="0-22", minute="*", second="*"),
                ],
            ),
            "2026-11-27",
            ["2099-01-01 23:00:00", "2099-01-01 23:00:01"],
        ),
    ],
)
def test_the_next_times(spec: ScheduleSpec, after: str, expected: list[str]) -> None:
    assert following(spec, after, max(1, len(expected))) == expected


@pytest.mark.parametrize(
    ("spec", "after", "expected"),
    [
        # New York skips 02:00 to 03:00 on 8 March 2026, and repeats 01:00 to 02:00 on 1 November.
        (
            cron("TZ=America/New_York 30 2 * * *"),
            "2026-03-07 12:00",
            ["2026-03-09 06:30:00", "2026-03-10 06:30:00"],
        ),
        (
            cron("TZ=America/New_York 30 1 * * *"),
            "2026-10-31 12:00",
            ["2026-11-01 05:30:00", "2026-11-01 06:30:00", "2026-11-02 06:30:00"],
        ),
        # Found from afar: the first of the two is not passed over.
        (
            cron("TZ=America/New_York 30 1 1 11 *"),
            "2026-01-01",
            ["2026-11-01 05:30:00", "2026-11-01 06:30:00"],
        ),
        (
            cron("TZ=America/New_York 30 * * * *"),
            "2026-11-01 05:00",
            ["2026-11-01 05:30:00", "2026-11-01 06:30:00", "2026-11-01 07:30:00"],
        ),
        (
            cron("TZ=America/New_York 30 * * * *"),
            "2026-03-08 06:00",
            ["2026-03-08 06:30:00", "2026-03-08 07:30:00"],
        ),
        # Lord Howe moves by half an hour: 02:00 becomes 02:30 on 4 October 2026.
        (
            cron("TZ=Australia/Lord_Howe 15 2 * * *"),
            "2026-10-02 20:00",
            ["2026-10-04 15:15:00"],
        ),
        # Cairo skips midnight itself on 24 April 2026.
        (cron("TZ=Africa/Cairo 0 0 24 4 *"), "2026-01-01", ["2027-04-23 22:00:00"]),
        (cron("TZ=Africa/Cairo 0 1 24 4 *"), "2026-01-01", ["2026-04-23 22:00:00"]),
        # Apia had no 30 December 2011 at all.
        (
            cron("TZ=Pacific/Apia 0 12 29-31 12 * 2011"),
            "2011-12-01",
            ["2011-12-29 22:00:00", "2011-12-30 22:00:00"],
        ),
        # An interval does not know time zones.
        (
            ScheduleSpec(interval=[every(3600)], timezone_name="America/New_York"),
            "2026-11-01 05:30",
            ["2026-11-01 06:00:00", "2026-11-01 07:00:00"],
        ),
    ],
)
def test_changes_of_the_clocks(spec: ScheduleSpec, after: str, expected: list[str]) -> None:
    assert following(spec, after, len(expected)) == expected


def test_a_zone_that_comes_along_is_used() -> None:
    path = next(found for root in TZPATH if (found := Path(root) / "Asia/Tokyo").exists())
    spec = ScheduleSpec(calendar=[CalendarSpec(hour="9")], timezone_data=path.read_bytes())
    assert following(spec, "2026-11-27 01:00", 1) == ["2026-11-28 00:00:00"]


def test_a_search_gives_up_where_nothing_is_near() -> None:
    spec = ScheduleSpec(
        interval=[every(3600)],
        exclude_calendar=[CalendarSpec(hour="*", year="2000-2099")],
    )
    assert following(spec, "2026-11-27", 1) == []


JITTERED = ScheduleSpec(interval=[every(60)], jitter=DurationMessage(seconds=3600))


def test_jitter_stays_within_the_gap_and_is_always_the_same() -> None:
    found = compiled(JITTERED).times_between(at("2026-11-27"), at("2026-11-28"), SEED, 1_000)
    again = compiled(JITTERED).times_between(at("2026-11-27"), at("2026-11-28"), SEED, 1_000)
    assert found == again
    assert all(0 <= one.at - one.nominal < MINUTE for one in found)
    assert all(one.at % MILLISECOND == 0 for one in found)
    assert all(one.at <= other.nominal for one, other in pairwise(found))
    # It is spread evenly.
    mean = sum(one.at - one.nominal for one in found) / len(found)
    assert 0.45 * MINUTE < mean < 0.55 * MINUTE


def test_another_schedule_has_another_jitter() -> None:
    times = compiled(JITTERED)
    assert times.next_time(Instant(0), "one") != times.next_time(Instant(0), "other")


def test_jitter_is_no_longer_than_asked_for() -> None:
    times = compiled(
        ScheduleSpec(interval=[every(86_400)], jitter=DurationMessage(seconds=1, nanos=500_000_000))
    )
    found = times.times_between(Instant(0), at("1971-01-01"), SEED, 300)
    assert max(one.at - one.nominal for one in found) < 1.5 * SECOND
    assert max(one.at - one.nominal for one in found) > SECOND


def test_the_last_time_of_all_has_its_whole_jitter() -> None:
    spec = cron("0 0 1 1 * 2100", but=ScheduleSpec(jitter=DurationMessage(seconds=86_400)))
    found = compiled(spec).next_time(at("2026-01-01"), SEED)
    assert isinstance(found, ActionTime)
    assert HOUR < found.at - found.nominal < 24 * HOUR


def test_utc_needs_no_zone() -> None:
    spec = canonical_spec(cron("0 9 * * *"))
    assert Times(spec, utc_at).next_time(Instant(0), SEED) == compiled(spec).next_time(
        Instant(0), SEED
    )


# ---------------------------------------------------------------------------------- every second
ZONES = [
    "UTC",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Caracas",
    "America/Asuncion",
    "America/Godthab",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Moscow",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Tehran",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Gaza",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Antarctica/Troll",
]
"""Whole hours, half and quarter hours, moved by 30 minutes and by two hours, a lost day."""
FIRST_DAY = datetime(2015, 1, 1, tzinfo=UTC)
DAYS = 365 * 10


def ranges(low: int, high: int, *, sizes: int = 2) -> st.SearchStrategy[list[Range]]:
    def make(bounds: tuple[int, int, int]) -> Range:
        start, end, step = bounds
        return Range(start=min(start, end), end=max(start, end), step=step)

    value = st.integers(low, high)
    return st.lists(st.tuples(value, value, st.integers(0, 5)).map(make), max_size=sizes)


CALENDARS = st.builds(
    StructuredCalendarSpec,
    second=ranges(0, 59, sizes=1),
    minute=ranges(0, 59),
    hour=ranges(0, 23),
    day_of_month=ranges(1, 31, sizes=1),
    month=ranges(1, 12, sizes=1),
    day_of_week=ranges(0, 6, sizes=1),
    year=ranges(2013, 2026, sizes=1),
)
INTERVALS = st.integers(1, 90_000).flatmap(
    lambda length: st.integers(0, length - 1).map(lambda phase: every(length, phase))
)
SPECS = st.builds(
    ScheduleSpec,
    structured_calendar=st.lists(CALENDARS, max_size=2),
    interval=st.lists(INTERVALS, max_size=1),
    exclude_structured_calendar=st.lists(CALENDARS, max_size=2),
)


def in_ranges(value: int, allowed: list[Range], default: range) -> bool:
    if not allowed:
        return value in default
    return any(
        value in range(one.start, max(one.start, one.end) + 1, one.step or 1) for one in allowed
    )


def names(calendar: StructuredCalendarSpec, local: datetime) -> bool:
    return (
        in_ranges(local.second, list(calendar.second), range(1))
        and in_ranges(local.minute, list(calendar.minute), range(1))
        and in_ranges(local.hour, list(calendar.hour), range(1))
        and in_ranges(local.day, list(calendar.day_of_month), range(1, 32))
        and in_ranges(local.month, list(calendar.month), range(1, 13))
        and in_ranges(local.isoweekday() % 7, list(calendar.day_of_week), range(7))
        and in_ranges(local.year, list(calendar.year), range(10_000))
    )


def by_looking(spec: ScheduleSpec, zone: ZoneInfo, start: int, end: int) -> list[int]:
    """Return the times in `(start, end]`, in seconds: every single second is looked at."""
    found: list[int] = []
    for second in range(start + 1, end + 1):
        local = datetime.fromtimestamp(second, zone)
        is_named = any(
            (second - one.phase.seconds) % one.interval.seconds == 0 for one in spec.interval
        ) or any(names(one, local) for one in spec.structured_calendar)
        if is_named and not any(names(one, local) for one in spec.exclude_structured_calendar):
            found.append(second)
    return found


def check_against_looking(spec: ScheduleSpec, zone: str, start: int, seconds: int) -> None:
    spec.timezone_name = zone
    times = compiled(spec).times_between(
        Instant(start * SECOND), Instant((start + seconds) * SECOND), SEED, seconds
    )
    expected = by_looking(spec, ZoneInfo(zone), start, start + seconds)
    assert [found.nominal // SECOND for found in times] == expected


def changes_of(zone: str) -> list[int]:
    """Return the seconds at which the clocks of a zone change within the ten years."""
    info = ZoneInfo(zone)

    def offset(second: int) -> timedelta | None:
        return datetime.fromtimestamp(second, info).utcoffset()

    first, found = int(FIRST_DAY.timestamp()), list[int]()
    for day in range(DAYS):
        low, high = first + day * 86_400, first + (day + 1) * 86_400
        if offset(low) == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
        found.append(high)
    return found


@pytest.mark.slow
@settings(deadline=None)
@given(
    spec=SPECS,
    zone=st.sampled_from(ZONES),
    day=st.integers(0, DAYS),
    second=st.integers(0, 86_399),
)
def test_the_search_finds_what_looking_finds(
    spec: ScheduleSpec, zone: str, day: int, second: int
) -> None:
    start = int(FIRST_DAY.timestamp()) + day * 86_400 + second
    check_against_looking(spec, zone, start, 3_600)


@pytest.mark.slow
@pytest.mark.parametrize("zone", ZONES)
def test_the_search_finds_what_looking_finds_where_the_clocks_change(zone: str) -> None:
    every_quarter = StructuredCalendarSpec(
        minute=[Range(start=0, end=59, step=15)], hour=[Range(start=0, end=23)]
    )
    odd_hours = StructuredCalendarSpec(
        second=[Range(start=5, end=55, step=50)],
        minute=[Range(start=30)],
        hour=[Range(start=1, end=23, step=2)],
    )
    nights = StructuredCalendarSpec(
        second=[Range(start=0, end=59)],
        minute=[Range(start=0, end=59)],
        hour=[Range(start=0, end=1)],
    )
    for change in changes_of(zone)[-4:]:
        spec = ScheduleSpec(
            structured_calendar=[every_quarter, odd_hours], exclude_structured_calendar=[nights]
        )
        check_against_looking(spec, zone, change - 4_000, 8_000)


@given(spec=SPECS, zone=st.sampled_from(ZONES), day=st.integers(0, DAYS))
def test_times_grow_and_none_lies_between_a_time_and_the_one_before(
    spec: ScheduleSpec, zone: str, day: int
) -> None:
    spec.timezone_name = zone
    times = compiled(spec)
    start = Instant((int(FIRST_DAY.timestamp()) + day * 86_400) * SECOND)
    first = times.next_time(start, SEED)
    if first is None:
        return
    assert first.nominal > start
    # From anywhere in between, the same time comes next.
    middle = Instant((start + first.nominal) // 2)
    assert times.next_time(middle, SEED) == first
    assert times.next_time(Instant(first.nominal - 1), SEED) == first
