"""What the commands that close a run have in common."""

from google.protobuf.message import Message
from temporalio.api.command.v1 import Command

from indelible.engine.workflow.rules.closing import close_run
from indelible.engine.workflow.transition import Transition


def close_by_command(step: Transition, command: Command, attributes: Message) -> None:
    """Close the run with the event that the attributes make.

    What earlier commands of this workflow task caused and the workflow can no longer see, such as
    the canceled event of an activity that no worker had, is not written: it would stand between
    two commands of one task.
    """
    step.discard_deferred(lambda _event: True)
    close_run(
        step,
        attributes,
        user_metadata=command.user_metadata,
        event_group_markers=command.event_group_markers,
    )
