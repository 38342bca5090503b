"""A world without faults, for scripts that cause exactly one."""

import pytest

from indelible.base.instants import NO_DURATION
from simulation.world.character import CALM, GOOD, Character
from simulation.world.world import World


@pytest.fixture
def quiet_world() -> World:
    return World(
        1,
        Character(
            is_shuffled=False,
            shard_count=1,
            entries_max=1000,
            latency_max=NO_DURATION,
            disk=CALM,
            mischief=GOOD,
            chaos=NO_DURATION,
            crash_count=0,
            takeover_count=0,
            worker_death_count=0,
            worker_count=1,
            chain_count=1,
            is_sticky=False,
            is_eager=False,
            is_versioned=False,
        ),
    )
