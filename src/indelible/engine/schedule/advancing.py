"""What a schedule does by itself: times become starts, starts get their turn.

Owns the order in which that happens (semantics 11.3), and the bounds of one step: a schedule that
has much to catch up with does so in many steps, and others get their turn in between.
"""

from typing import Final

from msgspec.structs import replace

from indelible.base.instants import (
    DAY,
    HOUR,
    NEVER,
    Duration,
    Instant,
    after,
    elapsed,
)
from indelible.engine.schedule.overlaps import plan_starts
from indelible.engine.schedule.state import (
    BUFFERED_STARTS_MAX,
    READY_STARTS_MAX,
    STOP_TERMINATE,
    Backfill,
    BufferedStart,
    ScheduleState,
)
from indelible.engine.schedule.step import ScheduleStep
from indelible.engine.schedule.times import ActionTime

TIMES_PER_STEP_MAX: Final = 500
BACKFILLED_PER_STEP_MAX: Final = 100
SKIPPED_TIMES_MAX: Final = 100
IDLE_TIME: Final = Duration(7 * DAY)
"""A schedule that has nothing more to do is kept so long."""
START_PATIENCE_MAX: Final = HOUR
"""A start that fails is tried again so long, or within the catch-up window if that is shorter."""
_AT_ONCE: Final = Instant(1)


def advance(step: ScheduleStep) -> None:
    """Take the times that have come, and give starts their turn."""
    _take_times(step)
    _take_backfills(step)
    give_turns(step)


def skip_to_now(step: ScheduleStep) -> None:
    """Leave out all times that have come; the next one is the first that has not."""
    step.change(cursor=_skipped(step))
    following = step.rules.times.next_time(step.core.cursor, step.seed)
    step.change(next_action_at=following.at if following is not None else NEVER)


def future_times(step: ScheduleStep, count_max: int) -> list[ActionTime]:
    """Return the next times at which the schedule would act, paused or not."""
    if step.core.is_limited:
        count_max = min(count_max, max(step.core.remaining_count, 0))
    return step.rules.times.times_between(_skipped(step), _END, step.seed, count_max)


# ---------------------------------------------------------------------------------------- by times
def _take_times(step: ScheduleStep) -> None:
    core = step.core
    # While it may not act, nobody looks: `skip_to_now` leaves those times out when it may again.
    if not core.may_act or core.next_action_at == NEVER or core.next_action_at > step.now:
        return
    if _ready_count(step.state) >= READY_STARTS_MAX:
        return
    cursor, missed_count, dropped_count = core.cursor, 0, 0
    waiting_count = len(step.state.buffer)
    times, window = step.rules.times, step.rules.catchup_window
    following = times.next_time(cursor, step.seed)
    for _ in range(TIMES_PER_STEP_MAX):
        if following is None or following.at > step.now:
            break
        cursor = following.nominal
        if elapsed(following.at, step.now) > window:
            missed_count += 1
        elif waiting_count >= BUFFERED_STARTS_MAX:
            dropped_count += 1
        else:
            step.buffer(following.nominal, following.at)
            waiting_count += 1
        following = times.next_time(cursor, step.seed)
    step.change(
        cursor=cursor,
        next_action_at=following.at if following is not None else NEVER,
        missed_catchup_count=core.missed_catchup_count + missed_count,
        buffer_dropped_count=core.buffer_dropped_count + dropped_count,
    )


def _skipped(step: ScheduleStep) -> Instant:
    """Return the nominal time up to which nothing is to come any more.

    With a jitter the last nominal time may have passed while its own moment has not.
    """
    jitter = step.rules.times.jitter
    cursor = max(step.core.cursor, Instant(step.now - jitter))
    if not jitter:
        return cursor
    for found in step.rules.times.times_between(cursor, step.now, step.seed, SKIPPED_TIMES_MAX):
        cursor = found.nominal
    following = step.rules.times.next_time(cursor, step.seed)
    return step.now if following is not None and following.at <= step.now else cursor


def _take_backfills(step: ScheduleStep) -> None:
    capacity = _backfill_capacity(step.state)
    left: list[Backfill] = []
    for backfill in step.core.backfills:
        count = min(capacity, BACKFILLED_PER_STEP_MAX)
        found = step.rules.times.nominal_times(backfill.after, backfill.end, count)
        for nominal in found:
            step.buffer(nominal, nominal, policy=backfill.policy, is_manual=True)
        capacity -= len(found)
        if len(found) == count:
            done = found[-1] if found else backfill.after
            left.append(replace(backfill, after=done))
    if tuple(left) != step.core.backfills:
        step.change(backfills=tuple(left))


def _backfill_capacity(state: ScheduleState) -> int:
    """Return how many starts backfills may add; the other half of the buffer is not theirs."""
    free = BUFFERED_STARTS_MAX // 2 - len(state.buffer)
    return max(0, min(free, READY_STARTS_MAX - _ready_count(state)))


def ready_starts(state: ScheduleState, now: Instant) -> list[BufferedStart]:
    """Return the starts that are decided, and to be made now."""
    return [start for start in state.buffer if start.attempt and start.next_attempt_at <= now]


def _ready_count(state: ScheduleState) -> int:
    return sum(start.attempt > 0 for start in state.buffer)


# ---------------------------------------------------------------------------------------- by turns
def give_turns(step: ScheduleStep) -> None:
    """Apply the overlap policies to whatever waits; starts that have their turn become ready."""
    while True:
        waiting = [start for start in step.state.buffer if not start.attempt]
        if not waiting:
            return
        plan = plan_starts(
            waiting, is_busy=is_busy(step.state), default_policy=step.rules.overlap_policy
        )
        ready = [replace(start, is_overlapping=True) for start in plan.overlapping]
        if plan.next is not None:
            ready.append(plan.next)
        ready = [turn for start in ready if (turn := _turn(step, start)) is not None]
        step.change_buffer(
            tuple(
                sorted(
                    (*(one for one in step.state.buffer if one.attempt), *ready, *plan.waiting),
                    key=lambda start: start.number,
                )
            )
        )
        if plan.skipped_count:
            step.change(overlap_skipped_count=step.core.overlap_skipped_count + plan.skipped_count)
        if plan.stop:
            _stop_running(step, plan.stop)
        # The turn of one that may not start is the next one's.
        if plan.next is None or is_busy(step.state):
            return


def is_busy(state: ScheduleState) -> bool:
    """Whether an action runs, or is about to, for whose end others wait."""
    return bool(state.core.running) or any(
        start.attempt and not start.is_overlapping for start in state.buffer
    )


def _turn(step: ScheduleStep, start: BufferedStart) -> BufferedStart | None:
    """Return a start that is to be made now; None if it may not."""
    patience = START_PATIENCE_MAX
    if not start.is_manual:
        core, window = step.core, step.rules.catchup_window
        if elapsed(start.at, step.now) > window:
            if core.may_act:
                step.change(missed_catchup_count=core.missed_catchup_count + 1)
            return None
        if not core.may_act:
            return None
        if core.is_limited:
            # A client that is about to write the count back must not undo this.
            step.change(
                remaining_count=core.remaining_count - 1,
                conflict_token=core.conflict_token + 1,
            )
        patience = min(patience, window)
    return replace(start, attempt=1, next_attempt_at=step.now, give_up_at=after(step.now, patience))


def _stop_running(step: ScheduleStep, stop: str) -> None:
    """Have what runs stopped; to terminate is more than to cancel."""
    running = tuple(
        action
        if action.stop in {stop, STOP_TERMINATE}
        else replace(action, stop=stop, is_stop_delivered=False)
        for action in step.core.running
    )
    if running != step.core.running:
        step.change(running=running)


# ----------------------------------------------------------------------------------------- wake-up
def wake_at(state: ScheduleState) -> Instant:
    """Return when a schedule must be looked at next; `NEVER` for not by itself."""
    core = state.core
    found = [start.next_attempt_at for start in state.buffer if start.attempt]
    has_room = len(found) < READY_STARTS_MAX
    if any(action.stop and not action.is_stop_delivered for action in core.running):
        found.append(_AT_ONCE)
    if core.may_act and has_room and core.next_action_at != NEVER:
        found.append(core.next_action_at)
    if core.backfills and _backfill_capacity(state):
        found.append(_AT_ONCE)
    idle_at = closes_at(state)
    if idle_at != NEVER:
        found.append(idle_at)
    return min(found, default=NEVER)


def closes_at(state: ScheduleState) -> Instant:
    """Return when a schedule that has nothing more to do is removed; `NEVER` if it has."""
    core = state.core
    has_times = core.next_action_at != NEVER and core.may_act
    if core.is_paused or has_times or core.backfills or core.running or state.buffer:
        return NEVER
    last = max(core.created_at, core.changed_at, *(one.started_at for one in core.recent))
    return after(last, IDLE_TIME)


_END: Final = Instant(2**62)
