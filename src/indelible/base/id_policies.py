"""Whether an id that is in use, or was, may be used again (semantics 7.11 and 9.6).

Owns the decision that all entities without a history share. Must not know them, nor the words of
their refusals.
"""

from enum import Enum, IntEnum


class IdReuse(IntEnum):
    """When a closed entity may be followed; the values are those of the public enumerations."""

    ALLOW_DUPLICATE = 1
    ALLOW_DUPLICATE_FAILED_ONLY = 2
    REJECT_DUPLICATE = 3


class IdDecision(Enum):
    """What a start does about the entity that has the id."""

    CREATE = "there is none, or it has closed and may be followed"
    USE_EXISTING = "the open one is meant"
    REPEAT = "it was created by this very request"


def decide(
    *,
    is_same_request: bool,
    is_open: bool,
    has_succeeded: bool,
    may_use_existing: bool,
    reuse: int,
) -> IdDecision | None:
    """Return what to do about the entity that has the id; None if the policies forbid the start.

    `reuse` is one of `IdReuse`, as the request has it.
    """
    if is_same_request:
        return IdDecision.REPEAT
    if is_open:
        return IdDecision.USE_EXISTING if may_use_existing else None
    if reuse == IdReuse.REJECT_DUPLICATE:
        return None
    if reuse == IdReuse.ALLOW_DUPLICATE_FAILED_ONLY and has_succeeded:
        return None
    return IdDecision.CREATE
