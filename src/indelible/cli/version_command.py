"""`indelible version`."""

import argparse
import sys

from indelible import __version__
from indelible.cli.commands import Commands, add_command


def add_to(commands: Commands) -> None:
    """Add the command to the tree."""
    add_command(commands, "version", "print the version of Indelible and of Python", _print)


def _print(_parsed: argparse.Namespace) -> int:
    print(f"indelible {__version__} (Python {sys.version.split()[0]})")
    return 0
