"""PROTOCOL_MESSAGE: process a message at this place among the commands (trap 48)."""

from temporalio.api.command.v1 import Command
from temporalio.api.protocol.v1 import Message

from indelible.engine.workflow.commands.outcome import (
    CommandContext,
    Outcome,
    Refusal,
    TerminalRefusal,
)
from indelible.engine.workflow.rules.updates import BAD_MESSAGE
from indelible.engine.workflow.transition import Transition


def protocol_message(step: Transition, command: Command, context: CommandContext) -> Outcome:
    """Process the message that the command names, which must come with the same completion."""
    message_id = command.protocol_message_command_attributes.message_id
    if not message_id:
        return Refusal(cause=BAD_MESSAGE, message="MessageID is not set on ProtocolMessageCommand.")
    message = context.messages.take(message_id)
    if message is None:
        return Refusal(
            cause=BAD_MESSAGE,
            message=f"ProtocolMessageCommand referenced absent message ID {message_id}",
        )
    return process_message(step, message, context)


def process_message(step: Transition, message: Message, context: CommandContext) -> Outcome:
    """Process one message of a worker."""
    if message.body.ByteSize() > step.settings.limits.blob_bytes_max:
        return TerminalRefusal(
            cause=BAD_MESSAGE,
            message=f"Message type {message.body.TypeName()} exceeds size limit.",
        )
    fault = context.messages.process(step, message)
    return None if fault is None else Refusal(cause=BAD_MESSAGE, message=fault)
