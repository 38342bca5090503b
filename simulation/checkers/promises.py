"""What clients and workers were told, by the marks that they put into their requests.

Owns the ledger: each request that changes something carries a mark of its own (in its identity),
and the ledger knows what came back. At the end every mark is looked for in the histories. Must not
know how a request is sent.
"""

from dataclasses import dataclass, field
from enum import Enum, auto

from temporalio.api.activity.v1 import ActivityExecutionOutcome
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.update.v1 import Outcome

from indelible.base.instants import Instant


class Kind(Enum):
    """What a request asks for."""

    START = auto()
    SIGNAL = auto()
    CANCEL = auto()
    TERMINATE = auto()
    WORKFLOW_TASK = auto()
    ACTIVITY = auto()
    STANDALONE = auto()


@dataclass(slots=True, kw_only=True)
class Promise:
    """One request, with everything that was ever answered to it and to its repetitions."""

    kind: Kind
    mark: str
    workflow_id: str
    run_id: str = ""
    ok_count: int = 0
    ok_at: Instant = Instant(0)
    vague_count: int = 0
    """Attempts whose outcome nobody knows."""
    refused_count: int = 0
    close_command: str = ""
    started_event_id: int = 0
    is_traceless: bool = False
    """Of a speculative workflow task: it was answered, and there was nothing to write."""
    answers: list[str] = field(default_factory=list[str])
    """Run ids that were answered to a start."""


@dataclass(slots=True)
class Promises:
    """The ledger of a run."""

    by_mark: dict[str, Promise] = field(default_factory=dict[str, Promise])
    activity_deliveries: dict[tuple[str, int, int], list[str]] = field(
        default_factory=dict[tuple[str, int, int], list[str]]
    )
    """(run, scheduled event, attempt) -> the workers that were given that attempt."""
    seen: list["SeenHistory"] = field(default_factory=list["SeenHistory"])
    updates: list["UpdateAnswer"] = field(default_factory=list["UpdateAnswer"])
    outcomes: list["ActivityAnswer"] = field(default_factory=list["ActivityAnswer"])
    operations: list["OperationAnswer"] = field(default_factory=list["OperationAnswer"])
    batch_targets: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Workflows that were there for sure when a batch operation was asked to end them."""
    batch_lists: dict[str, int] = field(default_factory=dict[str, int])
    """How many targets were listed, for batch operations with a list."""
    activity_runs: dict[str, int] = field(default_factory=dict[str, int])
    """Standalone activities that were started, and how many attempts each may have (0: several)."""
    unheard: set[str] = field(default_factory=set[str])
    """Runs of which somebody made a reset that leaves their signals behind."""
    begun_anew: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """(run, activity) whose attempts a request has perhaps counted anew, or let go on."""
    holds: list["Hold"] = field(default_factory=list["Hold"])
    """When standalone activities were paused for sure."""
    _count: int = 0

    def ask(self, kind: Kind, workflow_id: str, *, who: str, run_id: str = "") -> Promise:
        """Open an entry; its mark is to be the identity of the request."""
        self._count += 1
        mark = f"{who}#{self._count}"
        promise = Promise(kind=kind, mark=mark, workflow_id=workflow_id, run_id=run_id)
        self.by_mark[mark] = promise
        return promise


@dataclass(slots=True, kw_only=True)
class Hold:
    """A time in which no attempt of a standalone activity may begin."""

    run_id: str
    since: Instant
    until: Instant | None = None
    """None while nobody has asked to let it go on."""

    def covers(self, at: Instant) -> bool:
        """Whether an instant lies in it."""
        return self.since < at and (self.until is None or at < self.until)


@dataclass(slots=True, kw_only=True)
class SeenHistory:
    """Events that somebody was shown: (event id, type, digest of the bytes)."""

    who: str
    run_id: str
    events: list[tuple[int, int, bytes]]


@dataclass(slots=True, kw_only=True)
class UpdateAnswer:
    """What somebody was told of an update."""

    update_id: str
    run_id: str
    stage: int
    outcome: Outcome


@dataclass(slots=True, kw_only=True)
class OperationAnswer:
    """What somebody was told of how a Nexus operation without a workflow ended."""

    run_id: str
    result: Payload
    failure: Failure | None
    """None if it succeeded."""

    @property
    def digest(self) -> bytes:
        """The same for all who are told the same."""
        told = self.result if self.failure is None else self.failure
        return told.SerializeToString(deterministic=True)


@dataclass(slots=True, kw_only=True)
class ActivityAnswer:
    """What somebody was told of how a standalone activity ended."""

    run_id: str
    outcome: ActivityExecutionOutcome
