"""A start that found its workflow running is attached to it (semantics 2.2)."""

from temporalio.api.history.v1 import WorkflowExecutionOptionsUpdatedEventAttributes
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest

from indelible.base.ids import UNASSIGNED_EVENT_ID
from indelible.engine.workflow import deltas
from indelible.engine.workflow.rules.callbacks import check_callback_count
from indelible.engine.workflow.transition import Transition


def attach_to_run(step: Transition, request: StartWorkflowExecutionRequest) -> None:
    """Attach what the request's on-conflict options name; no workflow task follows.

    Raises `FailedPreconditionError` if the run would have too many callbacks.
    """
    options = request.on_conflict_options
    callbacks = request.completion_callbacks if options.attach_completion_callbacks else ()
    count_max = step.settings.limits.callbacks_per_execution_max
    check_callback_count(step.state, callbacks, count_max=count_max)
    event = step.emit(
        WorkflowExecutionOptionsUpdatedEventAttributes(
            attached_request_id=request.request_id if options.attach_request_id else "",
            attached_completion_callbacks=callbacks,
        ),
        links=list(request.links) if options.attach_links else (),
    )
    if options.attach_request_id:
        step.change(
            deltas.RequestIdAttached(
                request_id=request.request_id,
                event_type=event.event_type,
                event_id=UNASSIGNED_EVENT_ID,
            )
        )
