"""The character of a run: what can go wrong in it, and how often; drawn from the seed.

Owns that runs differ in kind and not only in luck: some have perfect disks and many crashes, some
have slow disks and no crash at all. A fault that never comes alone hides others.
"""

from dataclasses import dataclass
from random import Random

from indelible.base.instants import MILLISECOND, SECOND, Duration
from indelible.store.faulty import FaultRates


@dataclass(frozen=True, slots=True, kw_only=True)
class Mischief:
    """What workers do wrong, as shares of the tasks that they get."""

    forget: float = 0.0
    late: float = 0.0
    twice: float = 0.0
    fail: float = 0.0
    bad_command: float = 0.0
    drop_poll: float = 0.0
    lose_cache: float = 0.0
    heartbeat: float = 0.0
    """Of workflow tasks that are prolonged by a completion without commands: harmless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """What a run is like."""

    is_shuffled: bool
    shard_count: int
    entries_max: int
    latency_max: Duration
    disk: FaultRates
    mischief: Mischief
    chaos: Duration
    """How long things go wrong."""
    crash_count: int
    takeover_count: int
    worker_death_count: int
    worker_count: int
    chain_count: int
    is_sticky: bool
    is_eager: bool
    is_versioned: bool
    """Whether all workers belong to versions of a deployment."""


def draw_character(chance: Random) -> Character:
    """Draw what a run is like."""

    def maybe(share: float, highest: float) -> float:
        """Return nothing at all in some runs, else up to `highest`."""
        return chance.random() * highest if chance.random() < share else 0.0

    return Character(
        is_shuffled=chance.random() < 0.8,
        shard_count=chance.choice((1, 2, 4)),
        entries_max=chance.choice((1, 2, 1000, 1000)),
        latency_max=Duration(int(chance.choice((0, 1, 20, 400)) * MILLISECOND)),
        disk=FaultRates(
            write_fails_before=maybe(0.5, 0.15),
            write_fails_after=maybe(0.5, 0.15),
            read_fails=maybe(0.4, 0.1),
            write_delay_max=Duration(int(chance.choice((0, 0, 5, 50)) * MILLISECOND)),
            read_delay_max=Duration(int(chance.choice((0, 0, 5, 50)) * MILLISECOND)),
        ),
        mischief=Mischief(
            forget=maybe(0.4, 0.2),
            late=maybe(0.4, 0.2),
            twice=maybe(0.4, 0.3),
            fail=maybe(0.4, 0.2),
            bad_command=maybe(0.3, 0.2),
            drop_poll=maybe(0.3, 0.4),
            lose_cache=maybe(0.3, 0.3),
            heartbeat=maybe(0.4, 0.3),
        ),
        chaos=Duration(chance.choice((5, 10, 20)) * SECOND),
        crash_count=chance.choice((0, 0, 1, 2, 4)),
        takeover_count=chance.choice((0, 0, 0, 1, 2)),
        worker_death_count=chance.choice((0, 0, 1, 3)),
        worker_count=chance.choice((1, 2)),
        chain_count=chance.choice((1, 2, 3)),
        is_sticky=chance.random() < 0.7,
        is_eager=chance.random() < 0.3,
        is_versioned=chance.random() < 0.25,
    )


CALM = FaultRates()
GOOD = Mischief()
