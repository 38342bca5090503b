"""What two observations of one page have in common, and what not.

Owns the normal form of what a page shows. Must not know the pages.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from scripts.ui_check.deliberate import unmeant

_NUMBER: Final = r"\d[\d,]*(\.\d+)?"
_CLOCK: Final = r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?( [AP]M)?( UTC)?"
_CHANCE: Final = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<id>"),
    (re.compile(r"\b[0-9a-f]{7}\.\.\.[0-9a-f]{7}\b"), "<id>"),
    # Said to screen readers, when there is time to.
    (re.compile(r"\d+ new events? loaded"), ""),
    (re.compile(r"\d+@[\w.-]+"), "<identity>"),
    (re.compile(rf"\b[A-Z][a-z]{{2}} \d{{1,2}}, \d{{4}}, {_CLOCK}"), "<time>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?"), "<time>"),
    (re.compile(rf"\b{_CLOCK}\b"), "<time>"),
    (re.compile(rf"\b{_NUMBER} ?(ms|s|m|h|milliseconds?|seconds?|minutes?)\b"), "<span>"),
    (re.compile(r"<span>(,? <span>)*( ago| from now)?"), "<span>"),
    (re.compile(rf"\b{_NUMBER} [KM]?B\b"), "<size>"),
    (re.compile(r"127\.0\.0\.1:\d+|localhost:\d+"), "<server>"),
)
_COUNTED: Final = frozenset({"history size bytes", "state transitions", "task id"})
"""What a server counts as it likes: the number stands in the line below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one page or one act showed on one server."""

    name: str
    broken: str = ""
    """What was looked for in vain."""
    errors: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One line of the table, and what lies behind it."""

    ours: Observation
    theirs: Observation | None
    faults: tuple[str, ...]
    """What is wrong at ours, or more than at the reference."""
    shared: tuple[str, ...]
    """What both have said."""


def normal_lines(text: str) -> tuple[str, ...]:
    """Return the lines of a page with symbols where chance decided."""
    lines = [line for line in map(_normal, text.splitlines()) if line]
    return tuple(
        "<number>" if before.lower() in _COUNTED else line
        for before, line in pairwise(["", *lines])
    )


def judged(
    ours: Observation, theirs: Observation | None, *, expected: Iterable[str] = ()
) -> Verdict:
    """Say what is wrong with a page of ours. What is expected is no fault."""
    said = (*([ours.broken] if ours.broken else ()), *sorted(ours.refused), *sorted(ours.errors))
    also = {theirs.broken, *theirs.refused, *theirs.errors} if theirs else set[str]()
    also.update(one for one in said if any(word in one for word in expected))
    faults = [one for one in said if one not in also]
    if theirs is not None:
        faults += unmeant(ours.name, _different(ours.lines, theirs.lines))
    return Verdict(
        ours=ours,
        theirs=theirs,
        faults=tuple(faults),
        shared=tuple(one for one in said if one in also),
    )


def _different(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[str]:
    mine, other = Counter(ours), Counter(theirs)
    for line in sorted(mine - other):
        yield f"only ours:      {line}"
    for line in sorted(other - mine):
        yield f"only reference: {line}"


def _normal(line: str) -> str:
    for pattern, name in _CHANCE:
        line = pattern.sub(name, line)
    return " ".join(line.split())
