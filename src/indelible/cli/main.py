"""`indelible`: finds the command and runs it.

Owns the tree of commands and what a mistake looks like. Commands that talk to a server are rows of
`cli.tables`; those about the program itself are modules that add their own parser to `_COMMANDS`.

The parser is the standard library's. An SDK that starts our dev server waits for it, and a richer
library takes 0.1 s to import, a fifth of the time to the first answer.
"""

import argparse
import difflib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from indelible import __version__
from indelible.cli import completion_command, options_command, server_commands, version_command
from indelible.cli.tables import registry

Run = Callable[[argparse.Namespace], int]

USAGE_ERROR: Final = 2
_COMMANDS: Final = (
    server_commands.add_to,
    completion_command.add_to,
    options_command.add_to,
    version_command.add_to,
)
_HELP: Final = frozenset({"-h", "--help"})


def main(words: Sequence[str] | None = None) -> int:
    """Run the command in `words` (the process's own if None) and return its exit code."""
    arguments = sys.argv[1:] if words is None else list(words)
    if arguments[:1] == [completion_command.WORD]:
        return completion_command.complete(arguments[1:])
    place = registry.located(arguments)
    if place.command is not None:
        # Imported here: the dev server does without it.
        from indelible.cli.calling import call  # noqa: PLC0415

        code = call(place.command, place.rest)
        if words is None:
            _leave(code)
        return code
    if place.path:
        return _lost(place)
    return _own(arguments)


def _leave(code: int) -> NoReturn:
    # The SDK's core runs threads of its own, which take the interpreter's lock now and then. One
    # that does so while the interpreter is being taken down aborts the process.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _own(arguments: Sequence[str]) -> int:
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
        epilog="`indelible COMMAND --help` tells more of each.",
        allow_abbrev=False,
    )
    parser.add_argument("-v", "--version", action="version", version=f"indelible {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, summary in registry.SUMMARIES.items():
        commands.add_parser(name, help=summary, add_help=False)
    for add_to in _COMMANDS:
        add_to(commands)
    return parser


def _lost(place: registry.Located) -> int:
    """The words lead to a group, not to a command: show what may follow."""
    prog = f"indelible {' '.join(place.path)}"
    known = registry.children(place.path)
    word = next(iter(place.rest), "")
    if word and not word.startswith("-"):
        near = difflib.get_close_matches(word, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"see {prog} --help"
        print(f"{prog}: {word} is not known here; {hint}", file=sys.stderr)
        return USAGE_ERROR
    width = max(map(len, known))
    lines = (f"  {name:<{width}}  {summary}".rstrip() for name, summary in sorted(known.items()))
    print(f"usage: {prog} COMMAND ...\n\ncommands:", *lines, sep="\n")
    return 0 if _HELP & set(place.rest) else USAGE_ERROR


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
