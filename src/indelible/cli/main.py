"""`indelible`: finds the command and runs it.

Owns the tree of commands and what a mistake looks like. A command is a module that adds its own
parser and names the function that runs it; later commands go into `_COMMANDS` beside these.

The parser is the standard library's. An SDK that starts our dev server waits for it, and a richer
library takes 0.1 s to import, a fifth of the time to the first answer; commands that draw tables
may still bring in whatever they like, when they run.
"""

import argparse
import difflib
import sys
from collections.abc import Callable, Sequence
from typing import Final

from indelible import __version__
from indelible.cli import server_commands, version_command

Run = Callable[[argparse.Namespace], int]

USAGE_ERROR: Final = 2
_COMMANDS: Final = (server_commands.add_to, version_command.add_to)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command in `words` (the process's own if None) and return its exit code."""
    arguments = sys.argv[1:] if words is None else list(words)
    parser = _parser()
    parsed, unknown = parser.parse_known_args(arguments)
    run: Run | None = getattr(parsed, "run", None)
    inner: argparse.ArgumentParser = getattr(parsed, "parser", parser)
    if unknown:
        return _complain(inner, unknown[0])
    if run is None:
        inner.print_help()
        return USAGE_ERROR
    return run(parsed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="indelible",
        description="A durable execution service that speaks Temporal's gRPC protocol.",
        allow_abbrev=False,
    )
    parser.add_argument("-v", "--version", action="version", version=f"indelible {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for add_to in _COMMANDS:
        add_to(commands)
    return parser


def _complain(parser: argparse.ArgumentParser, word: str) -> int:
    known = [
        option
        for action in parser._actions  # noqa: SLF001 - argparse has no other way to ask
        for option in action.option_strings
    ]
    option = word.partition("=")[0]
    near = difflib.get_close_matches(option, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"see {parser.prog} --help"
    print(f"{parser.prog}: {option} is not known here; {hint}", file=sys.stderr)
    return USAGE_ERROR
