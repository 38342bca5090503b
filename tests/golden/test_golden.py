"""Every scenario leaves the histories that it left on the reference service."""

from pathlib import Path

import pytest

from tests.golden.recording import HISTORIES, difference, record
from tests.golden.scenarios import SCENARIOS
from tests.server_process import ServerProcess, executable_under_test

SCENARIOS_MIN = 100


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_histories_equal_those_of_the_reference(tmp_path: Path) -> None:
    server = ServerProcess(executable=executable_under_test(), log=tmp_path / "log")
    server.start()
    try:
        recorded = await record(await server.connect(), sorted(SCENARIOS), prefix="g")
    finally:
        server.kill()
    told = {name: difference(name, recording) for name, recording in recorded.items()}
    differences = [f"=== {name}\n{text}" for name, text in told.items() if text]
    assert not differences, "\n".join(differences)


def test_each_scenario_has_its_golden_history_and_no_other() -> None:
    assert {path.stem for path in HISTORIES.glob("*.json")} == set(SCENARIOS)
    assert len(SCENARIOS) >= SCENARIOS_MIN
