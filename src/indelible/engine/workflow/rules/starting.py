"""How a run begins: its started event, and its first workflow task unless it has to wait.

Owns what every start has in common, whoever asks for it: a client, a parent, or the run before
(semantics 2.3). Must not know why a run starts, nor whether its id is free.
"""

from collections.abc import MutableMapping, Sequence
from typing import Final

from temporalio.api.common.v1 import Link, Payload
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes
from temporalio.api.sdk.v1 import UserMetadata

from indelible.base.ids import EventId
from indelible.base.payloads import is_removal
from indelible.engine.workflow import deltas
from indelible.engine.workflow.rules.workflow_tasks import schedule_workflow_task
from indelible.engine.workflow.transition import Transition

_PRESENT: Final = ("workflow_task_timeout", "first_workflow_task_backoff")
"""Written even if empty: SDKs read these without asking whether they are there (trap 72)."""


def emit_started(
    step: Transition,
    attributes: WorkflowExecutionStartedEventAttributes,
    *,
    request_id: str,
    user_metadata: UserMetadata | None = None,
    links: Sequence[Link] = (),
) -> HistoryEvent:
    """Begin the run with its started event; no workflow task is scheduled.

    The ids and the attempt are filled in where `attributes` (given away here) leave them out.
    """
    _complete(step, attributes)
    event = step.emit(attributes, user_metadata=user_metadata, links=links)
    record_start(step, event, request_id=request_id)
    return event


def record_start(step: Transition, event: HistoryEvent, *, request_id: str) -> None:
    """Note what the started event of a run does not tell of its start."""
    step.change(
        deltas.StartRecorded(
            request_id=request_id,
            namespace_name=step.settings.namespace_name,
            user_metadata=event.user_metadata.SerializeToString(),
        )
    )
    if request_id:
        step.change(
            deltas.RequestIdAttached(
                request_id=request_id,
                event_type=event.event_type,
                event_id=EventId(event.event_id),
            )
        )


def _complete(step: Transition, attributes: WorkflowExecutionStartedEventAttributes) -> None:
    execution = step.execution
    attributes.workflow_id = execution.workflow_id
    attributes.original_execution_run_id = attributes.original_execution_run_id or execution.run_id
    attributes.first_execution_run_id = attributes.first_execution_run_id or execution.run_id
    attributes.attempt = max(attributes.attempt, 1)
    remove_nulls(attributes.memo.fields)
    remove_nulls(attributes.search_attributes.indexed_fields)
    for name in _PRESENT:
        getattr(attributes, name).SetInParent()


def remove_nulls(fields: MutableMapping[str, Payload]) -> None:
    """Drop the fields whose payload means "remove this field": a new run has none to remove."""
    for name in [name for name, payload in fields.items() if is_removal(payload)]:
        del fields[name]


def first_workflow_task(step: Transition, *, is_inline: bool = False) -> None:
    """Schedule the first workflow task, unless the run waits for delay, interval or cron tick."""
    if not step.execution.is_in_backoff:
        schedule_workflow_task(step, is_inline=is_inline)
