"""The life of a connection, second by second: what is due, and when."""

import pytest

from indelible.wire.grpc.upkeep import Step, Upkeep

BUSY = {"was_heard": True, "is_ready": True, "is_idle": False, "is_over": False}
IDLE = BUSY | {"is_idle": True}
SILENT = BUSY | {"was_heard": False}
STRANGER = IDLE | {"is_ready": False}
OVER = BUSY | {"is_over": True}


def steps(*phases: tuple[dict[str, bool], int], spread: int = 0) -> list[tuple[int, Step]]:
    """What is due when a connection is so for so many seconds, then otherwise."""
    upkeep = Upkeep(spread)
    due: list[tuple[int, Step]] = []
    second = 0
    for state, count in phases:
        for _ in range(count):
            second += 1
            step = upkeep.beat(**state)
            if step is not Step.NOTHING:
                due.append((second, step))
            if step in (Step.FAIL, Step.ABORT):
                return due
    return due


@pytest.mark.parametrize(
    ("phases", "due"),
    [
        # Silence: a ping after a minute, the end ten seconds later unless something is heard.
        ([(SILENT, 200)], [(60, Step.PING), (70, Step.FAIL)]),
        ([(SILENT, 65), (BUSY, 1), (SILENT, 59)], [(60, Step.PING)]),
        ([(SILENT, 65), (BUSY, 1), (SILENT, 60)], [(60, Step.PING), (126, Step.PING)]),
        # No calls for two minutes.
        ([(IDLE, 119), (BUSY, 1), (IDLE, 119)], []),
        ([(IDLE, 120)], [(120, Step.LEAVE)]),
        # An age of five minutes, and the longest long poll after that.
        ([(BUSY, 299)], []),
        ([(BUSY, 400)], [(300, Step.LEAVE), (370, Step.FAIL)]),
        # Whoever does not introduce itself.
        ([(STRANGER, 19), (BUSY, 100)], []),
        ([(STRANGER, 20)], [(20, Step.FAIL)]),
        # A peer that does not read the last bytes.
        ([(OVER, 100)], [(6, Step.ABORT)]),
    ],
)
def test_what_is_due(
    phases: list[tuple[dict[str, bool], int]], due: list[tuple[int, Step]]
) -> None:
    assert steps(*phases) == due


def test_a_fleet_does_not_come_back_at_once() -> None:
    ages = {steps((BUSY, 400), spread=port)[0][0] for port in range(40_000, 40_100)}
    assert ages == set(range(300, 330))
