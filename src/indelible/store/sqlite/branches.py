"""The branches that make up the history of a run.

Owns the arithmetic of shared beginnings: which branch holds which events. Must not read batches,
and must not know which execution a branch belongs to.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from indelible.store.sqlite import statements as sql

EVENT_ID_END: Final = 1 << sql.EVENT_BITS

Execute = Callable[..., sqlite3.Cursor]


class Segment(NamedTuple):
    """The events `[first, end)` of a history, and the branch in which their batches lie."""

    branch_id: int
    first: int
    end: int


def segments(execute: Execute, branch_id: int) -> Sequence[Segment]:
    """Return the segments of a branch in the order of their events; the last is its own."""
    found: list[Segment] = []
    first = 0
    for ancestor_branch_id, end in execute(sql.ANCESTORS, (branch_id,)):
        found.append(Segment(ancestor_branch_id, first, end))
        first = end
    found.append(Segment(branch_id, first, EVENT_ID_END))
    return found


class Part(NamedTuple):
    """The events `[first, end)` of a segment."""

    segment: Segment
    first: int
    end: int


def within(history: Sequence[Segment], first: int, end: int) -> Iterator[Part]:
    """Yield what of the segments lies in `[first, end)`."""
    for segment in history:
        lowest, highest = max(segment.first, first), min(segment.end, end)
        if lowest < highest:
            yield Part(segment, lowest, highest)


def add_ancestors(execute: Execute, branch_id: int, base_branch_id: int, end: int) -> None:
    """Let a new branch begin with the events of another before `end`."""
    for part in within(segments(execute, base_branch_id), 0, end):
        execute(sql.ADD_ANCESTOR, (branch_id, part.end, part.segment.branch_id))


def release_branch(execute: Execute, branch_id: int) -> Sequence[int]:
    """Forget a branch whose execution is deleted; return the branches that nobody reads any more.

    The branch itself is not among them while another one begins with its events.
    """
    ancestors = {segment.branch_id: None for segment in segments(execute, branch_id)}
    execute(sql.DELETE_ANCESTORS, (branch_id,))
    return [
        candidate
        for candidate in ancestors
        if execute(sql.BRANCH_DESCENDANT, (candidate,)).fetchone() is None
        and execute(sql.BRANCH_OWNER, (candidate,)).fetchone() is None
    ]
