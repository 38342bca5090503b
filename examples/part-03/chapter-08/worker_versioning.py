"""Two versions of a worker side by side: pinned runs, a ramp, the switch, the drain."""

import asyncio
from collections import Counter
from typing import Any

from temporalio import workflow
from temporalio.api.deployment.v1 import WorkerDeploymentVersion as Version
from temporalio.api.enums.v1 import VersionDrainageStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentVersionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker, WorkerDeploymentConfig

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, run, until, verified

RUNS = 80
RAMP_PERCENT = 25.0
# Each run falls on either side by a hash of its id: twenty of eighty, four standard deviations.
RAMPED_MIN, RAMPED_MAX = 5, 35
DRAIN_SECONDS_MAX = 8


class Order:
    """What the two versions share."""

    def __init__(self) -> None:
        """Not to be shipped yet."""
        self.is_ready = False

    @workflow.signal
    def ship(self) -> None:
        """Go on."""
        self.is_ready = True


@workflow.defn(name="Order", versioning_behavior=VersioningBehavior.PINNED)
class OrderV1(Order):
    """Pinned: a run ends on the version on which it began, so no patch is needed."""

    @workflow.run
    async def run(self, waits: bool) -> str:
        """Return which code has run."""
        await workflow.wait_condition(lambda: self.is_ready or not waits)
        return "v1"


@workflow.defn(name="Order", versioning_behavior=VersioningBehavior.PINNED)
class OrderV2(Order):
    """The next version."""

    @workflow.run
    async def run(self, waits: bool) -> str:
        """Return which code has run."""
        await workflow.wait_condition(lambda: self.is_ready or not waits)
        return "v2"


class Deployment:
    """What an operator does with `temporal worker deployment`, through the API."""

    def __init__(self, client: Client, name: str) -> None:
        """Look after the deployment of this name."""
        self.client = client
        self.name = name

    def worker(self, build_id: str, version: type) -> Worker:
        """A worker that says which version it is."""
        return Worker(
            self.client,
            task_queue=self.name,
            workflows=[version],
            deployment_config=WorkerDeploymentConfig(
                version=WorkerDeploymentVersion(self.name, build_id),
                use_worker_versioning=True,
            ),
        )

    async def describe(self, build_id: str) -> Any:
        """The version as the server sees it, or None while it has not been seen."""
        request = DescribeWorkerDeploymentVersionRequest(
            namespace=self.client.namespace,
            deployment_version=Version(deployment_name=self.name, build_id=build_id),
        )
        try:
            answer = await self.client.workflow_service.describe_worker_deployment_version(request)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        return answer.worker_deployment_version_info

    async def make_current(self, build_id: str) -> None:
        """New runs go to this version."""
        await self.client.workflow_service.set_worker_deployment_current_version(
            SetWorkerDeploymentCurrentVersionRequest(
                namespace=self.client.namespace, deployment_name=self.name, build_id=build_id
            )
        )

    async def ramp(self, build_id: str, percent: float) -> None:
        """A share of the new runs goes to this version."""
        await self.client.workflow_service.set_worker_deployment_ramping_version(
            SetWorkerDeploymentRampingVersionRequest(
                namespace=self.client.namespace,
                deployment_name=self.name,
                build_id=build_id,
                percentage=percent,
            )
        )

    async def start(self, *, waits: bool) -> Any:
        """Start a run, on whichever version the server chooses."""
        return await self.client.start_workflow(
            "Order", waits, id=new_id("order"), task_queue=self.name, result_type=str
        )

    async def shares(self, runs: int) -> Counter[str]:
        """Which versions a number of runs have come to."""
        handles = [await self.start(waits=False) for _ in range(runs)]
        return Counter(await asyncio.gather(*(handle.result() for handle in handles)))


async def main() -> None:
    """From version 1 to version 2, step by step."""
    deployment = Deployment(await connect(), new_id("orders"))

    async def both_known() -> bool:
        return bool(await deployment.describe("1.0") and await deployment.describe("2.0"))

    async def is_drained() -> bool:
        info = await deployment.describe("1.0")
        return info.drainage_info.status == VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINED

    async with deployment.worker("1.0", OrderV1), deployment.worker("2.0", OrderV2):
        await until(both_known)
        await deployment.make_current("1.0")
        old = await deployment.start(waits=True)
        at_first = await deployment.shares(10)
        await deployment.ramp("2.0", RAMP_PERCENT)
        ramped = await deployment.shares(RUNS)
        await deployment.make_current("2.0")
        switched = await deployment.shares(10)
        status = (await deployment.describe("1.0")).drainage_info.status
        await old.signal("ship")
        pinned = await old.result()
        try:
            await until(is_drained, seconds_max=DRAIN_SECONDS_MAX)
        except TimeoutError:
            # Without the settings of README.md the server looks after three minutes.
            end = "drains"
        else:
            end = "is drained"
    print(f"v1 current: {dict(at_first)}; v2 at {RAMP_PERCENT:.0f} %: {dict(ramped)}; ", end="")
    print(f"v2 current: {dict(switched)}; the old run ended on {pinned}; version 1.0 {end}")
    check(at_first == {"v1": 10}, "all new runs are on the current version")
    check(RAMPED_MIN <= ramped["v2"] <= RAMPED_MAX, "about a quarter of them is on the ramp")
    check(switched == {"v2": 10}, "after the switch all new runs are on version 2")
    check(pinned == "v1", "the pinned run has ended where it began")
    draining = VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINING
    check(status == draining, "version 1 drains while a run is pinned to it")
    verified(f"pinned, ramped, switched; version 1.0 {end}")


if __name__ == "__main__":
    run(main)
