"""The tables are whole: what they name exists, and what is made from them is up to date."""

import importlib

import pytest

from indelible.cli.parsing import command_parser
from indelible.cli.tables.model import Command, Group
from indelible.cli.tables.registry import SUMMARIES, group, groups, located
from scripts.cli_page import PAGE, renewed

_COMMANDS = [command for table in groups() for command in table.commands]
every_command = pytest.mark.parametrize(
    "command", _COMMANDS, ids=["-".join(command.path) for command in _COMMANDS]
)


@every_command
def test_its_function_exists(command: Command) -> None:
    module, _, name = command.run.partition(":")
    assert callable(getattr(importlib.import_module(f"indelible.cli.verbs.{module}"), name))


@every_command
def test_its_parser_can_be_made(command: Command) -> None:
    """An option that stands twice is refused by the parser."""
    assert " ".join(command.path) in command_parser(command).format_help()


@every_command
def test_its_words_lead_to_it(command: Command) -> None:
    assert located([*command.path, "--output", "json"]).command is command
    assert located(["--output", "json", *command.path]).command is command


@pytest.mark.parametrize("table", list(groups()), ids=SUMMARIES)
def test_a_group_begins_with_its_name(table: Group) -> None:
    assert {command.path[0] for command in table.commands} == {table.name}
    assert group(table.name).summary == SUMMARIES[table.name]


def test_options_of_a_command_stay_behind_its_words() -> None:
    place = located(["workflow", "--namespace", "n", "list", "--query", "describe", "-o", "json"])
    assert place.path == ("workflow", "list")
    assert place.rest == ("--namespace", "n", "--query", "describe", "-o", "json")


def test_the_reference_page_is_made_from_the_tables() -> None:
    page = PAGE.read_text()
    assert renewed(page) == page, "say `make docs`"
