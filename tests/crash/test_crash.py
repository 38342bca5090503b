"""The short crash test of the normal run; `make crash` does twenty rounds."""

from pathlib import Path

import pytest

from tests.crash.rounds import run_rounds
from tests.server_process import executable_under_test

pytestmark = [pytest.mark.sdk, pytest.mark.slow]


@pytest.mark.timeout(120)
async def test_nothing_acknowledged_is_lost_by_kill_nine(tmp_path: Path) -> None:
    report = await run_rounds(executable_under_test(), folder=tmp_path, rounds=4, seed=7)
    assert not report.violations, str(report)
    assert report.starts > 0
    assert report.signals > 0
    assert report.completions > 0
    assert report.replayed > 0


@pytest.mark.timeout(120)
async def test_a_server_that_forgets_is_found_out(tmp_path: Path) -> None:
    """Without a data file everything is lost: the test above can fail."""
    report = await run_rounds(
        executable_under_test(), folder=tmp_path, rounds=1, seed=7, durable=False
    )
    assert any("start was acknowledged" in violation for violation in report.violations)
