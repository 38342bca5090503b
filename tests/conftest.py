"""What every test shares: hypothesis profiles, and markers that follow from where a test lies.

Owns nothing that a test asks for by name; fixtures live beside the tests that use them.
"""

import os
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings

POSTGRES_URL_VARIABLE: Final = "INDELIBLE_TEST_POSTGRES_URL"
_TESTS: Final = Path(__file__).parent

# A shared machine makes deadlines lie, so examples have none; the test as a whole has a timeout.
settings.register_profile("dev", deadline=None, max_examples=50)
# The gate must say the same thing twice: no chance, no memory of earlier runs.
settings.register_profile(
    "ci", deadline=None, max_examples=100, derandomize=True, database=None, print_blob=True
)
# New ground every night, and many more steps of each state machine.
settings.register_profile(
    "nightly",
    deadline=None,
    max_examples=10_000,
    stateful_step_count=200,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by folder, so that no test forgets its marker, and skip what this machine cannot run."""
    for item in items:
        folder = item.path.relative_to(_TESTS).parts[0] if item.path.is_relative_to(_TESTS) else ""
        if folder in {"sdk", "simulation"}:
            item.add_marker(folder)
        if item.get_closest_marker("postgres") and not os.environ.get(POSTGRES_URL_VARIABLE):
            item.add_marker(pytest.mark.skip(reason=f"{POSTGRES_URL_VARIABLE} is not set"))
