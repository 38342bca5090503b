"""Calls to those who wait for the end of a standalone Nexus operation (semantics 9.5)."""

from indelible.base.ids import WorkflowKey
from indelible.base.owed_callbacks import record_callback
from indelible.engine.nexus_operation.tasks import CallOperationCallback
from indelible.engine.nexus_operation.told_end import told_end
from indelible.services.history.callback_delivery import Deliver
from indelible.services.history.nexus_operation_executions import (
    NexusOperationExecutions,
    link_to,
)
from indelible.services.history.owed_calls import Owing, call_back
from indelible.services.history.shard import Shard


class OperationCallbacks:
    """Makes the calls that operations owe."""

    def __init__(self, operations: NexusOperationExecutions, deliver: Deliver) -> None:
        self._operations = operations
        self._deliver = deliver

    async def call_back(self, shard: Shard, key: WorkflowKey, task: CallOperationCallback) -> None:
        """Tell somebody how an operation has ended; nothing if that is not wanted any more."""
        state = await self._operations.find_state(shard, key)
        end = told_end(state) if state is not None else None
        if state is None or end is None:
            return
        namespace = shard.parts.namespaces.by_id(key.namespace_id)
        owing = Owing(
            callbacks=state.callbacks,
            end=end,
            link=link_to(namespace, state),
            began_at=state.core.scheduled_at,
            closed_at=state.core.closed_at,
        )
        result = await call_back(self._deliver, namespace, owing, task.number, task.attempt)
        if result is None:
            return
        await self._operations.record(
            key,
            lambda step: record_callback(
                step, task.number, task.attempt, result.failure, is_retryable=result.is_retryable
            ),
        )
