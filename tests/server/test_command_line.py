"""The tree of commands."""

import pytest

from indelible import __version__
from indelible.cli.main import main


@pytest.mark.parametrize("words", [["version"], ["--version"], ["-v"]])
def test_the_version_is_told(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(words)
    except SystemExit as ended:
        code = ended.code
    assert code == 0
    assert capsys.readouterr().out.startswith(f"indelible {__version__}")


@pytest.mark.parametrize("words", [[], ["server"]])
def test_a_group_alone_shows_its_commands(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert "commands" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["version", "--verbos"], "indelible version: --verbos is not known here"),
        (["server", "start", "--dta", "x"], "did you mean --data?"),
        (["server", "start-dev", "extra"], "extra is not known here"),
    ],
)
def test_an_unknown_word_is_named(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert told in capsys.readouterr().err


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve"])
    assert ended.value.code == 2
    assert "serve" in capsys.readouterr().err
