"""What goes wrong in a test: faults as data, each at one occurrence of something.

Owns their names, as the test writes them, and the counting of occurrences. Must not know how a
fault is brought about.
"""

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import Enum, StrEnum
from typing import Final, TypeAlias

import msgspec

IDENTITY: Final = "fault injection"
"""Who reports what no worker has reported."""
FAILURE_TYPE: Final = "InjectedFault"
"""Of the failures that no code has raised."""
_SIGNAL_PATIENCE: Final = timedelta(seconds=0.3)

Subject: TypeAlias = tuple[str, ...]
"""What an occasion is about: one name, two, or none."""


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
    EVENT = "event"
    """An event is seen in a history; the subject is the workflow type and the event's."""
    SIGNAL = "signal"
    """A client or a workflow sends a signal; the subject is its name."""
    LOCAL_ATTEMPT = "local attempt"
    """A worker begins an attempt of a local activity; the subject is the activity type."""
    LOCAL_COMPLETION = "local completion"
    """An attempt of a local activity has succeeded; the subject is the activity type."""
    LOCAL_RECORD = "local record"
    """A worker reports the result of a local activity; the subject is the activity type."""
    NEXUS_ATTEMPT = "Nexus attempt"
    """A request to start an operation is handed to a worker; the subject is service, operation."""
    NEXUS_ANSWER = "Nexus answer"
    """A worker answers such a request; the subject is service and operation."""
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
    KILL_WORKER_AFTER = "kill_worker_after"
    DELAY_SIGNAL = "delay_signal"
    SWAP_SIGNALS = "swap_signals"
    FAIL_LOCAL_ATTEMPT = "fail_local_attempt"
    FAIL_LOCAL_COMPLETION = "fail_local_completion"
    LOSE_LOCAL_COMPLETION = "lose_local_completion"
    FAIL_NEXUS_ATTEMPT = "fail_nexus_attempt"
    LOSE_NEXUS_ANSWER = "lose_nexus_answer"
    REPLAY_EVERY_STEP = "replay_every_step"


OCCASIONS: Final[Mapping[FaultKind, Occasion]] = {
    FaultKind.LOSE_COMPLETION: Occasion.COMPLETION,
    FaultKind.DUPLICATE_COMPLETION: Occasion.COMPLETION,
    FaultKind.DELAY_COMPLETION: Occasion.COMPLETION,
    FaultKind.FAIL_ATTEMPT: Occasion.ATTEMPT,
    FaultKind.FAIL_COMPLETION: Occasion.COMPLETION,
    FaultKind.LOSE_HEARTBEAT: Occasion.HEARTBEAT,
    FaultKind.KILL_WORKER: Occasion.WORKFLOW_TASK,
    FaultKind.KILL_WORKER_AFTER: Occasion.EVENT,
    FaultKind.DELAY_SIGNAL: Occasion.SIGNAL,
    FaultKind.SWAP_SIGNALS: Occasion.SIGNAL,
    FaultKind.FAIL_LOCAL_ATTEMPT: Occasion.LOCAL_ATTEMPT,
    FaultKind.FAIL_LOCAL_COMPLETION: Occasion.LOCAL_COMPLETION,
    FaultKind.LOSE_LOCAL_COMPLETION: Occasion.LOCAL_RECORD,
    FaultKind.FAIL_NEXUS_ATTEMPT: Occasion.NEXUS_ATTEMPT,
    FaultKind.LOSE_NEXUS_ANSWER: Occasion.NEXUS_ANSWER,
    FaultKind.REPLAY_EVERY_STEP: Occasion.WORKER,
}
"""When each kind of fault can happen."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that goes wrong."""

    kind: FaultKind
    subject: Subject = ()
    at: int = 1
    """At which occurrence of its occasion, counted from 1."""
    span: timedelta | None = None

    @property
    def code(self) -> str:
        """Return the line of a test that plans it."""
        arguments = [json.dumps(name, ensure_ascii=False) for name in self.subject]
        if OCCASIONS[self.kind] is not Occasion.WORKER:
            arguments.append(f"at={self.at}")
        if self.span is not None:
            arguments.append(f"by=timedelta(seconds={self.span.total_seconds():g})")
        return f"indelible.faults.{self.kind}({', '.join(arguments)})"


class Faults:
    """What goes wrong in one test. Plan it before it is due; each fault happens once.

    `at` counts the occurrences in the test's namespace: the second completion of activity `charge`
    is `at=2`, whichever workflow it belongs to.
    """

    def __init__(self, planned: Sequence[Fault] = (), *, is_explored: bool = False) -> None:
        self.signal_patience: timedelta = _SIGNAL_PATIENCE
        """Real time for which a signal waits for what it is to wait for."""
        self._planned = list(planned)
        self._is_explored = is_explored
        self._broken: list[str] = []
        self._counts: Counter[tuple[Occasion, Subject]] = Counter()
        self._counting = threading.Lock()  # The server counts in its thread, workers in theirs.

    def lose_completion(self, activity: str, *, at: int = 1) -> None:
        """Lose the result that a worker reports; the worker believes that it was recorded.

        The attempt times out, and is made again if the retry policy allows it.
        """
        self._plan(FaultKind.LOSE_COMPLETION, activity, at=at)

    def duplicate_completion(self, activity: str, *, at: int = 1) -> None:
        """Have the result of an activity arrive twice."""
        self._plan(FaultKind.DUPLICATE_COMPLETION, activity, at=at)

    def delay_completion(self, activity: str, *, by: timedelta, at: int = 1) -> None:
        """Have the result of an activity arrive later, by the test's time; it may be too late."""
        self._planned.append(
            Fault(kind=FaultKind.DELAY_COMPLETION, subject=(activity,), at=at, span=by)
        )

    def fail_attempt(self, activity: str, *, at: int = 1) -> None:
        """Fail an attempt before a worker gets it: nothing of it has been done."""
        self._plan(FaultKind.FAIL_ATTEMPT, activity, at=at)

    def fail_completion(self, activity: str, *, at: int = 1) -> None:
        """Fail an attempt in place of its completion: all of it has been done."""
        self._plan(FaultKind.FAIL_COMPLETION, activity, at=at)

    def lose_heartbeat(self, activity: str, *, at: int = 1) -> None:
        """Lose a heartbeat with its details; the worker believes that it was recorded."""
        self._plan(FaultKind.LOSE_HEARTBEAT, activity, at=at)

    def kill_worker(self, workflow: str, *, at: int = 1) -> None:
        """Have the workers die when one is about to report a workflow task of this type.

        That task and all others that workers have are lost, and so are the workflows that they hold
        in memory: others take over from the history. Code of activities runs on, unheard.
        """
        self._plan(FaultKind.KILL_WORKER, workflow, at=at)

    def kill_worker_after(self, workflow: str, event: str, *, at: int = 1) -> None:
        """Have the workers die when a workflow of this type has an event, such as `TimerFired`.

        What they do because of it is lost. An event that a worker asked for, such as
        `ActivityTaskScheduled`, is seen when the worker has reported the workflow task.
        """
        self._plan(FaultKind.KILL_WORKER_AFTER, workflow, event, at=at)

    def delay_signal(self, signal: str, *, at: int = 1) -> None:
        """Let a signal wait until the workflow's next workflow task has been recorded.

        If that task continues as new, the signal reaches the new run. The sender waits as well;
        without a workflow task the signal arrives a moment later.
        """
        self._plan(FaultKind.DELAY_SIGNAL, signal, at=at)

    def swap_signals(self, signal: str, *, at: int = 1) -> None:
        """Let a signal be overtaken by the next one to the same workflow.

        The sender waits as well, so only signals that are sent at the same time change places.
        """
        self._plan(FaultKind.SWAP_SIGNALS, signal, at=at)

    def fail_local_attempt(self, activity: str, *, at: int = 1) -> None:
        """Fail an attempt of a local activity before it begins.

        For the workers that `indelible.worker` makes, as `fail_local_completion`.
        """
        self._plan(FaultKind.FAIL_LOCAL_ATTEMPT, activity, at=at)

    def fail_local_completion(self, activity: str, *, at: int = 1) -> None:
        """Fail an attempt of a local activity when all of it has been done."""
        self._plan(FaultKind.FAIL_LOCAL_COMPLETION, activity, at=at)

    def lose_local_completion(self, activity: str, *, at: int = 1) -> None:
        """Have the workers die when one is about to report the result of a local activity.

        It is no task of its own, so nobody knows that it has been done, and it is done again.
        """
        self._plan(FaultKind.LOSE_LOCAL_COMPLETION, activity, at=at)

    def fail_nexus_attempt(self, service: str, operation: str, *, at: int = 1) -> None:
        """Fail a request to start a Nexus operation before a worker gets it; it is repeated."""
        self._plan(FaultKind.FAIL_NEXUS_ATTEMPT, service, operation, at=at)

    def lose_nexus_answer(self, service: str, operation: str, *, at: int = 1) -> None:
        """Lose the answer to a request to start a Nexus operation, whose handler has done its work.

        The caller is told that nobody has answered, and repeats the request with the same id.
        """
        self._plan(FaultKind.LOSE_NEXUS_ANSWER, service, operation, at=at)

    def replay_every_step(self) -> None:
        """Have workers forget the workflow after each workflow task and replay it for the next.

        For the workers that `indelible.worker` makes from now on.
        """
        self._plan(FaultKind.REPLAY_EVERY_STEP, at=1)

    @property
    def planned(self) -> Sequence[Fault]:
        """Return all faults, whether or not they have happened."""
        return tuple(self._planned)

    @property
    def counts(self) -> Mapping[tuple[Occasion, Subject], int]:
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

    def occur(self, occasion: Occasion, *subject: str) -> Fault | None:
        """Count an occurrence, and return the fault that happens at it: of several, the first."""
        with self._counting:
            self._counts[occasion, subject] += 1
            number = self._counts[occasion, subject]
        for fault in self._planned:
            if OCCASIONS[fault.kind] is occasion and (fault.subject, fault.at) == (subject, number):
                return fault
        return None

    def _plan(self, kind: FaultKind, *subject: str, at: int) -> None:
        self._planned.append(Fault(kind=kind, subject=subject, at=at))
