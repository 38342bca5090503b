# pyright: reportPrivateUsage=false
"""The parser of one command, made from its table.

Owns the way from typed words to values and what a mistake looks like. Only the parser of the
command that was called is made: a hundred of them would take a tenth of a second.
"""

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NoReturn

from indelible.cli.tables.model import Command, Kind, Option
from indelible.cli.tables.shared import CONNECTION, GLOBAL
from indelible.cli.values import duration, instant

USAGE_ERROR: Final = 2
_READERS: Final[Mapping[Kind, Callable[[str], object]]] = {
    Kind.TEXT: str,
    Kind.WHOLE: int,
    Kind.DECIMAL: float,
    Kind.SPAN: duration,
    Kind.INSTANT: instant,
}
_TRUE: Final = ("true", "True", "TRUE", "t", "T", "1")
_FALSE: Final = ("false", "False", "FALSE", "f", "F", "0")


def parsed_options(command: Command, words: Sequence[str]) -> argparse.Namespace:
    """Return the values of a command's options. Raises SystemExit after telling what is wrong."""
    parser = command_parser(command)
    parsed, unknown = parser.parse_known_args(list(words))
    if unknown:
        parser.error(_not_known(command, unknown[0]))
    return parsed


def command_parser(command: Command) -> argparse.ArgumentParser:
    """Return the parser of a command."""
    parser = _Parser(
        prog=f"indelible {' '.join(command.path)}",
        usage=_usage(command),
        description=_description(command),
        epilog=_epilog(command),
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if command.argument:
        parser.add_argument("argument", nargs="?", metavar=command.argument, default="")
    for option in command.options:
        _add(parser, option)
    taken = {name for option in command.options for name in option.names}
    for option in every_time(command):
        names = tuple(name for name in option.names if name not in taken)
        if names:
            _add(parser, option, names=names, is_hidden=True)
    return parser


def every_time(command: Command) -> tuple[Option, ...]:
    """Return the options that a command has besides its own."""
    return GLOBAL if command.is_local else (*GLOBAL, *CONNECTION)


def options_of(command: Command) -> tuple[Option, ...]:
    """Return all options of a command; one of its own stands for another of the same name."""
    taken = {name for option in command.options for name in option.names}
    others = [one for one in every_time(command) if one.names[0] not in taken]
    return (*command.options, *others)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong and where help is, without the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Tell about a mistake and end the process."""
        told = message.replace("argument ", "", 1) if message.startswith("argument ") else message
        print(f"{self.prog}: {told}\nSee {self.prog} --help", file=sys.stderr)
        raise SystemExit(USAGE_ERROR)


def _usage(command: Command) -> str:
    required = [
        f"{option.names[0]} {option.shown_value}"
        for option in command.options
        if option.is_required
    ]
    argument = [f"[{command.argument}]"] if command.argument else []
    words = ["indelible", *command.path, *argument, *required, "[OPTIONS]"]
    return " ".join(words).replace("%", "%%")


def _description(command: Command) -> str:
    sentence = f"{command.summary[0].upper()}{command.summary[1:]}."
    return f"{sentence}\n\n{command.notes}" if command.notes else sentence


def _epilog(command: Command) -> str:
    shared = "--output and its kin" if command.is_local else "--address, --namespace, --output ..."
    return f"Every command takes {shared} as well: see indelible options"


def _add(
    parser: argparse.ArgumentParser,
    option: Option,
    *,
    names: tuple[str, ...] | None = None,
    is_hidden: bool = False,
) -> None:
    names = names or option.names
    about = argparse.SUPPRESS if is_hidden else _about(option)
    if not option.takes_value:
        _add_flag(parser, option, names, about)
        return
    choices = {choice.casefold(): choice for choice in option.choices}
    read = _READERS[option.kind]

    def value(written: str) -> object:
        if not choices:
            return read(written)
        choice = choices.get(written.casefold())
        if choice is None:
            near = difflib.get_close_matches(written, option.choices, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise argparse.ArgumentTypeError(
                f'"{written}" is not one of {", ".join(option.choices)}{hint}'
            )
        return choice

    value.__name__ = {Kind.WHOLE: "whole number", Kind.DECIMAL: "number"}.get(option.kind, "value")
    default = option.default
    parser.add_argument(
        *names,
        dest=option.key,
        action="append" if option.is_repeatable else "store",
        type=value,
        default=[] if option.is_repeatable else default,
        required=option.is_required,
        metavar=option.shown_value,
        help=about,
    )


def _add_flag(
    parser: argparse.ArgumentParser, option: Option, names: tuple[str, ...], about: str
) -> None:
    parser.add_argument(
        *names, dest=option.key, action="store_const", const=True, default=None, help=about
    )
    # `--flag=false` as the reference has it: a value after a blank would swallow the next word.
    for words, truth in ((_TRUE, True), (_FALSE, False)):
        parser.add_argument(
            *(f"{name}={word}" for name in names if name.startswith("--") for word in words),
            dest=option.key,
            action="store_const",
            const=truth,
            help=argparse.SUPPRESS,
        )


def _about(option: Option) -> str:
    parts = [option.about]
    if option.is_repeatable:
        parts.append("may be repeated")
    if option.is_required:
        parts.append("required")
    elif option.default is not None:
        parts.append(f"default {option.default}")
    return "; ".join(parts).replace("%", "%%")


def _not_known(command: Command, word: str) -> str:
    name = word.partition("=")[0]
    if not name.startswith("-"):
        return f'"{word}" is one word too many; a value with blanks needs quotes'
    known = [one for option in options_of(command) for one in option.names]
    near = difflib.get_close_matches(name, known, n=1)
    return f"{name} is not known here" + (f"; did you mean {near[0]}?" if near else "")
