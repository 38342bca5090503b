"""Specifications of schedules: what each text becomes, and what is refused."""

import pytest
from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.schedule.v1 import (
    CalendarSpec,
    IntervalSpec,
    Range,
    ScheduleSpec,
    StructuredCalendarSpec,
)

from indelible.base.time_zones import UTC_ONLY, TimeZones
from indelible.engine.schedule.fields import CALENDAR_FIELDS, InvalidSpecError, parse_field
from indelible.engine.schedule.spec import canonical_spec, write_out_ranges
from indelible.engine.schedule.zones import check_possible, compile_spec
from indelible.runtime.time_zones import TIME_ZONES

FIELDS = {field.attribute: field for field in CALENDAR_FIELDS}


def shown(ranges: list[Range]) -> str:
    return " ".join(f"{one.start}-{one.end}/{one.step}" for one in ranges)


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("minute", "", "0-0/0"),
        ("minute", "*", "0-59/0"),
        ("minute", "7", "7-0/0"),
        ("minute", " 7 ", "7-0/0"),
        ("minute", "1-5", "1-5/0"),
        ("minute", "1-5/2", "1-5/2"),
        ("minute", "3/5", "3-59/5"),
        ("minute", "*/15", "0-59/15"),
        ("minute", "*/1", "0-59/0"),
        ("minute", "1-5/2,8,10-11", "1-5/2 8-0/0 10-11/0"),
        ("month", "*", "1-12/0"),
        ("month", "jan-mar,OCTO", "1-3/0 10-0/0"),
        ("day_of_week", "*", "0-6/0"),
        ("day_of_week", "mo-Friday", "1-5/0"),
        ("day_of_week", "7", "0-0/0"),
        ("day_of_week", "0-7", "0-6/0"),
        ("day_of_week", "1-7", "1-6/0"),
        ("day_of_week", "3-7", "0-0/0 3-6/0"),
        ("day_of_week", "3-7/3", "3-6/3"),
        ("day_of_week", "1-7/2", "0-0/0 1-6/2"),
        ("year", "", ""),
        ("year", "*", ""),
        ("year", "2026-2030/2", "2026-2030/2"),
        ("year", "*/10", "2000-2100/10"),
    ],
)
def test_a_field_becomes_ranges(field: str, text: str, expected: str) -> None:
    assert shown(parse_field(text, FIELDS[field])) == expected


@pytest.mark.parametrize(
    ("field", "text", "fault"),
    [
        ("minute", "60", "Minute is not in range [0-59]"),
        ("minute", "x", "Minute is not in range [0-59]"),
        ("minute", "1,", "Minute is not in range [0-59]"),
        ("minute", "5-3", "Minute End is before Start or not in range [0-59]"),
        ("minute", "5-77", "Minute End is before Start or not in range [0-59]"),
        ("minute", "77-78", "Minute Start is not in range [0-59]"),
        ("minute", "1-2-3", "Minute has too many dashes"),
        ("minute", "1/2/3", "Minute has too many slashes"),
        ("minute", "5/", "Minute missing step value"),
        ("minute", "5/0", "Minute has invalid Step"),
        ("minute", "5/x", "Minute has invalid Step"),
        ("minute", "5/99999999999999999999", "Minute has invalid Step"),
        ("month", "ja", "Month is not in range [1-12]"),
        ("day_of_week", "m", "DayOfWeek is not in range [0-7]"),
        ("year", "1999", "Year is not in range [2000-2100]"),
        ("hour", "\u0663", "Hour is not in range [0-23]"),
    ],
)
def test_a_field_is_refused(field: str, text: str, fault: str) -> None:
    with pytest.raises(InvalidSpecError) as refusal:
        parse_field(text, FIELDS[field])
    assert str(refusal.value) == fault


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 12 * * MON", "0 0 12 1-31 1-12  1"),
        ("30 4 1,15 * 5", "0 30 4 1,15 1-12  5"),
        ("0 0 1 1 * 2027", "0 0 0 1 1 2027 0-6"),
        ("5 0 12 * * * *", "5 0 12 1-31 1-12  0-6"),
        ("@yearly", "0 0 0 1 1  0-6"),
        ("@annually", "0 0 0 1 1  0-6"),
        ("@monthly", "0 0 0 1 1-12  0-6"),
        ("@weekly", "0 0 0 1-31 1-12  0"),
        ("@daily", "0 0 0 1-31 1-12  0-6"),
        ("@midnight", "0 0 0 1-31 1-12  0-6"),
        ("@hourly # on the hour", "0 0 0-23 1-31 1-12  0-6 on the hour"),
    ],
)
def test_a_cron_string_becomes_a_calendar(cron: str, expected: str) -> None:
    calendar = canonical_spec(ScheduleSpec(cron_string=[cron])).structured_calendar[0]
    parts = [
        ",".join(
            f"{one.start}-{one.end}" if one.end else f"{one.start}"
            for one in getattr(calendar, name)
        )
        for name in ("second", "minute", "hour", "day_of_month", "month", "year", "day_of_week")
    ]
    assert " ".join([*parts, calendar.comment]).rstrip() == expected


@pytest.mark.parametrize(
    ("cron", "interval", "phase"),
    [
        ("@every 90s", 90, 0),
        ("@every 14h/3h", 14 * 3600, 3 * 3600),
        ("@every 1d12h", 36 * 3600, 0),
        ("CRON_TZ=Europe/Berlin @every 1.5m", 90, 0),
    ],
)
def test_a_cron_string_becomes_an_interval(cron: str, interval: int, phase: int) -> None:
    spec = canonical_spec(ScheduleSpec(cron_string=[cron]))
    assert not spec.structured_calendar
    assert not spec.cron_string
    assert (spec.interval[0].interval.seconds, spec.interval[0].phase.seconds) == (interval, phase)
    assert not spec.timezone_name


def test_calendars_of_texts_are_kept_in_structured_form_only() -> None:
    spec = canonical_spec(
        ScheduleSpec(
            calendar=[CalendarSpec(hour="9", comment="morning")],
            exclude_calendar=[CalendarSpec(day_of_week="6,7", hour="*", minute="*")],
            cron_string=["TZ=Asia/Tokyo 0 9 * * *", "CRON_TZ=Asia/Tokyo 0 18 * * *"],
        )
    )
    assert not spec.calendar
    assert not spec.exclude_calendar
    assert len(spec.structured_calendar) == 3
    assert spec.structured_calendar[0].comment == "morning"
    assert shown(list(spec.exclude_structured_calendar[0].day_of_week)) == "6-0/0 0-0/0"
    assert spec.timezone_name == "Asia/Tokyo"
    assert canonical_spec(spec) == spec


def test_ranges_are_written_out_for_clients() -> None:
    spec = ScheduleSpec(
        structured_calendar=[
            StructuredCalendarSpec(second=[Range(start=3), Range(start=4, end=9, step=2)])
        ],
        exclude_structured_calendar=[StructuredCalendarSpec(year=[Range(start=2050)])],
    )
    write_out_ranges(spec)
    assert shown(list(spec.structured_calendar[0].second)) == "3-3/1 4-9/2"
    assert shown(list(spec.exclude_structured_calendar[0].year)) == "2050-2050/1"


def interval(seconds: float, phase: float = 0) -> IntervalSpec:
    def message(value: float) -> DurationMessage:
        return DurationMessage(seconds=int(value), nanos=round((value - int(value)) * 1e9))

    return IntervalSpec(interval=message(seconds), phase=message(phase))


def calendar(**ranges: tuple[int, int, int]) -> StructuredCalendarSpec:
    structured = StructuredCalendarSpec()
    for name, (start, end, step) in ranges.items():
        getattr(structured, name).append(Range(start=start, end=end, step=step))
    return structured


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        (ScheduleSpec(cron_string=["* * * *"]), "CronString does not have 5-7 fields"),
        (ScheduleSpec(cron_string=["* * * * * * * *"]), "CronString does not have 5-7 fields"),
        (ScheduleSpec(cron_string=["@often"]), "CronString does not have 5-7 fields"),
        (ScheduleSpec(cron_string=["@every"]), "CronString does not have interval after @every"),
        (ScheduleSpec(cron_string=["@every soon"]), 'time: invalid duration "soon"'),
        (ScheduleSpec(cron_string=["@every 0s"]), "interval is too small"),
        (ScheduleSpec(cron_string=["@every 1h/2h"]), "phase cannot be greater than Interval"),
        (
            ScheduleSpec(cron_string=["TZ=UTC"]),
            "CronString has time zone but missing fields",
        ),
        (
            ScheduleSpec(cron_string=["TZ=Asia/Tokyo 0 9 * * *", "0 9 * * *"]),
            "conflicting timezone names",
        ),
        (
            ScheduleSpec(cron_string=["TZ=Asia/Tokyo 0 9 * * *"], timezone_name="UTC"),
            "conflicting timezone names",
        ),
        (
            ScheduleSpec(cron_string=["TZ=Asia/Tokyo 0 9 * * *"], timezone_data=b"x"),
            "conflicting timezone names",
        ),
        (ScheduleSpec(interval=[interval(0.5)]), "interval is too small"),
        (ScheduleSpec(interval=[interval(60, -1)]), "phase is negative"),
        (ScheduleSpec(interval=[interval(60, 60)]), "phase cannot be greater than Interval"),
        (
            ScheduleSpec(interval=[interval(400_000_000_000)]),
            "interval is not a valid duration",
        ),
        (ScheduleSpec(jitter=DurationMessage(seconds=-1)), "jitter is negative"),
        (
            ScheduleSpec(
                calendar=[CalendarSpec(hour="25", minute="70", comment="both faults are told")]
            ),
            "Minute is not in range [0-59], Hour is not in range [0-23]",
        ),
        (
            ScheduleSpec(structured_calendar=[calendar(hour=(24, 0, 0), day_of_week=(7, 0, 0))]),
            (
                "invalid calendar spec: Hour Start is not in range [0-23], "
                "DayOfWeek Start is not in range [0-6]"
            ),
        ),
        (
            ScheduleSpec(exclude_structured_calendar=[calendar(month=(5, 3, 0))]),
            "invalid calendar spec: Month End is before Start or not in range [1-12]",
        ),
        (
            ScheduleSpec(structured_calendar=[calendar(second=(1, 5, -2))]),
            "invalid calendar spec: Second has invalid Step",
        ),
        (
            ScheduleSpec(structured_calendar=[StructuredCalendarSpec(comment="x" * 201)]),
            "invalid calendar spec: comment is too long",
        ),
    ],
)
def test_a_specification_is_refused(spec: ScheduleSpec, fault: str) -> None:
    with pytest.raises(InvalidSpecError) as refusal:
        canonical_spec(spec)
    assert str(refusal.value) == fault


@pytest.mark.parametrize(
    ("spec", "zones", "fault"),
    [
        (ScheduleSpec(timezone_name="Mars/Olympus"), TIME_ZONES, "unknown time zone Mars/Olympus"),
        (
            ScheduleSpec(timezone_name="../etc/passwd"),
            TIME_ZONES,
            "unknown time zone ../etc/passwd",
        ),
        (ScheduleSpec(timezone_name="Asia/Tokyo"), UTC_ONLY, "unknown time zone Asia/Tokyo"),
        (ScheduleSpec(timezone_data=b"TZif"), TIME_ZONES, "malformed time zone information"),
        (ScheduleSpec(timezone_data=b"none"), TIME_ZONES, "malformed time zone information"),
    ],
)
def test_a_zone_is_refused(spec: ScheduleSpec, zones: TimeZones, fault: str) -> None:
    with pytest.raises(InvalidSpecError) as refusal:
        compile_spec(spec, zones)
    assert str(refusal.value) == fault


FULL = {
    "second": (0, 59, 0),
    "minute": (0, 59, 0),
    "hour": (0, 23, 0),
}


@pytest.mark.parametrize(
    "spec",
    [
        ScheduleSpec(cron_string=["0 0 30 2 *"]),
        ScheduleSpec(cron_string=["0 0 31 4,6,9,11 *"]),
        ScheduleSpec(cron_string=["@daily"], exclude_structured_calendar=[calendar(**FULL)]),
        ScheduleSpec(
            interval=[interval(1)],
            exclude_structured_calendar=[
                calendar(**{**FULL, "second": (0, 58, 2)}),
                calendar(**{**FULL, "second": (1, 59, 2)}),
            ],
        ),
        # The search gives up: every single time of decades is excluded one by one.
        ScheduleSpec(
            interval=[interval(3600)],
            exclude_structured_calendar=[calendar(hour=(0, 23, 0))],
        ),
    ],
)
def test_an_impossible_specification_is_refused(spec: ScheduleSpec) -> None:
    times = compile_spec(canonical_spec(spec), UTC_ONLY)
    with pytest.raises(InvalidSpecError):
        check_possible(times)


@pytest.mark.parametrize(
    "spec",
    [
        ScheduleSpec(),
        ScheduleSpec(cron_string=["0 0 29 2 *"]),
        ScheduleSpec(cron_string=["0 0 29 2 1"]),
        ScheduleSpec(cron_string=["0 0 1 1 * 2001"]),
        ScheduleSpec(
            cron_string=["* * * * *"],
            exclude_structured_calendar=[calendar(**FULL, year=(2000, 2099, 0))],
        ),
    ],
)
def test_a_rare_specification_is_accepted(spec: ScheduleSpec) -> None:
    check_possible(compile_spec(canonical_spec(spec), UTC_ONLY))
