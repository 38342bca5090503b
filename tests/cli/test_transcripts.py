"""Every command against a running server: what it prints, and how it ends."""

from collections.abc import Callable
from pathlib import Path

import pytest

from indelible.cli.tables.registry import groups
from tests.cli.stage import TRANSCRIPTS, Ran, played

_FILES = sorted(TRANSCRIPTS.glob("*.txt"))


@pytest.mark.slow
@pytest.mark.parametrize("path", _FILES, ids=[path.stem for path in _FILES])
def test_transcript(path: Path, run: Callable[[list[str], str], Ran]) -> None:
    found, expected = played(path, run)
    assert found == expected


def test_every_command_is_in_a_transcript() -> None:
    lines = [line for path in _FILES for line in path.read_text().splitlines()]
    typed = {line for line in lines if line.startswith("$ ")}
    commands = [" ".join(command.path) for table in groups() for command in table.commands]
    assert [one for one in commands if not any(f"{one} " in f"{line} " for line in typed)] == []
