"""Every table, and the way from typed words to a command.

Owns the list of groups and the walk along the words. Options that every command has may stand
before or between the words of a command, as the reference allows.
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

import msgspec

from indelible.cli.tables.model import Command, Group
from indelible.cli.tables.shared import CONNECTION, GLOBAL

# One table is imported per call, so a summary stands here as well; a test holds them equal.
SUMMARIES: Final[Mapping[str, str]] = {
    "activity": "activities, with and without a workflow",
    "batch": "look at and end jobs on many workflows",
    "config": "profiles of clients, which the SDKs read as well",
    "env": "presets of options, by environment",
    "nexus": "Nexus operations without a workflow",
    "operator": "namespaces, search attributes, Nexus endpoints, the cluster",
    "replay-check": "replay recorded histories with the workflow code of today",
    "schedule": "workflows started by the clock",
    "sdk": "let the official SDKs' test environments find our servers",
    "task-queue": "who polls, what waits, and limits",
    "worker": "workers, and which of their versions gets which work",
    "workflow": "start, look at, steer and end workflows",
}

_VALUED: Final = frozenset(
    name for option in (*GLOBAL, *CONNECTION) if option.takes_value for name in option.names
)


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """How far the words lead."""

    path: tuple[str, ...]
    command: Command | None
    rest: tuple[str, ...]
    """What is left for the command's parser."""


@cache
def group(name: str) -> Group:
    """Return the table of a first word. Raises KeyError."""
    if name not in SUMMARIES:
        raise KeyError(name)
    module = importlib.import_module(f"indelible.cli.tables.{name.replace('-', '_')}")
    return module.GROUP


def groups() -> Iterator[Group]:
    """Yield every table, in the order of its name."""
    for name in SUMMARIES:
        yield group(name)


def children(path: tuple[str, ...]) -> Mapping[str, str]:
    """Return the words that may follow a path, each with its summary."""
    if not path:
        return SUMMARIES
    if path[0] not in SUMMARIES:
        return {}
    table = group(path[0])
    depth = len(path)
    found: dict[str, str] = {}
    for one in table.commands:
        if one.path[:depth] == path and len(one.path) > depth:
            found.setdefault(one.path[depth], one.summary if len(one.path) == depth + 1 else "")
    for words, summary in table.groups:
        inner = (table.name, *words.split())
        if inner[:depth] == path and len(inner) == depth + 1:
            found[inner[depth]] = summary
    return found


def command_at(path: tuple[str, ...]) -> Command | None:
    """Return the command with exactly this path."""
    if not path or path[0] not in SUMMARIES:
        return None
    return next((one for one in group(path[0]).commands if one.path == path), None)


def located(words: Sequence[str]) -> Located:
    """Follow the words as far as they lead to a command."""
    path: tuple[str, ...] = ()
    rest: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        if word in _VALUED:
            rest.extend(words[position : position + 2])
            position += 2
        elif word.startswith("-"):
            # An option of the command itself: its words end here, if there are any.
            if command_at(path) is not None:
                break
            rest.append(word)
            position += 1
        elif word in children(path):
            path = (*path, word)
            position += 1
        else:
            break
    return Located(path=path, command=command_at(path), rest=(*rest, *words[position:]))
