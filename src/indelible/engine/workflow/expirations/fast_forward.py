"""The time to which a run was to be fast-forwarded has come, while something was under way."""

from indelible.engine.workflow.rules.time_skipping import end_fast_forward
from indelible.engine.workflow.transition import Transition


def fire_fast_forward(step: Transition) -> None:
    """Skip no more time. Obsolete is no error."""
    clock = step.execution.time_skipping
    if step.execution.is_open and clock.fast_forward_at <= step.now:
        end_fast_forward(step)
