"""Links to events of a run, as answers to clients carry them.

Owns the two ways to name an event: by its id, or, while it has none, by the request that caused it.
"""

from temporalio.api.common.v1 import Link
from temporalio.api.enums.v1 import EventType

from indelible.base.ids import FIRST_EVENT_ID
from indelible.engine.namespace.record import Namespace
from indelible.engine.workflow.state import ExecutionRecord


def started_link(namespace: Namespace, execution: ExecutionRecord) -> Link:
    """Return a link to the first event of a run."""
    link = _run_link(namespace, execution)
    link.workflow_event.event_ref.event_id = FIRST_EVENT_ID
    link.workflow_event.event_ref.event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
    return link


def request_link(
    namespace: Namespace,
    execution: ExecutionRecord,
    request_id: str,
    event_type: "EventType.ValueType",
) -> Link:
    """Return a link to the event that a request has caused, and that may have no id yet."""
    link = _run_link(namespace, execution)
    link.workflow_event.request_id_ref.request_id = request_id
    link.workflow_event.request_id_ref.event_type = event_type
    return link


def _run_link(namespace: Namespace, execution: ExecutionRecord) -> Link:
    return Link(
        workflow_event=Link.WorkflowEvent(
            namespace=namespace.name,
            workflow_id=execution.workflow_id,
            run_id=execution.run_id,
        )
    )
