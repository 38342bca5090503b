"""What a command may know besides the state, and how it is refused."""

from collections.abc import Callable, Mapping

import msgspec
from temporalio.api.command.v1 import ScheduleNexusOperationCommandAttributes
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes

from indelible.base.ids import EventId, NamespaceId
from indelible.engine.workflow.rules.updates import IncomingMessages


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The command is invalid: the whole workflow task is undone and failed with this cause."""

    cause: "WorkflowTaskFailedCause.ValueType"
    message: str


class TerminalRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """The command is so far out of bounds that the task fails and the run is terminated."""

    cause: "WorkflowTaskFailedCause.ValueType"
    message: str


Outcome = Refusal | TerminalRefusal | None
"""None: the command has been carried out."""


class NexusTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Where a Nexus operation leads, or why it leads nowhere."""

    endpoint_id: str = ""
    is_system: bool = False
    """The service itself carries it out."""
    fault: str | None = None


FindNexusTarget = Callable[[ScheduleNexusOperationCommandAttributes, str], NexusTarget]
"""Finds the target of an operation, given its request id."""


def no_nexus_target(given: ScheduleNexusOperationCommandAttributes, request_id: str) -> NexusTarget:
    """Find nothing: there are no endpoints."""
    return NexusTarget(fault=f'endpoint "{given.endpoint}" not found')


class CommandContext(msgspec.Struct, frozen=True, kw_only=True):
    """What the commands of one workflow task share."""

    completed_event_id: EventId
    """Of the workflow task's completed event."""
    find_namespace: Callable[[str], NamespaceId | None]
    """Resolve a namespace name."""
    refuse_search_attributes: Callable[[Mapping[str, Payload]], str | None]
    """Return why search attributes cannot be set, or None."""
    identity: str
    """Of the worker."""
    find_nexus_target: FindNexusTarget = no_nexus_target
    start_event: WorkflowExecutionStartedEventAttributes | None = None
    """Of the run, if it has a retry policy or a cron schedule: what its next run begins with."""
    messages: IncomingMessages = msgspec.field(default_factory=IncomingMessages)
    """What the worker says about updates."""
    eager_activities: list[EventId] = msgspec.field(default_factory=list[EventId])
    """Scheduled event ids of the activities that the worker asked to be given at once."""
