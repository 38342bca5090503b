"""A few hundred short runs. A failing one is repeated with `make simulate SEED=n`."""

import pytest

from simulation.runs import simulate

pytestmark = pytest.mark.simulation

SEEDS_PER_TEST = 20
TESTS = 15


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1, TESTS * SEEDS_PER_TEST, SEEDS_PER_TEST))
def test_invariants_hold(first: int) -> None:
    for seed in range(first, first + SEEDS_PER_TEST):
        verdict = simulate(seed)
        broken = [f"{one.invariant}: {one.what}" for one in verdict.failures]
        assert not broken, "\n".join(
            [f"make simulate SEED={seed}", *broken, *verdict.trace[-40:], *verdict.histories]
        )
