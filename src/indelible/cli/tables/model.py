"""Commands as data: a path of words, its options, and the name of the function that runs it.

Owns the records and the short ways to write them. The parser, the help, shell completion and the
reference page are all made from these records. Nothing here imports more than the standard library,
because completion and `--help` read every table.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Final

import msgspec
from msgspec.structs import replace


class Kind(Enum):
    """What the text of an option means."""

    TEXT = "TEXT"
    FLAG = ""
    WHOLE = "N"
    DECIMAL = "NUMBER"
    SPAN = "DURATION"
    """`30s`, `1h30m`, `7d`."""
    INSTANT = "TIME"
    """RFC 3339."""


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One option of a command."""

    names: tuple[str, ...]
    about: str
    kind: Kind = Kind.TEXT
    metavar: str = ""
    choices: tuple[str, ...] = ()
    default: str | int | float | None = None
    is_required: bool = False
    is_repeatable: bool = False
    variable: str = ""
    """The environment variable that says the same."""
    prop: str = ""
    """The property of a profile in `temporal.toml` that says the same."""

    @property
    def key(self) -> str:
        """The attribute that holds the value."""
        return self.names[0].removeprefix("--").replace("-", "_")

    @property
    def takes_value(self) -> bool:
        """Whether a value follows."""
        return self.kind is not Kind.FLAG

    @property
    def shown_value(self) -> str:
        """What stands for the value in help and pages."""
        return self.metavar or "|".join(self.choices) or self.kind.value


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One command: what is typed, what may follow, and what runs."""

    path: tuple[str, ...]
    summary: str
    run: str
    """`module:function` in `cli.verbs`; a name, since importing it imports the API's messages."""
    options: tuple[Option, ...] = ()
    argument: str = ""
    """Name of the one word that may follow without an option."""
    is_local: bool = False
    """Whether it talks to no server."""
    offline: tuple[str, str] = ("", "")
    """An option with which it talks to none either, and the function that runs then."""
    notes: str = ""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A first word with what follows it."""

    name: str
    summary: str
    commands: tuple[Command, ...]
    groups: tuple[tuple[str, str], ...] = ()
    """Words that only lead on to commands, such as `workflow update`, with what they are for."""


# -------------------------------------------------------------------- short ways to write records
def command(
    words: str,
    summary: str,
    run: str,
    *options: "Option | Iterable[Option]",
    argument: str = "",
    is_local: bool = False,
    offline: tuple[str, str] = ("", ""),
    notes: str = "",
) -> Command:
    """Return a command; option sets among its options are unfolded."""
    unfolded: list[Option] = []
    for one in options:
        unfolded.extend((one,) if isinstance(one, Option) else one)
    return Command(
        path=tuple(words.split()),
        summary=summary,
        run=run,
        options=tuple(unfolded),
        argument=argument,
        is_local=is_local,
        offline=offline,
        notes=notes,
    )


def text(names: str, about: str, **more: object) -> Option:
    """Return an option that takes any text."""
    return _option(names, about, Kind.TEXT, more)


def flag(names: str, about: str, **more: object) -> Option:
    """Return an option that is there or not."""
    return _option(names, about, Kind.FLAG, more)


def whole(names: str, about: str, **more: object) -> Option:
    """Return an option that takes a whole number."""
    return _option(names, about, Kind.WHOLE, more)


def decimal(names: str, about: str, **more: object) -> Option:
    """Return an option that takes a number."""
    return _option(names, about, Kind.DECIMAL, more)


def span(names: str, about: str, **more: object) -> Option:
    """Return an option that takes a duration."""
    return _option(names, about, Kind.SPAN, more)


def instant(names: str, about: str, **more: object) -> Option:
    """Return an option that takes a point in time."""
    return _option(names, about, Kind.INSTANT, more)


_MORE: Final = {
    "required": "is_required",
    "many": "is_repeatable",
    "of": "choices",
}


def _option(names: str, about: str, kind: Kind, more: dict[str, object]) -> Option:
    fields = {_MORE.get(name, name): value for name, value in more.items()}
    base = Option(names=tuple(names.split()), about=about, kind=kind)
    # A wrong name is a TypeError of the first import.
    return replace(base, **fields)
