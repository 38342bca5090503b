"""What the server has acknowledged, written down by the one who heard it.

Owns the acknowledgements and the times at which the server was down. It must not ask the server.
"""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Outage:
    """From just before the kill until the server answered again; seconds of the monotonic clock."""

    began_at: float
    ended_at: float | None = None


@dataclass(slots=True)
class LedgerRecord:
    """One long workflow: its run, and which of its signals were acknowledged or are in doubt."""

    number: int
    run_id: str | None = None
    acknowledged: list[int] = field(default_factory=list)
    in_doubt: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Journal:
    """All that must be accounted for at the end."""

    outages: list[Outage] = field(default_factory=list)
    ledgers: dict[str, LedgerRecord] = field(default_factory=dict)
    # Workflow id -> run id of starts that were acknowledged.
    started: dict[str, str] = field(default_factory=dict)
    # Workflow id -> result that a client was told.
    completed: dict[str, int] = field(default_factory=dict)
    tolerated_errors: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def outage_begins(self) -> None:
        self.outages.append(Outage(began_at=time.monotonic()))

    def outage_ends(self) -> None:
        self.outages[-1].ended_at = time.monotonic()

    def excuses(self, began_at: float) -> bool:
        """May a call that began then and failed now be excused by an outage?"""
        now = time.monotonic()
        return any(
            outage.began_at <= now and (outage.ended_at is None or outage.ended_at >= began_at)
            for outage in self.outages
        )

    def record_error(self, act: str, error: Exception, began_at: float) -> None:
        """An error while the server was down is expected; any other one is a finding."""
        told = f"{act}: {type(error).__name__}: {error}"
        if self.excuses(began_at):
            self.tolerated_errors.append(told)
        else:
            self.violations.append(told)
