"""Many tests side by side in one process: each namespace has its own clock."""

import asyncio
import time
from datetime import timedelta
from typing import Final

import pytest
from google.protobuf.empty_pb2 import Empty
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from indelible.runtime.supervisor import Supervisor
from indelible.server.config import ServerConfig, TimeSkipping
from indelible.server.node import running_node
from tests.sdk.python.programs.patience import Sleeper

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]

CLOCK_COUNT: Final = 200
CPU_SECONDS_MAX: Final = 20
"""Of this process, which is everything: clients, workers and server. It takes 4 or 5, and less than
20 on a clock of the wall where nobody else wants the processors."""


async def _one_test(address: str, days: int) -> timedelta:
    """Sleep so many days, and return how far the clock has come."""
    namespace = f"test-{days}"
    client = await Client.connect(address, namespace=namespace)
    service = client.service_client.test_service
    header = {"temporal-namespace": namespace}
    before = (await service.get_current_time(Empty(), metadata=header)).time.ToDatetime()
    async with Worker(
        client,
        task_queue="queue",
        workflows=[Sleeper],
        workflow_runner=UnsandboxedWorkflowRunner(),
        build_id="test",  # Otherwise the first worker reads every module there is.
    ):
        slept = await client.execute_workflow(
            Sleeper.run, days * 86_400, id="sleeper", task_queue="queue"
        )
    assert days * 86_400 <= slept < days * 86_400 + 60
    after = (await service.get_current_time(Empty(), metadata=header)).time.ToDatetime()
    return after - before


@pytest.mark.timeout(180)  # Of the wall, wherever it runs.
async def test_two_hundred_tests_with_clocks_of_their_own() -> None:
    days = range(1, CLOCK_COUNT + 1)
    config = ServerConfig(
        port=0,
        namespaces=[f"test-{number}" for number in days],
        time_skipping=TimeSkipping(is_locked=False, is_shared=False),
    )
    async with Supervisor() as supervisor, running_node(config, supervisor) as started:
        began_at = time.process_time()
        passed = await asyncio.gather(
            *(_one_test(f"127.0.0.1:{started.port}", number) for number in days)
        )
        seconds = time.process_time() - began_at

    for number, span in zip(days, passed, strict=True):
        assert timedelta(days=number) <= span < timedelta(days=number, minutes=1)
    assert seconds < CPU_SECONDS_MAX
