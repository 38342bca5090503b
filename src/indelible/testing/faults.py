"""What goes wrong in a test: faults as data, each at one occurrence of something.

Owns their names, as the test writes them, and the counting of occurrences. Must not know how a
fault is brought about.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import Enum, StrEnum
from typing import Final

import msgspec


class Occasion(Enum):
    """What is counted, in a namespace, from 1 on."""

    ATTEMPT = "attempt"
    """An attempt of an activity is handed to a worker; the subject is the activity type."""
    COMPLETION = "completion"
    """A worker reports the result of an activity; the subject is the activity type."""
    HEARTBEAT = "heartbeat"
    """An activity's heartbeat arrives; the subject is the activity type."""
    WORKFLOW_TASK = "workflow task"
    """A worker reports a workflow task; the subject is the workflow type."""
    SIGNAL = "signal"
    """A client sends a signal; the subject is its name."""
    WORKER = "worker"
    """A worker is made: not counted, and there is no subject."""


class FaultKind(StrEnum):
    """Each has the name of the method of `Faults` that plans it."""

    LOSE_COMPLETION = "lose_completion"
    DUPLICATE_COMPLETION = "duplicate_completion"
    DELAY_COMPLETION = "delay_completion"
    FAIL_ATTEMPT = "fail_attempt"
    FAIL_COMPLETION = "fail_completion"
    LOSE_HEARTBEAT = "lose_heartbeat"
    KILL_WORKER = "kill_worker"
    DELAY_SIGNAL = "delay_signal"
    SWAP_SIGNALS = "swap_signals"
    REPLAY_EVERY_STEP = "replay_every_step"


OCCASIONS: Final[Mapping[FaultKind, Occasion]] = {
    FaultKind.LOSE_COMPLETION: Occasion.COMPLETION,
    FaultKind.DUPLICATE_COMPLETION: Occasion.COMPLETION,
    FaultKind.DELAY_COMPLETION: Occasion.COMPLETION,
    FaultKind.FAIL_ATTEMPT: Occasion.ATTEMPT,
    FaultKind.FAIL_COMPLETION: Occasion.COMPLETION,
    FaultKind.LOSE_HEARTBEAT: Occasion.HEARTBEAT,
    FaultKind.KILL_WORKER: Occasion.WORKFLOW_TASK,
    FaultKind.DELAY_SIGNAL: Occasion.SIGNAL,
    FaultKind.SWAP_SIGNALS: Occasion.SIGNAL,
    FaultKind.REPLAY_EVERY_STEP: Occasion.WORKER,
}
"""When each kind of fault can happen."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that goes wrong."""

    kind: FaultKind
    subject: str = ""
    at: int = 1
    """At which occurrence of its occasion, counted from 1."""
    span: timedelta | None = None

    @property
    def code(self) -> str:
        """Return the line of a test that plans it."""
        if self.kind is FaultKind.REPLAY_EVERY_STEP:
            return f"indelible.faults.{self.kind}()"
        by = "" if self.span is None else f", by=timedelta(seconds={self.span.total_seconds():g})"
        return f'indelible.faults.{self.kind}("{self.subject}", at={self.at}{by})'


class Faults:
    """What goes wrong in one test. Plan it before it is due; each fault happens once.

    `at` counts the occurrences in the test's namespace: the second completion of activity `charge`
    is `at=2`, whichever workflow it belongs to.
    """

    def __init__(self, planned: Sequence[Fault] = (), *, is_explored: bool = False) -> None:
        self._planned = list(planned)
        self._is_explored = is_explored
        self._broken: list[str] = []
        self._counts: Counter[tuple[Occasion, str]] = Counter()

    def lose_completion(self, activity: str, *, at: int = 1) -> None:
        """Lose the result that a worker reports; the worker believes that it was recorded.

        The attempt times out, and is made again if the retry policy allows it.
        """
        self._plan(FaultKind.LOSE_COMPLETION, activity, at)

    def duplicate_completion(self, activity: str, *, at: int = 1) -> None:
        """Have the result of an activity arrive twice."""
        self._plan(FaultKind.DUPLICATE_COMPLETION, activity, at)

    def delay_completion(self, activity: str, *, by: timedelta, at: int = 1) -> None:
        """Have the result of an activity arrive later, by the test's time; it may be too late."""
        self._planned.append(
            Fault(kind=FaultKind.DELAY_COMPLETION, subject=activity, at=at, span=by)
        )

    def fail_attempt(self, activity: str, *, at: int = 1) -> None:
        """Fail an attempt before a worker gets it: nothing of it has been done."""
        self._plan(FaultKind.FAIL_ATTEMPT, activity, at)

    def fail_completion(self, activity: str, *, at: int = 1) -> None:
        """Fail an attempt in place of its completion: all of it has been done."""
        self._plan(FaultKind.FAIL_COMPLETION, activity, at)

    def lose_heartbeat(self, activity: str, *, at: int = 1) -> None:
        """Lose a heartbeat with its details; the worker believes that it was recorded."""
        self._plan(FaultKind.LOSE_HEARTBEAT, activity, at)

    def kill_worker(self, workflow: str, *, at: int = 1) -> None:
        """Have the workers die when one is about to report a workflow task of this type.

        That task and all others that workers have are lost, and so are the workflows that they hold
        in memory: others take over from the history. Code of activities runs on, unheard.
        """
        self._plan(FaultKind.KILL_WORKER, workflow, at)

    def delay_signal(self, signal: str, *, at: int = 1) -> None:
        """Let a signal wait until the workflow's next workflow task has been recorded.

        If that task continues as new, the signal reaches the new run. The sender waits as well;
        without a workflow task the signal arrives a moment later.
        """
        self._plan(FaultKind.DELAY_SIGNAL, signal, at)

    def swap_signals(self, signal: str, *, at: int = 1) -> None:
        """Let a signal be overtaken by the next one to the same workflow.

        The sender waits as well, so only signals that are sent at the same time change places.
        """
        self._plan(FaultKind.SWAP_SIGNALS, signal, at)

    def replay_every_step(self) -> None:
        """Have workers forget the workflow after each workflow task and replay it for the next.

        For the workers that `indelible.worker` makes from now on.
        """
        self._plan(FaultKind.REPLAY_EVERY_STEP, "", 1)

    @property
    def planned(self) -> Sequence[Fault]:
        """Return all faults, whether or not they have happened."""
        return tuple(self._planned)

    @property
    def counts(self) -> Mapping[tuple[Occasion, str], int]:
        """Return how often what has occurred so far."""
        return dict(self._counts)

    @property
    def ends_broken_runs(self) -> bool:
        """Whether a run whose code takes another way on replay ends at once, so that nobody waits.

        Not in a test that plans nothing: it may be about just that.
        """
        return self._is_explored or bool(self._planned)

    @property
    def broken(self) -> Sequence[str]:
        """Return what was said of each run whose code has taken another way on replay."""
        return tuple(self._broken)

    def note_broken(self, workflow: str, message: str) -> None:
        """Take note of such a run."""
        self._broken.append(f"workflow {workflow} is not deterministic: {message}")

    @property
    def replays_every_step(self) -> bool:
        """Whether workers are to keep nothing in memory."""
        return any(fault.kind is FaultKind.REPLAY_EVERY_STEP for fault in self._planned)

    def occur(self, occasion: Occasion, subject: str) -> Fault | None:
        """Count an occurrence, and return the fault that happens at it: of several, the first."""
        self._counts[occasion, subject] += 1
        number = self._counts[occasion, subject]
        for fault in self._planned:
            if OCCASIONS[fault.kind] is occasion and (fault.subject, fault.at) == (subject, number):
                return fault
        return None

    def _plan(self, kind: FaultKind, subject: str, at: int) -> None:
        self._planned.append(Fault(kind=kind, subject=subject, at=at))
