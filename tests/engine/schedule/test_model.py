"""Any order of times, ends, patches and clock jumps: a schedule does as a naive one would.

The naive one is a list of those that wait, the number of the one that runs, and the words of
semantics 11.3 about each policy.
"""

from dataclasses import dataclass, field

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from temporalio.api.schedule.v1 import (
    BackfillRequest,
    SchedulePatch,
    ScheduleState as StateMessage,
    TriggerImmediatelyRequest,
)

from indelible.base.instants import MINUTE, SECOND, Instant, timestamp
from indelible.engine.schedule.starting import second_text
from indelible.engine.schedule.state import RECENT_ACTIONS_MAX
from tests.engine.schedule.machine import (
    ALLOW_ALL,
    BUFFER_ALL,
    BUFFER_ONE,
    CANCEL_OTHER,
    SKIP,
    START,
    TERMINATE_OTHER,
    UNSPECIFIED,
    Machine,
    Policy,
    every,
    schedule,
)

POLICIES = st.sampled_from([SKIP, BUFFER_ONE, BUFFER_ALL, CANCEL_OTHER, TERMINATE_OTHER, ALLOW_ALL])
OWN_POLICIES = st.sampled_from([UNSPECIFIED]) | POLICIES
STOPS = {CANCEL_OTHER: "cancel", TERMINATE_OTHER: "terminate"}
STEPS_MAX = 40


@dataclass
class Waiting:
    number: int
    nominal: Instant
    policy: Policy
    is_manual: bool


@dataclass
class Naive:
    """What a schedule does, one minute after the other."""

    policy: Policy
    window: int
    """Nanoseconds of the catch-up window."""
    pauses_on_failure: bool
    left: int | None
    """Actions that it may still take by itself; None for any number."""
    now: Instant = START
    cursor: Instant = START
    is_paused: bool = False
    numbers: int = 0
    waiting: list[Waiting] = field(default_factory=list)
    running: int | None = None
    """The one for whose end others wait."""
    stop: str = ""
    skipped: int = 0
    missed: int = 0
    started: list[int] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    @property
    def may_act(self) -> bool:
        return not self.is_paused and self.left != 0

    def wake(self, now: Instant) -> None:
        """Take the minutes that have come since the last look; then everybody has a turn."""
        self.now = now
        if self.may_act:
            while self.cursor + MINUTE - self.cursor % MINUTE <= now:
                self.cursor = Instant(self.cursor + MINUTE - self.cursor % MINUTE)
                if now - self.cursor > self.window:
                    self.missed += 1
                else:
                    self.add(self.cursor, UNSPECIFIED, is_manual=False)
        self.give_turns()

    def add(self, nominal: Instant, policy: Policy, *, is_manual: bool) -> None:
        self.numbers += 1
        self.waiting.append(Waiting(self.numbers, nominal, policy, is_manual))

    def pause(self, *, is_paused: bool) -> None:
        could_act, self.is_paused = self.may_act, is_paused
        if self.may_act and not could_act:
            self.cursor = max(self.cursor, self.now)

    def give_turns(self) -> None:
        """Apply the policies until nobody can start, nor stop anybody, any more."""
        while True:
            beside, chosen = self.sort_out()
            ready = [one for one in [*beside, *chosen] if self.may_start(one)]
            for one in sorted(ready, key=lambda one: one.number):
                self.started.append(one.number)
                name = second_text(one.nominal).removeprefix("2027-01-15T")
                self.log.append(f"start {one.number} {name}")
            self.running = next((one.number for one in ready if one in chosen), self.running)
            if not beside and not chosen:
                return

    def sort_out(self) -> tuple[list[Waiting], list[Waiting]]:
        """Return those that start whatever runs, and the one that starts because nothing does."""
        beside: list[Waiting] = []
        chosen: list[Waiting] = []
        kept: list[Waiting] = []
        stops: set[str] = set()
        for one in self.waiting:
            policy = one.policy or self.policy
            is_free = self.running is None
            if policy == ALLOW_ALL:
                beside.append(one)
            elif is_free and (not chosen or policy in STOPS):
                chosen = [one]
            elif policy in STOPS:
                stops.add(STOPS[policy])
                kept.append(one)
            elif policy == BUFFER_ALL or (policy == BUFFER_ONE and not kept):
                kept.append(one)
            else:
                self.skipped += 1
        self.waiting = kept
        for stop in ("terminate", "cancel"):
            if stop in stops:
                self.ask_to_stop(stop)
                break
        return beside, chosen

    def ask_to_stop(self, stop: str) -> None:
        if self.stop not in {stop, "terminate"}:
            self.stop = stop
            self.log.append(f"{stop} {self.running}")

    def may_start(self, one: Waiting) -> bool:
        if one.is_manual:
            return True
        if not self.may_act:
            return False
        if self.now - one.nominal > self.window:
            self.missed += 1
            return False
        if self.left is not None:
            self.left -= 1
        return True

    def end(self, number: int, kind: str) -> None:
        # Of those that run beside others only the last ones are remembered.
        is_known = number == self.running or number in self.started[-RECENT_ACTIONS_MAX:]
        if is_known and self.pauses_on_failure and kind in {"failed", "timed_out"}:
            self.is_paused = True
        if self.running == number:
            self.running, self.stop = None, ""
        self.log.append(f"{kind} {number}")
        self.give_turns()


class AnySchedule(RuleBasedStateMachine):
    """The same is done to both, and they do the same."""

    machine: Machine
    naive: Naive

    @initialize(
        policy=POLICIES,
        window_minutes=st.sampled_from([1, 5, 24 * 60]),
        pauses=st.booleans(),
        left=st.none() | st.integers(0, 6),
    )
    def create(
        self, policy: Policy, window_minutes: int, *, pauses: bool, left: int | None
    ) -> None:
        self.machine = Machine()
        self.naive = Naive(policy, window_minutes * MINUTE, pauses, left)
        state = StateMessage(limited_actions=left is not None, remaining_actions=left or 0)
        self.machine.create(
            schedule(
                every(60),
                overlap=policy,
                catchup=window_minutes * 60,
                state=state,
                pauses_on_failure=pauses,
            )
        )
        self.compare()

    @rule(seconds=st.integers(0, 400))
    def sleep(self, seconds: int) -> None:
        end = Instant(self.machine.now + seconds * SECOND)
        self.machine.sleep(seconds)
        minute = Instant(self.naive.now - self.naive.now % MINUTE + MINUTE)
        while minute <= end:
            self.naive.wake(minute)
            minute = Instant(minute + MINUTE)
        self.naive.now = end
        self.compare()

    @rule(seconds=st.integers(1, 1_200))
    def serve_nobody(self, seconds: int) -> None:
        self.machine.jump(seconds)
        self.naive.wake(self.machine.now)
        self.compare()

    @rule(seconds=st.integers(1, 300))
    def set_the_clock_back(self, seconds: int) -> None:
        self.machine.jump(-seconds)
        self.naive.wake(self.machine.now)
        self.compare()

    @precondition(lambda self: self.machine.running)
    @rule(data=st.data(), kind=st.sampled_from(["completed", "failed", "canceled", "timed_out"]))
    def end(self, data: st.DataObject, kind: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.machine.running)))
        self.naive.end(number, kind)
        self.machine.end(number, kind)
        self.compare(ends=True)

    @rule(is_paused=st.booleans())
    def pause(self, *, is_paused: bool) -> None:
        patch = SchedulePatch(pause="p") if is_paused else SchedulePatch(unpause="u")
        self.machine.patch(patch)
        self.naive.pause(is_paused=is_paused)
        self.naive.wake(self.naive.now)
        self.compare()

    @rule(policy=OWN_POLICIES)
    def trigger(self, policy: Policy) -> None:
        request = TriggerImmediatelyRequest(overlap_policy=policy)
        self.machine.patch(SchedulePatch(trigger_immediately=request))
        self.naive.add(self.naive.now, policy, is_manual=True)
        self.naive.give_turns()
        self.compare()

    @rule(policy=OWN_POLICIES, first=st.integers(-10, 60), count=st.integers(1, 4))
    def backfill(self, policy: Policy, first: int, count: int) -> None:
        times = [Instant(START + (first + one) * MINUTE) for one in range(count)]
        request = BackfillRequest(
            start_time=timestamp(times[0]), end_time=timestamp(times[-1]), overlap_policy=policy
        )
        self.machine.patch(SchedulePatch(backfill_request=[request]))
        for at in times:
            self.naive.add(at, policy, is_manual=True)
        self.naive.give_turns()
        self.compare()

    def compare(self, *, ends: bool = False) -> None:
        """Both have done the same, in the same order, and count the same."""
        core, naive = self.machine.state.core, self.naive
        log = naive.log
        if ends:
            # The model tells the end before what follows from it, the machine before it settles.
            log = sorted(log)
        assert (sorted(self.machine.log) if ends else self.machine.log) == log
        self.machine.log.clear()
        naive.log.clear()
        assert core.action_count == len(naive.started) == len(set(naive.started))
        assert core.overlap_skipped_count == naive.skipped
        assert core.missed_catchup_count == naive.missed
        assert core.is_paused == naive.is_paused
        assert [one.number for one in core.running] == ([naive.running] if naive.running else [])
        assert [one.number for one in self.machine.state.buffer] == [
            one.number for one in naive.waiting
        ]
        assert (core.remaining_count if core.is_limited else None) == naive.left


AnySchedule.TestCase.settings = settings(stateful_step_count=STEPS_MAX)
TestAnySchedule = AnySchedule.TestCase
