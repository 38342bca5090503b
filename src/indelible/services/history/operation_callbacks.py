"""Calls to those who wait for the end of a standalone Nexus operation (semantics 9.5)."""

from temporalio.api.common.v1 import Callback

from indelible.base.calls import is_wanted
from indelible.base.ids import WorkflowKey
from indelible.base.nexus_operations import OPERATION_TOKEN_HEADER, Completion, OperationStarted
from indelible.engine.nexus_operation.callbacks import record_callback, told_end
from indelible.engine.nexus_operation.tasks import CallOperationCallback
from indelible.services.history.callback_delivery import Deliver
from indelible.services.history.nexus_operation_executions import (
    NexusOperationExecutions,
    link_to,
)
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
        record = state.callbacks[task.number]
        if not is_wanted(record.call, task.attempt):
            return
        callback = Callback.FromString(record.callback).nexus
        namespace = shard.parts.namespaces.by_id(key.namespace_id)
        started = OperationStarted(
            token=callback.header.get(OPERATION_TOKEN_HEADER, ""),
            links=[link_to(namespace, state)],
            at=state.core.scheduled_at,
        )
        completion = Completion(started=started, end=end, closed_at=state.core.closed_at)
        result = await self._deliver(namespace.name, callback, completion)
        await self._operations.record(
            key,
            lambda step: record_callback(
                step,
                task.number,
                task.attempt,
                result.failure,
                is_retryable=result.is_retryable,
            ),
        )
