"""DescribeWorkflowExecution: what a run looks like now."""

from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
)

from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.search_attributes import add_types
from indelible.engine.workflow.description import describe_workflow
from indelible.services.history.blocked_calls import mark_callbacks, mark_operations
from indelible.services.history.circuit_breakers import CircuitBreakers
from indelible.services.history.messaging import target
from indelible.services.history.shards import Shards


class DescribeOperations:
    """Describes runs."""

    def __init__(self, shards: Shards, breakers: CircuitBreakers) -> None:
        self._shards = shards
        self._breakers = breakers

    async def describe_workflow(
        self, namespace: Namespace, request: DescribeWorkflowExecutionRequest
    ) -> DescribeWorkflowExecutionResponse:
        """Return the description of the named or current run; `NotFoundError` without one."""
        chain, run_id = target(namespace, request.execution)
        shard = self._shards.of(chain)
        async with shard.hold(chain, run_id) as entry:
            response = describe_workflow(entry.state, shard.now_of(entry))
        described = response.workflow_execution_info
        add_types(described.search_attributes, namespace.search_attributes)
        mark_callbacks(self._breakers, namespace, response.callbacks)
        mark_operations(self._breakers, namespace, response.pending_nexus_operations)
        return response
