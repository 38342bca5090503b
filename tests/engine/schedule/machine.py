"""A schedule outside of any service: its clock is a number, its workflows are names in a list.

Owns a small loop that does what the shell does: wake the schedule when it wants to, carry out what
it decided, tell it what came of that.
"""

from dataclasses import dataclass, field

from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.enums.v1 import EventType, ScheduleOverlapPolicy
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.schedule.v1 import (
    IntervalSpec,
    Schedule,
    SchedulePatch,
    SchedulePolicies,
    ScheduleSpec,
    ScheduleState as StateMessage,
)
from temporalio.api.workflow.v1 import NewWorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    CreateScheduleRequest,
    DescribeScheduleResponse,
    PatchScheduleRequest,
    StartWorkflowExecutionRequest,
    UpdateScheduleRequest,
)

from indelible.base.ids import NamespaceId, RunId
from indelible.base.instants import NEVER, SECOND, Instant, duration_message, seconds
from indelible.engine.schedule import changes, outcomes
from indelible.engine.schedule.advancing import advance, closes_at, wake_at
from indelible.engine.schedule.description import describe
from indelible.engine.schedule.endings import action_end
from indelible.engine.schedule.spec import canonical_spec
from indelible.engine.schedule.starting import start_request
from indelible.engine.schedule.state import ScheduleState
from indelible.engine.schedule.step import ScheduleStep, cached_rules
from indelible.runtime.time_zones import TIME_ZONES

RULES_OF = cached_rules(TIME_ZONES)
START = Instant(1_800_000_000 * SECOND)
"""2027-01-15 08:00:00 UTC, the beginning of a minute."""

SKIP = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_SKIP
BUFFER_ONE = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE
BUFFER_ALL = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL
CANCEL_OTHER = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER
TERMINATE_OTHER = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER
ALLOW_ALL = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL

UNSPECIFIED = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_UNSPECIFIED

Policy = ScheduleOverlapPolicy.ValueType


def every(interval: float) -> ScheduleSpec:
    return ScheduleSpec(interval=[IntervalSpec(interval=duration_message(seconds(interval)))])


def schedule(
    spec: ScheduleSpec | None = None,
    *,
    overlap: Policy = SKIP,
    catchup: float = 0,
    state: StateMessage | None = None,
    pauses_on_failure: bool = False,
    keeps_workflow_id: bool = False,
) -> Schedule:
    made = Schedule(
        spec=canonical_spec(spec or every(60)),
        policies=SchedulePolicies(
            overlap_policy=overlap,
            pause_on_failure=pauses_on_failure,
            keep_original_workflow_id=keeps_workflow_id,
        ),
        state=state,
    )
    if catchup:
        made.policies.catchup_window.CopyFrom(DurationMessage(seconds=int(catchup)))
    made.action.start_workflow.CopyFrom(NewWorkflowExecutionInfo(workflow_id="w"))
    return made


@dataclass
class Running:
    """A workflow that somebody's worker works on."""

    number: int
    request: StartWorkflowExecutionRequest
    run_id: RunId
    started_at: Instant


@dataclass
class Machine:
    """One schedule and the workflows that it starts."""

    now: Instant = START
    running: dict[int, Running] = field(default_factory=dict)
    ended: dict[int, Running] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    requests: list[StartWorkflowExecutionRequest] = field(default_factory=list)
    refuses: bool = False
    """Whether each start meets a workflow id that is in use."""
    fails: bool = False
    """Whether each start fails for a while."""
    is_closed: bool = False
    _state: ScheduleState | None = None

    @property
    def state(self) -> ScheduleState:
        assert self._state is not None
        return self._state

    def create(self, made: Schedule, patch: SchedulePatch | None = None) -> None:
        request = CreateScheduleRequest(
            schedule_id="s", schedule=made, initial_patch=patch, request_id="create"
        )
        self._state = new = changes.new_schedule(
            request, namespace_id=NamespaceId("n"), run_id=RunId("r"), now=self.now
        )
        step = ScheduleStep(new, now=self.now, rules_of=RULES_OF)
        changes.begin(step, request.initial_patch)
        self._state = step.state
        self.settle()

    def step(self) -> ScheduleStep:
        return ScheduleStep(self.state, now=self.now, rules_of=RULES_OF)

    def update(self, made: Schedule, token: bytes = b"", request_id: str = "") -> None:
        step = self.step()
        changes.update(
            step,
            UpdateScheduleRequest(schedule=made, conflict_token=token, request_id=request_id),
        )
        self._state = step.state
        self.settle()

    def patch(self, patch: SchedulePatch, request_id: str = "") -> None:
        step = self.step()
        changes.patch_schedule(step, PatchScheduleRequest(patch=patch, request_id=request_id))
        self._state = step.state
        self.settle()

    def describe(self) -> DescribeScheduleResponse:
        return describe(self.step())

    def sleep(self, duration: float) -> None:
        """Let time pass; the schedule is woken when it wants to be."""
        end = Instant(self.now + seconds(duration))
        while (at := wake_at(self.state)) != NEVER and at <= end and not self.is_closed:
            self.now = max(self.now, at)
            self.settle()
        self.now = end

    def jump(self, duration: float) -> None:
        """Let time pass while nobody serves; then serve again."""
        self.now = Instant(self.now + seconds(duration))
        self.settle()

    def settle(self) -> None:
        """Take turns until nothing is due."""
        for _ in range(10_000):
            if NEVER < closes_at(self.state) <= self.now:
                self.is_closed = True
                return
            step = self.step()
            advance(step)
            self._state = step.state
            self._carry_out()
            at = wake_at(self.state)
            if at == NEVER or at > self.now:
                return
        raise AssertionError("a schedule that is never done")

    def _carry_out(self) -> None:
        step = self.step()
        for action in self.state.core.running:
            if action.stop and not action.is_stop_delivered:
                self.log.append(f"{action.stop} {action.number}")
                outcomes.record_stop_delivered(step, action.number, action.stop)
        for start in step.state.buffer:
            if not start.attempt or start.next_attempt_at > self.now:
                continue
            if self.refuses:
                outcomes.record_refused(step, start.number)
            elif self.fails:
                outcomes.record_start_failed(step, start.number)
            else:
                self.start(step, start.number)
        self._state = step.state

    def start(self, step: ScheduleStep, number: int) -> None:
        """Start the workflow of a ready start."""
        start = next(one for one in step.state.buffer if one.number == number)
        request = start_request(step.state, start, step.rules, namespace_name="name")
        run_id = RunId(f"run-{number}")
        self.running[number] = Running(number, request, run_id, self.now)
        self.requests.append(request)
        self.log.append(f"start {number} {request.workflow_id.removeprefix('w-2027-01-15T')}")
        outcomes.record_started(
            step,
            number,
            workflow_id=request.workflow_id,
            run_id=run_id,
            started_at=self.now,
        )

    def end(self, number: int, kind: str = "completed", text: str = "") -> None:
        """End a workflow that runs."""
        ended = self.running.pop(number, None) or self.ended[number]
        self.ended[number] = ended
        event = HistoryEvent(
            event_type=EventType.Value(f"EVENT_TYPE_WORKFLOW_EXECUTION_{kind.upper()}")
        )
        if kind == "completed" and text:
            result = event.workflow_execution_completed_event_attributes.result
            result.payloads.add(data=text.encode())
        if kind == "failed":
            event.workflow_execution_failed_event_attributes.failure.CopyFrom(Failure(message=text))
        step = self.step()
        outcomes.record_ended(
            step,
            number,
            action_end(
                event,
                workflow_id=ended.request.workflow_id,
                first_run_id=ended.run_id,
                started_at=ended.started_at,
            ),
        )
        self._state = step.state
        self.log.append(f"{kind} {number}")
        self.settle()
