"""Versions of a worker deployment: what is told of the work that waits for them."""

import pytest
from temporalio.api.deployment.v1 import WorkerDeploymentVersion as VersionMessage
from temporalio.api.enums.v1 import DescribeTaskQueueMode
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkerDeploymentVersionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import Worker, WorkerDeploymentConfig

from tests.sdk.python.harness import Harness, eventually
from tests.sdk.python.programs.deployed import Deployed

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def worker(harness: Harness) -> Worker:
    address = harness.client.service_client.config.target_host
    return Worker(
        await Client.connect(address),
        task_queue=harness.task_queue,
        workflows=[Deployed],
        deployment_config=WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(deployment_name=harness.label, build_id="1.0"),
            use_worker_versioning=True,
        ),
    )


async def waiting_for_version(harness: Harness) -> int:
    """Return how many workflow tasks are told of the version 1.0."""
    answer = await harness.client.workflow_service.describe_worker_deployment_version(
        DescribeWorkerDeploymentVersionRequest(
            namespace=harness.client.namespace,
            deployment_version=VersionMessage(deployment_name=harness.label, build_id="1.0"),
            report_task_queue_stats=True,
        )
    )
    return sum(
        queue.stats.approximate_backlog_count
        for queue in answer.version_task_queues
        if queue.name == harness.task_queue
    )


async def waiting_for_unversioned(harness: Harness) -> int:
    answer = await harness.client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=harness.client.namespace,
            task_queue=TaskQueue(name=harness.task_queue),
            api_mode=DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED,
            report_stats=True,
        )
    )
    return answer.versions_info[""].types_info[1].stats.approximate_backlog_count


async def test_what_waits_is_told_of_the_current_version(harness: Harness) -> None:
    async def is_current() -> bool:
        try:
            await harness.client.workflow_service.set_worker_deployment_current_version(
                SetWorkerDeploymentCurrentVersionRequest(
                    namespace=harness.client.namespace,
                    deployment_name=harness.label,
                    build_id="1.0",
                )
            )
        except RPCError:  # Its workers have not polled yet.
            return False
        return True

    async with await worker(harness):
        await eventually(is_current)
    handles = [await harness.start(Deployed.run) for _ in range(2)]

    async def all_wait() -> bool:
        return await waiting_for_version(harness) == len(handles)

    await eventually(all_wait)
    assert await waiting_for_unversioned(harness) == 0
    async with await worker(harness):
        assert [await handle.result() for handle in handles] == ["done", "done"]
    assert await waiting_for_version(harness) == 0
