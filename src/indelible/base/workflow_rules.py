"""A workflow rule of a namespace, in the form in which a step applies it.

Owns what its texts may ask about, and the seam between two parts that must not know each other:
whoever reads the text of a rule, and whoever decides about activities.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from indelible.base.facts import FactKind, Predicate
from indelible.base.instants import NEVER, Instant

RUN_FACTS: Final[Mapping[str, FactKind]] = {
    "WorkflowId": FactKind.TEXT,
    "WorkflowType": FactKind.TEXT,
    "StartTime": FactKind.TIME,
    "ExecutionStatus": FactKind.STATE,
}
"""What the visibility query of a rule may ask about: the names are those of visibility."""

ACTIVITY_FACTS: Final[Mapping[str, FactKind]] = {
    "ActivityId": FactKind.TEXT,
    "ActivityType": FactKind.TEXT,
    "ActivityState": FactKind.STATE,
    "ActivityStatus": FactKind.STATE,
    "Attempts": FactKind.NUMBER,
    "ActivityAttempt": FactKind.NUMBER,
    "BackoffInterval": FactKind.NUMBER,
    "LastFailure": FactKind.TEXT,
    "TaskQueue": FactKind.TEXT,
    "StartedTime": FactKind.TIME,
}
"""What the predicate of a rule may ask about. `ActivityStatus` and `ActivityAttempt` are the names
of the API's documentation; the reference service (1.32) knows only the others."""


class WorkflowRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: the activities that meet it are paused when they are about to start."""

    id: str
    identity: str
    """Of whoever has made it."""
    description: str
    expires_at: Instant
    """`NEVER` if it stays."""
    is_about_run: Predicate
    is_about_activity: Predicate

    def is_expired(self, now: Instant) -> bool:
        """Whether the rule does not count any more."""
        return NEVER < self.expires_at < now
