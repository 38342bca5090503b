"""What a scenario is made of: command lines as a person types them, and what surrounds them.

Owns the form of the data and nothing that runs. Must not know which servers there are.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from temporalio.client import Client

Values = dict[str, str]
"""What `$name` stands for in a command: ids that a server gave, paths of files."""
Population = Callable[[Client], AbstractAsyncContextManager[Values]]
"""Fills one server by the SDK, for the time of the scenario; names what it made."""

QUEUE: Final = "cli"
"""The task queue that workers of the check poll all the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command. The words after the executable, in the quoting of a shell."""

    command: str
    keep: Mapping[str, str] = field(default_factory=dict[str, str])
    """Values to remember for later commands, by where they stand in the output: `0.runId`."""
    settles: bool = False
    """It shows what a server does in its own time: it is asked again until both say the same."""
    until: str = ""
    """It is asked again until a text like this pattern is in the output."""
    in_any_order: bool = False
    """The elements of its list, or its lines, come as they like."""
    is_text: bool = False
    """It has no JSON form: lines are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Steps that build on each other, on a server that others use at the same time."""

    name: str
    steps: tuple[Step, ...]
    population: Population


def step(command: str, *, until: str = "", **keep: str) -> Step:
    """Return a command that is given once, or until it shows the pattern."""
    return Step(command=command, until=until, keep=keep)


def look(command: str, *, until: str = "", in_any_order: bool = False, **keep: str) -> Step:
    """Return a command that only looks at what may still change."""
    return Step(command=command, settles=True, until=until, in_any_order=in_any_order, keep=keep)


def text(command: str, *, in_any_order: bool = False) -> Step:
    """Return a command that answers in lines."""
    return Step(command=command, settles=True, is_text=True, in_any_order=in_any_order)


@asynccontextmanager
async def nothing(client: Client) -> AsyncIterator[Values]:
    """Populate with nothing."""
    del client
    yield {}


def scenario(name: str, *steps: Step, population: Population = nothing) -> Scenario:
    """Return a scenario."""
    return Scenario(name=name, steps=steps, population=population)
