"""What a standalone Nexus operation may bring along, by the configuration of its namespace."""

import pytest
from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.nexus.v1 import EndpointSpec
from temporalio.api.operatorservice.v1 import (
    CreateNexusEndpointRequest,
    CreateNexusEndpointResponse,
)
from temporalio.api.workflowservice import v1 as api

from indelible.base.instants import seconds
from indelible.base.limits import Limits
from tests.services.frontend.world import World


async def endpoint(world: World) -> None:
    spec = EndpointSpec(name="endpoint")
    spec.target.worker.namespace, spec.target.worker.task_queue = "default", "q"
    await world.call(CreateNexusEndpointRequest(spec=spec), CreateNexusEndpointResponse)


def start(
    *, close: int = 0, work: int = 0, **header: str
) -> api.StartNexusOperationExecutionRequest:
    return api.StartNexusOperationExecutionRequest(
        namespace="default",
        operation_id="o",
        endpoint="endpoint",
        service="s",
        operation="o",
        schedule_to_close_timeout=DurationMessage(seconds=close),
        start_to_close_timeout=DurationMessage(seconds=work),
        nexus_header=header,
    )


@pytest.mark.parametrize(("asked", "given"), [(0, 5), (6, 5), (4, 4)])
async def test_no_operation_takes_longer_than_the_bound(
    world: World, asked: int, given: int
) -> None:
    world.limits["default"] = Limits(nexus_operation_timeout_max=seconds(5))
    await endpoint(world)
    await world.call(start(close=asked, work=9), api.StartNexusOperationExecutionResponse)
    ((_, request),) = world.history.calls
    assert isinstance(request, api.StartNexusOperationExecutionRequest)
    assert request.schedule_to_close_timeout.seconds == given
    assert request.start_to_close_timeout.seconds == given


async def test_a_header_that_callers_may_not_set(world: World) -> None:
    world.limits["default"] = Limits(nexus_headers_disallowed=("mine",))
    await endpoint(world)
    error = await world.refusal(start(Mine="1"))
    assert error.message == 'nexus_header contains a disallowed key: "Mine"'
    await world.call(start(yours="1"), api.StartNexusOperationExecutionResponse)
