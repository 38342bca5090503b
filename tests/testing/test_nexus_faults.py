"""What happens to requests to start Nexus operations, on the handlers' side."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import nexusrpc
import pytest
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import workflow

from indelible.testing.environment import IndelibleTest
from indelible.testing.faults import Faults
from tests.testing.endpoints import endpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@nexusrpc.service(name="payments")
class Payments:
    charge: nexusrpc.Operation[int, int]


@service_handler(service=Payments)
class Cashier:
    """Notes the id of each request that has reached it."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    @sync_operation
    async def charge(self, context: StartOperationContext, amount: int) -> int:
        self.requests.append(context.request_id)
        return amount


@workflow.defn(sandboxed=False)
class Paying:
    @workflow.run
    async def run(self, endpoint: str) -> int:
        client = workflow.create_nexus_client(service=Payments, endpoint=endpoint)
        return await client.execute_operation(
            Payments.charge, 7, schedule_to_close_timeout=timedelta(hours=1)
        )


@pytest.mark.parametrize(
    ("plan", "count"),
    [
        pytest.param(lambda _: None, 1, id="none"),
        pytest.param(lambda to: to.fail_nexus_attempt("payments", "charge"), 1, id="fail before"),
        pytest.param(lambda to: to.lose_nexus_answer("payments", "charge"), 2, id="lose answer"),
        pytest.param(lambda to: to.lose_nexus_answer("payments", "refund"), 1, id="lose another"),
        pytest.param(
            lambda to: to.kill_worker_after("Paying", "NexusOperationScheduled"), 1, id="kill"
        ),
    ],
)
def test_what_happens_to_an_operation(
    indelible: IndelibleTest, plan: Callable[[Faults], None], count: int
) -> None:
    async def body() -> None:
        cashier = Cashier()
        plan(indelible.faults)
        async with (
            endpoint(indelible) as name,
            indelible.worker(workflows=[Paying], nexus_service_handlers=[cashier]),
        ):
            paying = await indelible.client.start_workflow(
                Paying.run, name, id="paying", task_queue=indelible.task_queue
            )
            assert await paying.result() == 7
        assert len(cashier.requests) == count
        assert len(set(cashier.requests)) == 1, "a repeated request has the id of the first"

    asyncio.run(body())
