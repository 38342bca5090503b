"""A run's deadlines have come: fire them, in order.

Owns the order and the end of it. What a deadline does is in the file of its kind; the deletion of a
closed run is no step of that run, and is left to the caller.
"""

from typing import Final, Literal, assert_never

from indelible.base.ids import EventId
from indelible.base.invariants import invariant
from indelible.engine.workflow.expirations.activity import fire_activity_deadline
from indelible.engine.workflow.expirations.backoff import fire_backoff
from indelible.engine.workflow.expirations.callback import fire_callback_interval
from indelible.engine.workflow.expirations.execution_timeout import fire_execution_timeout
from indelible.engine.workflow.expirations.fast_forward import fire_fast_forward
from indelible.engine.workflow.expirations.nexus_operation import fire_nexus_operation_deadline
from indelible.engine.workflow.expirations.run_timeout import fire_run_timeout
from indelible.engine.workflow.expirations.user_timer import fire_user_timer
from indelible.engine.workflow.expirations.workflow_task import fire_workflow_task_timeout
from indelible.engine.workflow.rules.successor import StartEvent
from indelible.engine.workflow.rules.workflow_tasks import require_workflow_task
from indelible.engine.workflow.timer_sequence import Deadline, DeadlineKind, TimerSequence
from indelible.engine.workflow.transition import Transition

REPEATS_MAX: Final = 1
"""The retry interval of an activity may end at the very instant at which it times out for good."""

_KindOfRun = Literal[
    DeadlineKind.WORKFLOW_TASK,
    DeadlineKind.BACKOFF,
    DeadlineKind.RUN_TIMEOUT,
    DeadlineKind.EXECUTION_TIMEOUT,
    DeadlineKind.FAST_FORWARD,
    DeadlineKind.RETENTION,
]


def fire_due(
    step: Transition, timers: TimerSequence, start_event: StartEvent | None = None
) -> bool:
    """Fire all deadlines that have come; return whether there were any.

    `start_event` is needed if the run times out and another one follows. The timers look ahead
    within the step: should it be given up, they must be, too.
    """
    last: Deadline | None = None
    repeat_count = 0
    is_task_needed = False
    while (deadline := timers.due(step.state, step.now)) is not None:
        if deadline.kind is DeadlineKind.RETENTION:
            break
        repeat_count = repeat_count + 1 if deadline == last else 0
        invariant(repeat_count <= REPEATS_MAX, "a deadline fired, and is still there")
        last = deadline
        is_task_needed |= _fire(step, timers, deadline, start_event)
    if is_task_needed and step.execution.is_open:
        require_workflow_task(step)
    return last is not None


def _fire(
    step: Transition, timers: TimerSequence, deadline: Deadline, start_event: StartEvent | None
) -> bool:
    """Fire one deadline; return whether a workflow task must follow, behind all that is due now."""
    match deadline.kind:
        case DeadlineKind.USER_TIMER:
            return fire_user_timer(step, str(deadline.subject))
        case DeadlineKind.ACTIVITY:
            scheduled_event_id = EventId(int(deadline.subject))
            is_task_needed = fire_activity_deadline(step, scheduled_event_id)
            timers.follow_activity(step.state, scheduled_event_id)
            return is_task_needed
        case DeadlineKind.NEXUS_OPERATION:
            scheduled_event_id = EventId(int(deadline.subject))
            is_task_needed = fire_nexus_operation_deadline(step, scheduled_event_id)
            timers.follow_nexus_operation(step.state, scheduled_event_id)
            return is_task_needed
        case DeadlineKind.CALLBACK:
            fire_callback_interval(step, str(deadline.subject))
        case _:
            _fire_deadline_of_run(step, deadline.kind, start_event)
    return False


def _fire_deadline_of_run(
    step: Transition, kind: _KindOfRun, start_event: StartEvent | None
) -> None:
    """Fire a deadline that a run has only one of; its end is the shell's affair."""
    match kind:
        case DeadlineKind.WORKFLOW_TASK:
            fire_workflow_task_timeout(step)
        case DeadlineKind.BACKOFF:
            fire_backoff(step)
        case DeadlineKind.RUN_TIMEOUT:
            fire_run_timeout(step, start_event)
        case DeadlineKind.EXECUTION_TIMEOUT:
            fire_execution_timeout(step)
        case DeadlineKind.FAST_FORWARD:
            fire_fast_forward(step)
        case DeadlineKind.RETENTION:
            pass
        case _:
            assert_never(kind)
