"""Instants and durations, and their messages."""

from google.protobuf.duration_pb2 import Duration as DurationMessage
from hypothesis import given, strategies as st

from indelible.base.instants import (
    DURATION_MAX,
    NEVER,
    Duration,
    Instant,
    after,
    duration,
    duration_message,
    elapsed,
    in_seconds,
    instant,
    seconds,
    timestamp,
)

INSTANTS = st.integers(0, 9_000_000_000_000_000_000).map(Instant)
DURATIONS = st.integers(0, DURATION_MAX).map(Duration)


@given(INSTANTS)
def test_instants_survive_the_message(at: Instant) -> None:
    assert instant(timestamp(at)) == at


@given(DURATIONS)
def test_durations_survive_the_message(span: Duration) -> None:
    assert duration(duration_message(span)) == span


@given(INSTANTS, DURATIONS)
def test_what_is_added_has_elapsed(at: Instant, span: Duration) -> None:
    assert elapsed(at, after(at, span)) == span
    assert elapsed(after(at, span), at) == 0


def test_absurd_durations_are_capped_but_stay_negative() -> None:
    assert duration(DurationMessage(seconds=2**62)) == DURATION_MAX
    assert duration(DurationMessage(seconds=-5)) == seconds(-5)
    assert in_seconds(seconds(2.5)) == 2.5


def test_an_absent_time_is_never() -> None:
    assert instant(timestamp(NEVER)) == NEVER
