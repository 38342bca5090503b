"""The tree of commands."""

import argparse
import re
from pathlib import Path

import pytest

from indelible import __version__
from indelible.cli.main import main
from indelible.cli.running import dev_config
from indelible.cli.server_commands import add_to
from indelible.engine.visibility.search_attributes import KEYWORD_LIST, TEXT
from indelible.server.config import Durability, Port, ServerConfig
from indelible.server.refusal import StartRefusedError


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
        (["server", "start-dev", "--prot", "1"], "did you mean --port?"),
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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--port", "x"], "x is not a port"),
        (["--port", "70000"], "70000 is not a port"),
        (["--metrics-port=-1"], "-1 is not a port"),
        (["--log-level", "loud"], "loud"),
        (["--headless=perhaps"], "neither true nor false"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["server", "start-dev", *words])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def parsed(*words: str) -> ServerConfig:
    parser = argparse.ArgumentParser()
    add_to(parser.add_subparsers())
    return dev_config(parser.parse_args(["server", "start-dev", *words]))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--search-attribute", "A"], "--search-attribute takes NAME=VALUE"),
        (["--search-attribute", "A=Color"], '"Color" is no type'),
        (["--search-attribute", "WorkflowId=Keyword"], '"WorkflowId" is reserved'),
        (["--dynamic-config-value", "a"], "has the form KEY=JSON"),
        (["--dynamic-config-value", "a=b"], "is not JSON"),
        (["--dynamic-config-value", "limit.blobSize.error=true"], "limit.blobSize.error must be"),
        (["--sqlite-pragma", "x"], "--sqlite-pragma takes NAME=VALUE"),
    ],
)
def test_a_value_that_means_nothing_is_refused(words: list[str], told: str) -> None:
    with pytest.raises(StartRefusedError, match=re.escape(told)):
        parsed(*words)


@pytest.mark.parametrize(
    ("words", "field", "expected"),
    [
        ([], "namespaces", ("default",)),
        (["-n", "b", "--namespace=a", "-n", "default"], "namespaces", ("default", "b", "a")),
        ([], "database", None),
        (["-f", "x.db"], "database", Path("x.db")),
        ([], "durability", Durability.FULL),
        (["--sqlite-pragma", "synchronous=normal"], "durability", Durability.NORMAL),
        (["--sqlite-pragma", "SYNCHRONOUS=2"], "durability", Durability.FULL),
        ([], "metrics_port", Port(number=0)),
        (["--metrics-port", "9"], "metrics_port", Port(number=9)),
        (["-p", "7"], "port", 7),
        ([], "port", 7233),
        (["--ip", "192.0.2.7"], "host", "192.0.2.7"),
        ([], "host", "127.0.0.1"),
        (
            ["--search-attribute", "A=keywordlist", "--search-attribute", "B=Text"],
            "search_attributes",
            {"A": KEYWORD_LIST, "B": TEXT},
        ),
    ],
)
def test_flags_become_configuration(words: list[str], field: str, expected: object) -> None:
    assert getattr(parsed(*words), field) == expected


def test_a_flag_may_be_switched_off() -> None:
    parser = argparse.ArgumentParser()
    add_to(parser.add_subparsers())
    for words, expected in (([], False), (["--headless"], True), (["--headless=false"], False)):
        assert parser.parse_args(["server", "start-dev", *words]).headless is expected
