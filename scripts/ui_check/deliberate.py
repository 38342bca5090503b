"""What the pages of the reference say otherwise, on purpose.

Owns the list. What is compared, and how, stands in `comparing`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """A kind of difference that is meant."""

    acts: str
    """Pattern: the whole name of the act."""
    fault: str
    """Pattern: what the fault has in it."""
    reason: str

    def covers(self, act: str, fault: str) -> bool:
        """Say whether a fault of this act is of this kind."""
        return bool(re.fullmatch(self.acts, act) and re.search(self.fault, fault))


MEANT: Final = (
    Meant(
        acts="schedule|.* a schedule",
        fault="only ours: +None$|only reference: 1 year$",
        reason="A catch-up window that nobody set is not told, since SDKs compare what they read"
        " with what they wrote.",
    ),
    Meant(
        acts=".* it",
        fault="only reference: Start Delay$",
        reason="A start delay of no time, which the SDK sends, is not told.",
    ),
    Meant(
        acts="delete a Nexus endpoint",
        fault="ui-act-edited",
        reason="The reference forgets when an endpoint was created as soon as it is changed.",
    ),
    Meant(
        acts="go through the views of a history",
        fault='only reference: "taskId"',
        reason="The reference numbers events by its own inner tasks; no client reads that.",
    ),
    Meant(
        acts=".*",
        fault=": +(<span>|(Show|Hide) idle time)$",
        reason="How long a run took decides whether its timeline has an idle time to hide.",
    ),
    Meant(
        acts="workflows-bad-query",
        fault="invalid expression",
        reason="Ours points at the place in the query.",
    ),
)


def unmeant(act: str, faults: Iterable[str]) -> Iterator[str]:
    """Yield the faults that nobody meant."""
    for fault in faults:
        if not any(one.covers(act, fault) for one in MEANT):
            yield fault
