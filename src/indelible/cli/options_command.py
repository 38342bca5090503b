"""`indelible options`: what every command that talks to a server takes."""

import argparse

from indelible.cli.commands import Commands, add_command
from indelible.cli.tables.model import Option
from indelible.cli.tables.shared import CONNECTION, GLOBAL


def add_to(commands: Commands) -> None:
    """Add the command to the tree."""
    add_command(commands, "options", "show the options that every command takes", _print)


def _print(_parsed: argparse.Namespace) -> int:
    print(
        "Flags outdo environment variables, those outdo presets (`indelible env`), and those the"
        " profile\nin the file (`indelible config`). Brackets name the variable and the property."
    )
    for title, options in (("output", GLOBAL), ("connection", CONNECTION)):
        print(f"\n{title}:")
        for option in options:
            print(f"  {_head(option)}\n      {_body(option)}")
    return 0


def _head(option: Option) -> str:
    return f"{', '.join(reversed(option.names))} {option.shown_value}".rstrip()


def _body(option: Option) -> str:
    elsewhere = [name for name in (option.variable, option.prop) if name]
    return f"{option.about} [{', '.join(elsewhere)}]" if elsewhere else option.about
