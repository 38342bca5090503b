"""`make docs`: writes the tables of the reference page on the command line.

Owns the form of the page. What it says comes from the tables of the commands, and a test compares
the two; the text above the mark is written by hand.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from indelible.cli.tables.model import Command, Option
from indelible.cli.tables.registry import groups
from indelible.cli.tables.shared import CONNECTION, GLOBAL

PAGE: Final = Path(__file__).resolve().parents[1] / "docs/reference/cli.md"
_MARK: Final = "<!-- made by `make docs` -->\n"


def renewed(page: str) -> str:
    """Return the page with the tables as they should be."""
    text, mark, _ = page.partition(_MARK)
    return text + mark + "\n".join(_sections()) + "\n"


def _sections() -> Iterator[str]:
    yield "## Options of every command\n"
    yield from _table((*GLOBAL, *CONNECTION))
    for table in groups():
        yield f"\n## {table.name}\n"
        yield f"{table.summary[0].upper()}{table.summary[1:]}."
        for command in table.commands:
            yield from _command(command)


def _command(command: Command) -> Iterator[str]:
    yield f"\n### indelible {' '.join(command.path)}\n"
    argument = f" Takes a `{command.argument}`." if command.argument else ""
    yield f"{command.summary[0].upper()}{command.summary[1:]}.{argument}"
    if command.notes:
        yield f"\n{command.notes}"
    if command.options:
        yield ""
        yield from _table(command.options)


def _table(options: Iterable[Option]) -> Iterator[str]:
    yield "| option | value | |"
    yield "| --- | --- | --- |"
    for option in options:
        names = ", ".join(f"`{name}`" for name in option.names)
        value = option.shown_value.replace("|", ", ")
        yield f"| {names} | {value} | {_about(option)} |"


def _about(option: Option) -> str:
    parts = [option.about]
    if option.is_required:
        parts.append("required")
    if option.is_repeatable:
        parts.append("may be repeated")
    if option.default is not None:
        parts.append(f"default `{option.default}`")
    if option.variable:
        parts.append(f"`{option.variable}`")
    if option.prop:
        parts.append(f"`{option.prop}` of a profile")
    return "; ".join(parts)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
