"""What a command may know besides the state, and how it is refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes

from indelible.base.ids import EventId, NamespaceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The command is invalid: the whole workflow task is undone and failed with this cause."""

    cause: "WorkflowTaskFailedCause.ValueType"
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalRefusal:
    """The command is so far out of bounds that the task fails and the run is terminated."""

    cause: "WorkflowTaskFailedCause.ValueType"
    message: str


Outcome = Refusal | TerminalRefusal | None
"""None: the command has been carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext:
    """What the commands of one workflow task share."""

    completed_event_id: EventId
    """Of the workflow task's completed event."""
    find_namespace: Callable[[str], NamespaceId | None]
    """Resolve a namespace name."""
    refuse_search_attributes: Callable[[Mapping[str, Payload]], str | None]
    """Return why search attributes cannot be set, or None."""
    identity: str
    """Of the worker."""
    start_event: WorkflowExecutionStartedEventAttributes | None = None
    """Of the run, if it has a retry policy or a cron schedule: what its next run begins with."""
    eager_activities: list[EventId] = field(default_factory=list[EventId])
    """Scheduled event ids of the activities that the worker asked to be given at once."""
