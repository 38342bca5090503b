"""When the time of a run is skipped, and what other runs take from its clock.

Owns the end of a step of a run that may skip time: if nothing is under way, its clock jumps to
whatever it waits for. Its deadlines have then come, and fire as always. Must not know who
configured it.
"""

from collections.abc import Iterator

from temporalio.api.common.v1 import TimeSkippingStatePropagation
from temporalio.api.history.v1 import (
    StartChildWorkflowExecutionInitiatedEventAttributes,
    WorkflowExecutionStartedEventAttributes,
    WorkflowExecutionTimeSkippingTransitionedEventAttributes,
)

from indelible.base.instants import Duration, Instant, duration_message, timestamp
from indelible.engine.workflow.state import ActivityRecord, StateView
from indelible.engine.workflow.time_skipping import config_message
from indelible.engine.workflow.transition import Transition


def skip_time(step: Transition) -> None:
    """End a step of a run that may skip time: let its clock jump if it only waits.

    What is due at the present instant has its turn first. A fast-forward that ends here ends with
    the jump.
    """
    clock = step.execution.time_skipping
    if not clock.is_enabled or not _is_idle(step.state, step.now):
        return
    targets = list(_targets(step.state))
    if clock.awaits_fast_forward:
        targets.append(clock.fast_forward_at)
    target = min(targets, default=step.now)
    if target <= step.now:
        return
    is_over = clock.awaits_fast_forward and target == clock.fast_forward_at
    _emit(step, target=target, is_fast_forward_over=is_over)


def end_fast_forward(step: Transition) -> None:
    """Skip no more time: the fast-forward has come to its end while something was under way."""
    if step.execution.time_skipping.awaits_fast_forward:
        _emit(step, target=None, is_fast_forward_over=True)


def _emit(step: Transition, *, target: Instant | None, is_fast_forward_over: bool) -> None:
    wall_clock = Instant(step.now - step.execution.time_skipping.skipped)
    step.emit(
        WorkflowExecutionTimeSkippingTransitionedEventAttributes(
            target_time=None if target is None else timestamp(target),
            disabled_after_fast_forward=is_fast_forward_over,
            wall_clock_time=timestamp(wall_clock),
        )
    )


def _is_idle(state: StateView, now: Instant) -> bool:
    """Whether a run does nothing but wait for a time.

    Retries of activities wait; whatever is with a worker, or with another run, does not.
    """
    execution = state.execution
    is_under_way = (
        execution.workflow_task is not None
        or state.nexus_operations
        or state.children
        or state.external_signals
        or state.external_cancels
    )
    if not execution.is_open or execution.pause is not None or is_under_way:
        return False
    return all(_awaits_retry(activity, now) for activity in state.activities.values())


def _awaits_retry(activity: ActivityRecord, now: Instant) -> bool:
    return activity.is_backing_off and activity.pause is None and now < activity.scheduled_at


def _targets(state: StateView) -> Iterator[Instant]:
    """What an idle run waits for.

    The timeouts of the run count once it has worked: a child whose parent does not know yet that it
    has started would jump to its own end.
    """
    execution = state.execution
    for timer in state.timers.values():
        yield timer.fires_at
    for activity in state.activities.values():
        yield activity.scheduled_at
    if execution.is_in_backoff:
        yield execution.execution_time
    elif execution.last_completed_task_started_event_id:
        if execution.run_expires_at:
            yield execution.run_expires_at
        if execution.execution_expires_at:
            yield execution.execution_expires_at


def pass_on_to_next_run(step: Transition, started: WorkflowExecutionStartedEventAttributes) -> None:
    """Let the next run of the chain go on by the clock of this one, and under its rules."""
    started.ClearField("time_skipping_config")
    started.ClearField("time_skipping_state_propagation")
    clock = step.execution.time_skipping
    if not clock.is_known:
        return
    config = config_message(clock)
    if config is not None:
        started.time_skipping_config.CopyFrom(config)
    inherited = started.time_skipping_state_propagation
    inherited.initial_skipped_duration.CopyFrom(duration_message(clock.skipped))
    inherited.initial_skip_count = clock.skip_count
    if clock.fast_forward_at:
        inherited.fast_forward_target_time.CopyFrom(timestamp(clock.fast_forward_at))


def pass_on_to_child(
    step: Transition, initiated: StartChildWorkflowExecutionInitiatedEventAttributes
) -> None:
    """Let a child begin in the time of its parent; its fast-forward is the parent's own affair."""
    clock = step.execution.time_skipping
    if clock.skipped:
        initiated.time_skipping_state_propagation.CopyFrom(inherited_time(clock.skipped))
    config = config_message(clock)
    if config is not None and not clock.is_private:
        config.ClearField("fast_forward_config")
        initiated.time_skipping_config.CopyFrom(config)


def inherited_time(skipped: Duration) -> TimeSkippingStatePropagation:
    """Return how a run is told that its clock is ahead from the beginning."""
    return TimeSkippingStatePropagation(initial_skipped_duration=duration_message(skipped))
