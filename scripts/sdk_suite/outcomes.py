"""What became of the tests, over one run or several.

Owns the merging of runs and the comparison with the page of known differences. Nothing here excuses
a test in silence: what is excused stands on the page, and the summary names it again.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from scripts.sdk_suite.names import dotted_name


class Outcome(StrEnum):
    """How a test ended in one run."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNFINISHED = "unfinished"
    """It began, and nothing was heard of it until the run was stopped."""

    MISSING = "missing"
    """It never began."""


@dataclass(slots=True)
class Run:
    """One pass over the suite."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    """Why a test failed, for those that did."""

    def expect(self, names: Iterable[str]) -> None:
        """Note tests that are to be run; until something is heard of one, it is missing."""
        for name in names:
            self.outcomes.setdefault(dotted_name(name), Outcome.MISSING)

    def knows(self, name: str) -> bool:
        """Return whether anything was heard of a test."""
        return self.outcomes.get(name, Outcome.MISSING) is not Outcome.MISSING

    def read(self, record: Path) -> None:
        """Add what the recorder wrote. A test that has begun and not ended is unfinished."""
        if not record.exists():
            return
        for line in record.read_text(encoding="utf-8").splitlines():
            entry: Mapping[str, str] = json.loads(line)
            self._add(dotted_name(entry["test"]), entry)

    def _add(self, name: str, entry: Mapping[str, str]) -> None:
        event = entry["event"]
        if event == "start":
            self.outcomes[name] = Outcome.UNFINISHED
            return
        outcome = Outcome(entry["outcome"])
        if outcome is Outcome.FAILED:
            self.texts[name] = entry["text"]
        if outcome is not Outcome.PASSED:
            self.outcomes[name] = outcome
        elif event == "teardown" and self.outcomes.get(name) is Outcome.UNFINISHED:
            self.outcomes[name] = Outcome.PASSED


_PAGE_ROW: Final = re.compile(r"^\| `(?P<name>tests[.\w]*::[^`]+)` \|")


def read_page(path: Path) -> frozenset[str]:
    """Return the tests that stand in the tables of the page, each with its reason beside it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(match["name"] for line in lines if (match := _PAGE_ROW.match(line)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All runs together, against the page."""

    counts: Sequence[Mapping[str, int]]
    """Per run: outcome to number of tests."""

    differences: Sequence[str]
    """Tests that never passed and are not on the page."""

    flakes: Sequence[str]
    """Tests that passed in some runs only, whether or not they are on the page."""

    excused: Sequence[str]
    """Tests that never passed and are on the page."""

    obsolete: Sequence[str]
    """Tests on the page that passed each time."""

    @property
    def is_clean(self) -> bool:
        """Nothing differs that the page does not say, and nothing wavers."""
        return not self.differences and not self.flakes


def summarize(runs: Sequence[Run], page: frozenset[str]) -> Summary:
    """Compare the runs with each other and with the page.

    A skipped test has passed: the suite skips by its own conditions. A missing one has not.
    """
    fine = {Outcome.PASSED, Outcome.SKIPPED}
    names = sorted({name for run in runs for name in run.outcomes})
    passes = {name: sum(run.outcomes.get(name) in fine for run in runs) for name in names}
    never = [name for name in names if passes[name] == 0]
    return Summary(
        counts=[Counter(run.outcomes.values()) for run in runs],
        differences=[name for name in never if name not in page],
        flakes=[name for name in names if 0 < passes[name] < len(runs)],
        excused=[name for name in never if name in page],
        obsolete=[name for name in names if passes[name] == len(runs) and name in page],
    )
