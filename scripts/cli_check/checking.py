"""Gives every step of a scenario to both sides and tells what differs.

Owns the patience: when a command is given again. Must not know which commands there are.
"""

import asyncio
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.cli_check.differing import Difference, differences
from scripts.cli_check.normal import (
    Json,
    at_path,
    in_order,
    normal,
    normal_lines,
    normal_text,
    parsed,
)
from scripts.cli_check.sides import Answer, Side
from scripts.cli_check.steps import Scenario, Step

FILES: Final = Path(__file__).parent / "files"
_SETTLING_SECONDS_MAX: Final = 6.0
_UNTIL_SECONDS_MAX: Final = 60.0
_PAUSE_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one step showed."""

    scenario: str
    step: Step
    ours: Answer
    theirs: Answer
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """The server of ours and the reference."""

    ours: Side
    theirs: Side


async def findings(scenario: Scenario, pair: Pair) -> AsyncIterator[Finding]:
    """Populate both sides, give them every step, and yield what each of them showed."""
    async with AsyncExitStack() as stack:
        for side in (pair.ours, pair.theirs):
            side.values = {"folder": str(side.folder), "files": str(FILES)}
            side.values |= await stack.enter_async_context(scenario.population(side.client))
        for step in scenario.steps:
            yield await _finding(scenario.name, step, pair)


async def _finding(scenario: str, step: Step, pair: Pair) -> Finding:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _SETTLING_SECONDS_MAX
    while True:
        ours, theirs = await asyncio.gather(_told(step, pair.ours), _told(step, pair.theirs))
        different = tuple(_compared(step, pair, ours, theirs))
        if not different or not step.settles or loop.time() > deadline:
            break
        await asyncio.sleep(_PAUSE_SECONDS)
    for side, answer in ((pair.ours, ours), (pair.theirs, theirs)):
        _keep(step, side, answer)
    return Finding(scenario=scenario, step=step, ours=ours, theirs=theirs, differences=different)


async def _told(step: Step, side: Side) -> Answer:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _UNTIL_SECONDS_MAX
    while True:
        answer = await side.run(step.command, is_text=step.is_text)
        if not step.until or re.search(step.until, answer.output) or loop.time() > deadline:
            return answer
        await asyncio.sleep(_PAUSE_SECONDS)


def _keep(step: Step, side: Side, answer: Answer) -> None:
    for name, path in step.keep.items():
        try:
            side.values[name] = at_path(parsed(answer.output), path)
        except (LookupError, ValueError):
            side.values[name] = f"no-{name}"  # The difference is told; later steps go on.


def _compared(step: Step, pair: Pair, ours: Answer, theirs: Answer) -> list[Difference]:
    found = list(differences(ours.code, theirs.code, "exit"))
    for path, one, other in (
        ("error", _error(pair.ours, ours), _error(pair.theirs, theirs)),
        ("", _output(step, pair.ours, ours), _output(step, pair.theirs, theirs)),
    ):
        found += differences(one, other, path)
    return found


def _error(side: Side, answer: Answer) -> Json:
    return normal_text(answer.error, side.known())


def _output(step: Step, side: Side, answer: Answer) -> Json:
    shown = _shown(step, side, answer)
    return in_order(shown) if step.in_any_order else shown


def _shown(step: Step, side: Side, answer: Answer) -> Json:
    if not step.is_text:
        try:
            return normal(parsed(answer.output), side.known())
        except ValueError:
            pass  # Some commands have no JSON form, which is the command line's own affair.
    return normal_lines(answer.output, side.known())


def subcommand(step: Step, known: set[str]) -> str:
    """Return the longest subcommand that the words of a step begin with, or nothing."""
    words = shlex.split(step.command)
    for count in range(len(words), 0, -1):
        name = " ".join(words[:count])
        if name in known:
            return name
    return ""
