# pyright: reportPrivateUsage=false
"""How a command joins the tree.

Owns the small differences between argparse's habits and what users of the reference's command line
type: repeated options, flags with a value, options that are accepted and mean nothing here.
"""

import argparse
from collections.abc import Callable
from typing import Final, TypeAlias

# These classes have no public names.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001
Options: TypeAlias = "argparse._ActionsContainer"  # noqa: SLF001

PORT_MAX: Final = 65_535

_TRUTHS: Final = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def add_command(
    commands: Commands,
    name: str,
    summary: str,
    run: Callable[[argparse.Namespace], int] | None = None,
) -> argparse.ArgumentParser:
    """Add a command and return its parser; without `run` it is only a group of commands."""
    parser = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", allow_abbrev=False
    )
    parser.set_defaults(parser=parser)
    if run is not None:
        parser.set_defaults(run=run)
    return parser


def add_flag(group: Options, *names: str, help_: str) -> None:
    """Add a flag that may be written `--flag` or `--flag=false`, as the reference's may."""
    group.add_argument(
        *names, nargs="?", const=True, default=False, type=_truth, metavar="BOOL", help=help_
    )


def add_repeatable(group: Options, *names: str, metavar: str, help_: str) -> None:
    """Add an option that may be given several times."""
    group.add_argument(
        *names, action="append", default=[], metavar=metavar, help=f"{help_}; may be repeated"
    )


def port_number(text: str) -> int:
    """Return a port, 0 for a free one. Raises argparse's error for anything else."""
    if not text.isascii() or not text.isdigit() or int(text) > PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not a port; ports are 0 to {PORT_MAX}")
    return int(text)


def _truth(text: str) -> bool:
    truth = _TRUTHS.get(text.lower())
    if truth is None:
        raise argparse.ArgumentTypeError(f"{text} is neither true nor false")
    return truth
