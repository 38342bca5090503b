"""The ends of asynchronous Nexus operations, on their way to whoever waits for them.

Owns the meaning of a callback token: it leads to a workflow, or to a standalone operation. Must not
know how a completion came here.
"""

from indelible.base.callback_token import decode_callback_token
from indelible.base.ids import Archetype
from indelible.base.nexus_operations import OperationEnd, OperationStarted
from indelible.engine.workflow.requests.complete_nexus_operation import complete_nexus_operation
from indelible.services.history.nexus_operation_executions import NexusOperationExecutions
from indelible.services.history.shards import Shards


class NexusCompletions:
    """Completes operations."""

    def __init__(self, shards: Shards, standalone: NexusOperationExecutions) -> None:
        self._shards = shards
        self._standalone = standalone

    async def complete_nexus_operation(
        self, token_text: str, started: OperationStarted, end: OperationEnd
    ) -> None:
        """Record how an operation has ended, durably; raise `ServiceError` if nobody waits for it.

        `started` counts if the handler's answer to the start call has not arrived yet.
        """
        token = decode_callback_token(token_text)
        if token.archetype is Archetype.NEXUS_OPERATION:
            await self._standalone.complete(
                token.key, request_id=token.request_id, started=started, end=end
            )
            return
        await self._shards.of(token.key.chain).update(
            token.key.chain,
            token.run_id,
            lambda step: complete_nexus_operation(
                step,
                token.scheduled_event_id,
                request_id=token.request_id,
                started=started,
                end=end,
            ),
        )
