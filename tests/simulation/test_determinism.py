"""The same seed gives the same run: in one process, and under two ways to hash."""

import os
import re
import subprocess
import sys

import pytest

from simulation.runs import simulate

pytestmark = pytest.mark.simulation

SEEDS = "11"
COUNT = "12"


def test_a_seed_repeats_its_run() -> None:
    assert simulate(3).digest == simulate(3).digest


def test_seeds_differ() -> None:
    assert simulate(3).digest != simulate(4).digest


@pytest.mark.slow
def test_hashing_changes_nothing() -> None:
    assert digests("0") == digests("4711")


def digests(hash_seed: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "simulation", "--seed", SEEDS, "--count", COUNT],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.findall(r"^seed (\d+ \w+ \w+)", done.stdout, re.MULTILINE)
    assert len(found) == int(COUNT), done.stdout[-4000:] + done.stderr
    return found
