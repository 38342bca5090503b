"""Histories that are kept as files say what they said as a server's."""

from collections.abc import Callable
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from tests.cli.stage import Ran

NAMESPACE = "replay-check"

pytestmark = pytest.mark.slow


def test_a_saved_set_replays_without_a_server(
    run: Callable[[list[str], str], Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = "workflow execute --type Greeting --task-queue stage --workflow-id kept"
    assert run([*start.split(), "--input", '"Ada"', "-o", "none"], NAMESPACE)[0] == 0
    folder = str(tmp_path / "set")
    words = ["replay-check", "tests.cli.stage:Greeting"]
    code, live, _ = run([*words, "--workflow-id", "kept", "--save", folder], NAMESPACE)
    assert code == 0
    (file,) = Path(folder).iterdir()
    assert WorkflowHistory.from_json("kept", file.read_text()).events
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    for source in (folder, str(file)):
        code, kept, _ = run([*words, "--from-file", source], NAMESPACE)
        assert code == 0
        assert kept == live.replace("replays      kept ", f"replays      {file.stem} ")
    code, kept, _ = run(["replay-check", "tests.cli.tomorrow", "--from-file", folder], NAMESPACE)
    assert code == 1
    assert "at event 5, ActivityTaskScheduled" in kept


def test_a_file_that_is_no_history_is_said(
    run: Callable[[list[str], str], Ran], tmp_path: Path
) -> None:
    path = tmp_path / "file.json"
    for text in ("no JSON", "{}", '{"events": []}', '{"events": [{"eventId": "1"}]}'):
        path.write_text(text)
        code, _, told = run(
            ["replay-check", "tests.cli.stage", "--from-file", str(path)], NAMESPACE
        )
        assert (code, "history" in told) == (1, True), told
