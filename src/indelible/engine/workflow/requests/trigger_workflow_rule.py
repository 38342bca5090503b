"""TriggerWorkflowRule: apply a rule to the activities of one run now (semantics 15.2)."""

from indelible.base.errors import workflow_already_completed
from indelible.base.workflow_rules import WorkflowRule
from indelible.engine.workflow.rules.activity_pausing import pause_by_rule
from indelible.engine.workflow.transition import Transition


def trigger_workflow_rule(step: Transition, rule: WorkflowRule) -> bool:
    """Pause the pending activities that a rule is about; return whether there were any.

    An attempt that a worker has goes on, as with `pause_activity`. It does not matter whether the
    rule has expired. Raises `NotFoundError` if the run is closed.
    """
    if not step.execution.is_open:
        raise workflow_already_completed()
    paused = [pause_by_rule(step, record, rule) for record in list(step.state.activities.values())]
    return any(paused)
