"""The part of the recorded history that operators of standalone activities speak to."""

from dataclasses import dataclass, field

from google.protobuf.message import Message
from temporalio.api.workflowservice import v1 as api

from indelible.engine.namespace.record import Namespace


@dataclass
class RecordedCommands:
    """Says yes to everything and remembers what it was asked."""

    commands: list[Message] = field(default_factory=list)

    async def pause_activity_execution(
        self, namespace: Namespace, request: api.PauseActivityExecutionRequest
    ) -> None:
        self.commands.append(request)

    async def unpause_activity_execution(
        self, namespace: Namespace, request: api.UnpauseActivityExecutionRequest
    ) -> None:
        self.commands.append(request)

    async def reset_activity_execution(
        self, namespace: Namespace, request: api.ResetActivityExecutionRequest
    ) -> None:
        self.commands.append(request)

    async def update_activity_execution_options(
        self, namespace: Namespace, request: api.UpdateActivityExecutionOptionsRequest
    ) -> api.UpdateActivityExecutionOptionsResponse:
        self.commands.append(request)
        return api.UpdateActivityExecutionOptionsResponse(activity_options=request.activity_options)
