"""When a breaker lets calls through."""

from typing import Final

import pytest

from indelible.base.circuit_breaker import (
    TRIAL_PAUSE,
    Admission,
    BreakerSettings,
    CircuitBreaker,
)
from indelible.base.instants import MINUTE, SECOND, Duration, Instant

USUAL: Final = BreakerSettings()
DOWN: Final = "x" * 6
"""As many failures in a row as open a breaker."""


def lived(script: str, settings: BreakerSettings = USUAL) -> tuple[CircuitBreaker, Instant]:
    """Return a breaker with a life behind it.

    A call fails (`x`), succeeds (`.`), begins and does not end (`>`), or is refused (`!`); a
    number is that of seconds that pass.
    """
    now = Instant(1_000 * SECOND)
    breaker = CircuitBreaker(now)
    for word in script.replace("x", " x ").replace(".", " . ").split():
        if word.isdigit():
            now = Instant(now + int(word) * SECOND)
            continue
        admission = breaker.admit(now, settings)
        assert isinstance(admission, Admission) is (word != "!"), script
        if isinstance(admission, Admission) and word != ">":
            breaker.give_back(admission, now, settings, is_down=word == "x")
    return breaker, now


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ("", "closed"),
        ("xxxxx", "closed"),
        ("xxxxx.xxxxx", "closed"),
        (DOWN, "open"),
        (f"{DOWN} 59 !", "open"),
        (f"{DOWN} 60", "half-open"),
        (f"{DOWN} 60 x", "open"),
        (f"{DOWN} 60 x 59 ! 1 .", "closed"),
        (f"{DOWN} 60 .", "closed"),
        (f"{DOWN} 60 . xxxxx", "closed"),
        (f"{DOWN} 60 > !", "half-open"),
        ("xxxxx 9999 x", "open"),
    ],
)
def test_the_life_of_a_breaker(script: str, state: str) -> None:
    breaker, now = lived(script)
    assert breaker.state(now, USUAL).value == state


@pytest.mark.parametrize(
    ("script", "state"),
    [
        (f"{DOWN} 5 > > !", "half-open"),
        (f"{DOWN} 5 . ", "half-open"),
        (f"{DOWN} 5 . .", "closed"),
        (f"{DOWN} 5 . x", "open"),
        ("xxxxx 10 xxxxx", "closed"),
        ("xxxxx 9 x", "open"),
    ],
)
def test_what_an_operator_may_choose(script: str, state: str) -> None:
    chosen = BreakerSettings(2, Duration(10 * SECOND), Duration(5 * SECOND))
    breaker, now = lived(script, chosen)
    assert breaker.state(now, chosen).value == state


@pytest.mark.parametrize(
    ("script", "pause"),
    [(DOWN, MINUTE), (f"{DOWN} 59", SECOND), (f"{DOWN} 60 >", TRIAL_PAUSE)],
)
def test_who_is_refused_hears_when_to_ask_again(script: str, pause: Duration) -> None:
    breaker, now = lived(script)
    assert breaker.admit(now, USUAL) == pause


def test_the_end_of_a_call_from_before_says_nothing() -> None:
    breaker, now = lived("xxxxx")
    early = breaker.admit(now, USUAL)
    assert isinstance(early, Admission)
    late = breaker.admit(now, USUAL)
    assert isinstance(late, Admission)
    breaker.give_back(late, now, USUAL, is_down=True)
    breaker.give_back(early, now, USUAL, is_down=False)
    assert breaker.state(now, USUAL).value == "open"


@pytest.mark.parametrize(("script", "is_fresh"), [("x", False), ("x.", True), (DOWN, False)])
def test_a_breaker_without_failures_may_be_forgotten(script: str, is_fresh: bool) -> None:
    breaker, _ = lived(script)
    assert breaker.is_fresh is is_fresh
