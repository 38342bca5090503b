"""Presets among the typed words: what outdoes what."""

from pathlib import Path

import pytest

from indelible.cli.environments import with_presets
from indelible.cli.parsing import options_of
from indelible.cli.tables.registry import command_at
from indelible.cli.values import ValueRefusedError

_FILE = """\
env:
  default: {limit: 1, unknown: 2}
  shop:
    address: till:7233
    limit: 5
    tls: true
  batch: {workflow-id: one, headers: 'a="b"'}
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "temporal.yaml"
    path.write_text(_FILE)
    return {"TEMPORAL_ENV_FILE": str(path)}


@pytest.mark.parametrize(
    ("path", "words", "more", "presets"),
    [
        ("workflow list", [], {}, ["--limit=1"]),
        ("workflow list", ["--limit", "9"], {}, []),
        ("workflow list", ["--limit=9"], {}, []),
        ("workflow count", [], {}, []),
        (
            "workflow list",
            ["--env", "shop"],
            {},
            ["--limit=5", "--address=till:7233", "--tls=true"],
        ),
        (
            "workflow list",
            ["--env=shop", "--tls"],
            {"TEMPORAL_ADDRESS": "door:7233"},
            ["--limit=5"],
        ),
        (
            "workflow list",
            ["--env=shop", "--disable-config-env"],
            {"TEMPORAL_ADDRESS": "door:7233"},
            ["--limit=5", "--address=till:7233", "--tls=true"],
        ),
        (
            "workflow list",
            [],
            {"TEMPORAL_ENV": "shop"},
            ["--limit=5", "--address=till:7233", "--tls=true"],
        ),
        ("workflow list", ["--env", "default"], {"TEMPORAL_ENV": "shop"}, ["--limit=1"]),
        ("workflow signal", ["--env", "batch", "-wtwo", "--headers", "c=1"], {}, []),
        ("workflow describe", ["--env", "batch"], {}, ["--workflow-id=one"]),
    ],
)
def test_presets_stand_before_what_outdoes_them(
    path: str,
    words: list[str],
    more: dict[str, str],
    presets: list[str],
    environment: dict[str, str],
) -> None:
    command = command_at(tuple(path.split()))
    assert command is not None
    found = with_presets(command, options_of(command), words, {**environment, **more})
    assert found == [*presets, *words]


def test_a_variable_that_outdoes_a_preset_is_told(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    command = command_at(("workflow", "list"))
    assert command is not None
    with_presets(
        command, options_of(command), ["--env=shop"], {**environment, "TEMPORAL_TLS": "false"}
    )
    assert "TEMPORAL_TLS outdoes the preset of --tls" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("env: 1", "is not a file of environments"),
        ("env: {a: {b: [1]}}", "is not a file of environments"),
        ("env: {", "is not a file of environments"),
        ("", 'no environment "shop"'),
    ],
)
def test_a_file_that_cannot_help_is_named(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "temporal.yaml"
    path.write_text(text)
    command = command_at(("workflow", "list"))
    assert command is not None
    words = ["--env", "shop", "--env-file", str(path)]
    with pytest.raises(ValueRefusedError, match=told):
        with_presets(command, options_of(command), words, {})
