"""RFC 3339, against the standard library."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st

from indelible.base.instants import Instant
from indelible.engine.visibility.datetimes import format_rfc3339, parse_rfc3339

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Where nanoseconds since the epoch fit in 64 bits.
WITHIN_64_BITS = st.datetimes(
    min_value=datetime(1678, 1, 1),  # noqa: DTZ001 - the offset comes beside it
    max_value=datetime(2262, 1, 1),  # noqa: DTZ001
)
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(WITHIN_64_BITS, OFFSETS)
def test_it_agrees_with_the_standard_library(moment: datetime, offset: timezone) -> None:
    moment = moment.replace(tzinfo=offset)
    expected = (moment - EPOCH) // timedelta(microseconds=1) * 1_000
    assert parse_rfc3339(moment.isoformat()) == expected


@given(st.integers(-(2**62), 2**62).map(Instant))
def test_what_is_written_is_read_again(instant: Instant) -> None:
    assert parse_rfc3339(format_rfc3339(instant)) == instant


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01.000000001z", 1_000_000_001),
        ("2024-02-29T23:59:59.5Z", 1_709_251_199_500_000_000),
        ("1969-12-31T23:59:59Z", -1_000_000_000),
    ],
)
def test_examples(text: str, instant: int) -> None:
    assert parse_rfc3339(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2024-01-01", "2024-01-01T00:00:00", "2024-1-1T00:00:00Z"),
        *("2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z"),
        *("2024-01-32T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z"),
        *("2024-01-01T00:00:60Z", "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00+00:60"),
        *("9999-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2024-01-01T00:00:00Z "),
        *("\u0662024-01-01T00:00:00Z", "2024-01-01 00:00:00Z"),
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert parse_rfc3339(text) is None
