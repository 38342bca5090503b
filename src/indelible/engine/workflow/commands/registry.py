"""The table of all worker commands, and the order in which they may come."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType

from indelible.base.errors import InvalidArgumentError
from indelible.engine.workflow.commands.cancel_timer import cancel_timer
from indelible.engine.workflow.commands.cancel_workflow_execution import cancel_workflow_execution
from indelible.engine.workflow.commands.complete_workflow_execution import (
    complete_workflow_execution,
)
from indelible.engine.workflow.commands.continue_as_new import continue_as_new
from indelible.engine.workflow.commands.fail_workflow_execution import fail_workflow_execution
from indelible.engine.workflow.commands.modify_workflow_properties import (
    modify_workflow_properties,
)
from indelible.engine.workflow.commands.outcome import CommandContext, Outcome
from indelible.engine.workflow.commands.protocol_message import protocol_message
from indelible.engine.workflow.commands.record_marker import record_marker
from indelible.engine.workflow.commands.request_cancel_activity_task import (
    request_cancel_activity_task,
)
from indelible.engine.workflow.commands.request_cancel_external import request_cancel_external
from indelible.engine.workflow.commands.request_cancel_nexus_operation import (
    request_cancel_nexus_operation,
)
from indelible.engine.workflow.commands.schedule_activity_task import schedule_activity_task
from indelible.engine.workflow.commands.schedule_nexus_operation import schedule_nexus_operation
from indelible.engine.workflow.commands.signal_external import signal_external
from indelible.engine.workflow.commands.start_child_workflow_execution import (
    start_child_workflow_execution,
)
from indelible.engine.workflow.commands.start_timer import start_timer
from indelible.engine.workflow.commands.upsert_workflow_search_attributes import (
    upsert_workflow_search_attributes,
)
from indelible.engine.workflow.transition import Transition

_T: Final = CommandType

COMMANDS: Final[
    Mapping["CommandType.ValueType", Callable[[Transition, Command, CommandContext], Outcome]]
] = {
    _T.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK: schedule_activity_task,
    _T.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK: request_cancel_activity_task,
    _T.COMMAND_TYPE_START_TIMER: start_timer,
    _T.COMMAND_TYPE_CANCEL_TIMER: cancel_timer,
    _T.COMMAND_TYPE_RECORD_MARKER: record_marker,
    _T.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: upsert_workflow_search_attributes,
    _T.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES: modify_workflow_properties,
    _T.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION: start_child_workflow_execution,
    _T.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION: request_cancel_external,
    _T.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION: signal_external,
    _T.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION: complete_workflow_execution,
    _T.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION: fail_workflow_execution,
    _T.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION: cancel_workflow_execution,
    _T.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION: continue_as_new,
    _T.COMMAND_TYPE_PROTOCOL_MESSAGE: protocol_message,
    _T.COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION: schedule_nexus_operation,
    _T.COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION: request_cancel_nexus_operation,
}

CLOSING_COMMANDS: Final = frozenset(
    {
        _T.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
        _T.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
        _T.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
        _T.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
    }
)
"""Commands that end the run: nothing may follow them."""


def check_sequence(commands: Sequence[Command]) -> None:
    """Raise `InvalidArgumentError` for an unknown command, or for one behind a closing command."""
    for position, command in enumerate(commands):
        if command.command_type not in COMMANDS:
            raise InvalidArgumentError(f"unknown command type: {_name(command)}")
        is_last = position == len(commands) - 1
        if command.command_type in CLOSING_COMMANDS and not is_last:
            names = ", ".join(_name(one) for one in commands)
            raise InvalidArgumentError(
                f"invalid command sequence: [{names}], "
                f"command {_name(command)} must be the last command."
            )


def _name(command: Command) -> str:
    """Return the name of a command as the reference service writes it."""
    names = CommandType.DESCRIPTOR.values_by_number
    known = names.get(command.command_type)
    if known is None:
        return str(command.command_type)
    return known.name.removeprefix("COMMAND_TYPE_").title().replace("_", "")
