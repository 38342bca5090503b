"""The check of the official command line: its judgement, its page, a handful of its commands."""

import os
from pathlib import Path

import pytest

from scripts.cli_check.checking import subcommand
from scripts.cli_check.deliberate import DELIBERATE, NOT_BUILT
from scripts.cli_check.differing import differences
from scripts.cli_check.normal import Json, in_order, normal, normal_lines, parsed
from scripts.cli_check.page import PAGE, renewed
from scripts.cli_check.scenarios import SCENARIOS
from scripts.cli_check.sides import side
from scripts.cli_check.steps import step
from tests.server_process import INDELIBLE

OFFICIAL_CLI = os.environ.get("INDELIBLE_OFFICIAL_CLI", "")
UUID = "0123abcd-0123-4abc-8abc-0123456789ab"


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["/a: ours 1, reference 2"]),
        ({}, {"a": {"b": 1}}, ['/a: ours nothing, reference {"b": 1}']),
        ({"a": None}, {}, ["/a: ours null, reference nothing"]),
        ({"a": True}, {"a": 1}, ["/a: ours true, reference 1"]),
        ([{"a": 1}], [{"a": "1"}], ['/*/a: ours 1, reference "1"']),
        ([1], [1, 2], ["/: ours [1], reference [1, 2]"]),
    ],
)
def test_every_place_that_differs_is_told(ours: Json, theirs: Json, expected: list[str]) -> None:
    assert [str(one) for one in differences(ours, theirs)] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"taskId": "1048", "a": 1}, {"taskId": "<text by chance>", "a": 1}),
        ({"token": None}, {"token": None}),
        ({UUID: {"id": UUID}}, {"<id>": {"id": "<id>"}}),
        ("2030-01-01T00:00:00.123Z", "<time>"),
        ("at 127.0.0.1:7233", "at <address>"),
        ("run-of-mine is known", "<mine> is known"),
        ({"coreUsedFlags": [3, 1]}, {"coreUsedFlags": [1, 3]}),
        ({"groups": [{"a": 2}, {"a": 1}]}, {"groups": [{"a": 1}, {"a": 2}]}),
        ([{"a": 2}, {"a": 1}], [{"a": 2}, {"a": 1}]),
        ("no such name\nat column 1 of the query:\n  x\n  ^", "no such name"),
    ],
)
def test_chance_is_taken_out_and_nothing_else(value: Json, expected: Json) -> None:
    assert normal(value, {"run-of-mine": "mine"}) == expected


def test_lines_lose_their_layout_and_their_ages() -> None:
    assert normal_lines("  Name   Age\n\n  a  3 minutes ago\n", {}) == ["Name Age", "a <age>"]


def test_several_documents_are_a_list() -> None:
    assert parsed('{"a": 1}\n{"a": 2}\n') == [{"a": 1}, {"a": 2}]
    assert in_order([{"a": 2}, {"a": 1}]) == [{"a": 1}, {"a": 2}]
    with pytest.raises(ValueError, match="Expecting value"):
        parsed("no JSON")


def test_a_command_counts_for_the_longest_name_that_it_begins_with() -> None:
    known = {"workflow reset", "workflow reset with-workflow-update-options"}
    assert subcommand(step("workflow reset -w a"), known) == "workflow reset"
    longer = "workflow reset with-workflow-update-options"
    assert subcommand(step(f"{longer} -w a"), known) == longer
    assert not subcommand(step("workflow"), known)


def test_names_of_scenarios_are_unique() -> None:
    names = [one.name for one in SCENARIOS]
    assert len(set(names)) == len(names)


def test_every_entry_of_the_lists_has_its_own_place() -> None:
    entries = [(one.commands, one.path) for one in (*DELIBERATE, *NOT_BUILT)]
    assert len(set(entries)) == len(entries)


def test_the_page_shows_the_lists() -> None:
    assert PAGE.read_text() == renewed(PAGE.read_text())


@pytest.mark.slow
@pytest.mark.skipif(not OFFICIAL_CLI, reason="INDELIBLE_OFFICIAL_CLI names no executable")
async def test_the_official_command_line_works_against_ours(tmp_path: Path) -> None:
    commands = (
        "operator cluster health",
        "workflow start -w h-1 --type Waiting -t cli -i '\"you\"'",
        "workflow update execute -w h-1 --name add -i '\"one\"'",
        "workflow query -w h-1 --name notes",
        "workflow signal -w h-1 --name note -i '\"stop\"'",
        "workflow result -w h-1",
        "workflow describe -w h-1",
        "workflow describe -w missing",
    )
    cli = Path(OFFICIAL_CLI).resolve()
    async with side(INDELIBLE, cli=cli, folder=tmp_path / "ours") as ours:
        answers = [await ours.run(command, is_text=False) for command in commands]
    assert [one.code for one in answers] == [0, 0, 0, 0, 0, 0, 0, 1]
    assert parsed(answers[3].output) == {"queryResult": [["one"]]}
    assert "workflow not found" in answers[-1].error
