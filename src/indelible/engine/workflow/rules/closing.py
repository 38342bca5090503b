"""How a run ends: whatever is still pending is let go, and those who depend on the run are told.

Owns what every close has in common (semantics 2.6, 2.7, 8.2). Must not decide why or with which
event a run ends.
"""

from collections.abc import Sequence

from google.protobuf.message import Message
from temporalio.api.enums.v1 import ParentClosePolicy
from temporalio.api.sdk.v1 import EventGroupMarker, UserMetadata

from indelible.engine.workflow import deltas
from indelible.engine.workflow.rules.callbacks import (
    call_all_callbacks,
    call_callbacks_of_all_updates,
)
from indelible.engine.workflow.rules.workflow_tasks import drop_workflow_task
from indelible.engine.workflow.tasks import ApplyParentClosePolicy, ReportToParent
from indelible.engine.workflow.transition import Transition


def close_run(
    step: Transition,
    attributes: Message,
    *,
    user_metadata: UserMetadata | None = None,
    event_group_markers: Sequence[EventGroupMarker] = (),
    is_reset: bool = False,
) -> None:
    """Close the run with the event that the attributes make.

    A started workflow task is failed first (trap 18); held-back events are written before the
    close event. `attributes` name the successor run, if there is one: then the parent is not told
    yet. Nobody is told of a close by a reset: another run goes on in its place.
    """
    drop_workflow_task(step)
    step.flush()
    for activity in step.state.activities.values():
        step.release(activity.dispatch)
    step.emit(attributes, user_metadata=user_metadata, event_group_markers=event_group_markers)
    step.change(deltas.RetentionFixed(retention=step.settings.retention))
    if is_reset:
        return
    if step.execution.parent is not None and not step.execution.successor_run_id:
        step.transfer(ReportToParent(task_id=step.next_task_id()))
    call_callbacks_of_all_updates(step)
    if not step.execution.successor_run_id:
        call_all_callbacks(step)
    _apply_parent_close_policies(step)


def _apply_parent_close_policies(step: Transition) -> None:
    """Tell the children that started; those that did not are dropped (semantics 8.2)."""
    for child in step.state.children.values():
        is_abandoned = child.parent_close_policy == ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON
        if child.is_started and not is_abandoned:
            step.transfer(
                ApplyParentClosePolicy(
                    task_id=step.next_task_id(),
                    namespace_id=child.namespace_id,
                    workflow_id=child.workflow_id,
                    first_run_id=child.run_id,
                    policy=child.parent_close_policy,
                )
            )
