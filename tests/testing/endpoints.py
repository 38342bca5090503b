"""A Nexus endpoint whose handlers are the workers of a test."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from temporalio.api.nexus.v1 import EndpointSpec, EndpointTarget
from temporalio.api.operatorservice.v1 import (
    CreateNexusEndpointRequest,
    DeleteNexusEndpointRequest,
)

from indelible.testing.environment import IndelibleTest


@asynccontextmanager
async def endpoint(indelible: IndelibleTest) -> AsyncGenerator[str]:
    """Have an endpoint for the time of the block; its name is that of the test's namespace."""
    operator = indelible.client.operator_service
    worker = EndpointTarget.Worker(namespace=indelible.namespace, task_queue=indelible.task_queue)
    spec = EndpointSpec(name=indelible.namespace, target=EndpointTarget(worker=worker))
    made = await operator.create_nexus_endpoint(CreateNexusEndpointRequest(spec=spec))
    try:
        yield spec.name
    finally:
        await operator.delete_nexus_endpoint(
            DeleteNexusEndpointRequest(id=made.endpoint.id, version=made.endpoint.version)
        )
