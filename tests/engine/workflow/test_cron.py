"""Ticks of cron schedules: each line of a table is an expression, an instant, and what follows."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, strategies as st

from indelible.base.instants import HOUR, MINUTE, SECOND, Duration, Instant
from indelible.base.time_zones import utc_only
from indelible.engine.workflow.rules.cron import (
    CalendarCron,
    cron_backoff,
    cron_fault,
    next_tick,
    parse_cron,
)
from indelible.runtime.time_zones import utc_offset

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(text: str) -> Instant:
    moment = datetime.fromisoformat(text)
    elapsed = moment.replace(tzinfo=moment.tzinfo or UTC) - EPOCH
    return Instant(elapsed // timedelta(microseconds=1) * 1_000)


def shown(instant: Instant | None) -> str:
    if instant is None:
        return "never"
    return (EPOCH + timedelta(microseconds=instant // 1_000)).strftime("%Y-%m-%d %H:%M:%S")


def ticks(expression: str, after: str, count: int) -> list[str]:
    schedule = parse_cron(expression)
    assert schedule is not None
    found: list[str] = []
    instant: Instant | None = at(after)
    for _ in range(count):
        assert instant is not None
        instant = next_tick(schedule, instant, utc_offset)
        found.append(shown(instant))
    return found


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("* * * * *", "2026-11-22 10:00:00", "2026-11-22 10:01:00"),
        ("* * * * *", "2026-11-22 10:00:59.999", "2026-11-22 10:01:00"),
        ("*/15 * * * *", "2026-11-22 10:50:00", "2026-11-22 11:00:00"),
        ("5/20 * * * *", "2026-11-22 10:26:00", "2026-11-22 10:45:00"),
        ("0 9-17/4 * * *", "2026-11-22 13:00:00", "2026-11-22 17:00:00"),
        ("30 6 * * MON-FRI", "2026-11-21 00:00:00", "2026-11-23 06:30:00"),
        ("0 0 1,15 * *", "2026-11-02 00:00:00", "2026-11-15 00:00:00"),
        ("0 0 31 * *", "2026-11-01 00:00:00", "2026-12-31 00:00:00"),
        ("0 0 29 2 ?", "2025-03-01 00:00:00", "2028-02-29 00:00:00"),
        ("0,30, * * * *", "2026-11-22 10:00:00", "2026-11-22 10:30:00"),
        ("0 0 * feb,Aug sun", "2026-11-22 00:00:00", "2027-02-07 00:00:00"),
        # Both restricted: either will do. A stepped star restricts, a plain one does not.
        ("0 0 13 * 5", "2026-11-01 00:00:00", "2026-11-06 00:00:00"),
        ("0 0 */2 * 0", "2026-11-21 00:00:00", "2026-11-22 00:00:00"),
        ("0 0 */1 * 0", "2026-11-22 00:00:00", "2026-11-29 00:00:00"),
        ("@yearly", "2026-11-22 00:00:00", "2027-01-01 00:00:00"),
        ("@monthly", "2026-11-22 00:00:00", "2026-12-01 00:00:00"),
        ("@weekly", "2026-11-22 00:00:00", "2026-11-29 00:00:00"),
        ("@midnight", "2026-11-22 00:00:00", "2026-11-23 00:00:00"),
        ("@hourly", "2026-11-22 10:20:30", "2026-11-22 11:00:00"),
        ("@every 90s", "2026-11-22 10:00:00.7", "2026-11-22 10:01:30"),
        ("@every 1h30m", "2026-11-22 10:00:01", "2026-11-22 11:30:01"),
        ("@every 1.5m", "2026-11-22 10:00:00", "2026-11-22 10:01:30"),
        ("@every 20ms", "2026-11-22 10:00:00", "2026-11-22 10:00:01"),
        ("CRON_TZ=Asia/Tokyo 0 9 * * *", "2026-11-22 00:00:00", "2026-11-23 00:00:00"),
        ("TZ=America/New_York 0 9 * * *", "2026-11-22 00:00:00", "2026-11-22 14:00:00"),
        ("TZ=Asia/Kolkata @daily", "2026-11-22 00:00:00", "2026-11-22 18:30:00"),
    ],
)
def test_the_next_tick(expression: str, after: str, expected: str) -> None:
    assert ticks(expression, after, 1) == [expected]


def test_a_local_time_that_the_clocks_skip_does_not_fire() -> None:
    found = ticks("TZ=America/New_York 30 2 * * *", "2026-03-06 12:00:00", 3)
    assert found == ["2026-03-07 07:30:00", "2026-03-09 06:30:00", "2026-03-10 06:30:00"]


def test_a_local_time_that_the_clocks_repeat_fires_twice() -> None:
    found = ticks("TZ=America/New_York 30 1 * * *", "2026-10-31 12:00:00", 3)
    assert found == ["2026-11-01 05:30:00", "2026-11-01 06:30:00", "2026-11-02 06:30:00"]


def test_no_midnight_is_lost_on_the_day_after_a_change() -> None:
    found = ticks("TZ=America/New_York 0 0 9 3 *", "2026-03-07 00:00:00", 1)
    assert found == ["2026-03-09 04:00:00"]
    found = ticks("TZ=America/New_York 0 0 2 11 *", "2026-10-31 00:00:00", 1)
    assert found == ["2026-11-02 05:00:00"]


def test_a_day_without_midnight_is_not_lost() -> None:
    # In Santiago the clocks go from 24:00 to 01:00.
    found = ticks("TZ=America/Santiago 0 1 * * *", "2026-09-05 12:00:00", 2)
    assert found == ["2026-09-06 04:00:00", "2026-09-07 04:00:00"]
    assert ticks("TZ=America/Santiago 0 0 6 9 *", "2026-01-01 00:00:00", 1) == [
        "2027-09-06 03:00:00"
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "nonsense",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "5-1 * * * *",
        "1-2-3 * * * *",
        "*/0 * * * *",
        "*/2/2 * * * *",
        "-1 * * * *",
        "x * * * *",
        "@fortnightly",
        "@every",
        "@every soon",
        "@every 5",
        "TZ=UTC",
        "TZ=Nowhere/City * * * * *",
        "TZ=../../etc/passwd * * * * *",
        "\u0663 * * * *",
    ],
)
def test_what_is_no_schedule(expression: str) -> None:
    fault = cron_fault(expression, now=at("2026-11-22"), utc_offset=utc_offset)
    assert fault == "invalid CronSchedule."


def test_a_schedule_without_a_tick_is_refused() -> None:
    fault = cron_fault("0 0 30 2 *", now=at("2026-11-22"), utc_offset=utc_only)
    assert fault == "invalid CronSchedule, no time can be found to satisfy the schedule"


def test_a_zone_that_is_gone_never_ticks() -> None:
    schedule = parse_cron("TZ=Asia/Tokyo * * * * *")
    assert schedule is not None
    assert next_tick(schedule, at("2026-11-22"), utc_only) is None


def test_no_schedule_is_no_fault() -> None:
    assert cron_fault("", now=at("2026-11-22"), utc_offset=utc_only) is None
    assert cron_fault("@daily", now=at("2026-11-22"), utc_offset=utc_only) is None


@pytest.mark.parametrize(
    ("expression", "scheduled", "now", "expected"),
    [
        # Ticks count from the schedule, not from the close.
        ("@every 5m", "10:00:00", "10:02:00", 3 * MINUTE),
        ("0 * * * *", "10:00:00", "10:02:00", 58 * MINUTE),
        # The first run of a chain waits for the next tick, even if it is started at one.
        ("0 * * * *", "10:00:00", "10:00:00", 60 * MINUTE),
        # Missed ticks are skipped; one that is due right now is not missed.
        ("@every 5m", "10:00:00", "10:12:00", 3 * MINUTE),
        ("@every 5m", "10:00:00", "10:15:00", 0),
        ("0 * * * *", "10:00:00", "13:30:00", 30 * MINUTE),
        ("0 * * * *", "10:00:00", "13:00:00", 0),
        # Rounded up to whole seconds.
        ("0 * * * *", "10:00:00", "10:59:58.5", 2 * SECOND),
        # A run that was closed before its first tick gives the tick back.
        ("0 * * * *", "12:00:00", "10:30:00", 90 * MINUTE),
        ("0 0 30 2 *", "10:00:00", "10:30:00", None),
        ("nonsense", "10:00:00", "10:30:00", None),
    ],
)
def test_the_wait_for_the_next_run(
    expression: str, scheduled: str, now: str, expected: Duration | None
) -> None:
    wait = cron_backoff(
        expression,
        scheduled_at=at(f"2026-11-22 {scheduled}"),
        now=at(f"2026-11-22 {now}"),
        utc_offset=utc_only,
    )
    assert wait == expected


FIELDS = st.tuples(
    st.sampled_from(["*", "0", "*/7", "5-20", "59", "1,31"]),
    st.sampled_from(["*", "0", "*/5", "1-3", "2", "23"]),
    st.sampled_from(["*", "1", "*/10", "28-31", "?"]),
    st.sampled_from(["*", "2", "3,11", "jan-jun"]),
    st.sampled_from(["*", "0", "mon-fri", "6", "?"]),
)
ZONES = st.sampled_from(
    ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"]
)
MOMENTS = st.integers(int(at("2024-01-01")), int(at("2030-01-01"))).map(Instant)


def matches(cron: CalendarCron, instant: Instant) -> bool:
    """Ask the standard library's calendar instead of ours."""
    local = (EPOCH + timedelta(microseconds=instant // 1_000)).astimezone(ZoneInfo(cron.zone))
    is_day = local.day in cron.days.allowed
    is_weekday = local.isoweekday() % 7 in cron.weekdays.allowed
    is_either_open = cron.days.is_open or cron.weekdays.is_open
    is_date = (is_day and is_weekday) if is_either_open else (is_day or is_weekday)
    return (
        local.minute in cron.minutes
        and local.hour in cron.hours
        and local.month in cron.months
        and is_date
        and local.second == 0
    )


@given(fields=FIELDS, zone=ZONES, after=MOMENTS)
def test_a_tick_matches_and_no_earlier_minute_does(
    fields: tuple[str, ...], zone: str, after: Instant
) -> None:
    schedule = parse_cron(f"TZ={zone} {' '.join(fields)}")
    assert isinstance(schedule, CalendarCron)
    tick = next_tick(schedule, after, utc_offset)
    assume(tick is not None)
    assert tick is not None
    assert tick > after
    assert matches(schedule, tick)
    first = after - after % MINUTE + MINUTE
    for minute in range(first, min(tick, first + 5 * HOUR), MINUTE):
        assert not matches(schedule, Instant(minute))
