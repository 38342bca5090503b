"""One workflow in four versions: patched while old runs exist, deprecated, and rid of its patch."""

from dataclasses import dataclass
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle

with workflow.unsafe.imports_passed_through():
    from running import (
        Options,
        check,
        connect,
        new_id,
        parse_options,
        run,
        span,
        until,
        verified,
        working,
    )

PATCH = "add-tax"


@activity.defn
async def net(cents: int) -> int:
    """The price."""
    return cents


@activity.defn
async def with_tax(cents: int) -> int:
    """The price with a fifth on top."""
    return cents * 12 // 10


class Bill:
    """What the versions share: the wait in the middle, so that runs live through a deployment."""

    def __init__(self) -> None:
        """Not due yet."""
        self.is_due = False

    @workflow.signal
    def due(self) -> None:
        """Go on."""
        self.is_due = True

    async def wait(self) -> None:
        """Wait until it is due."""
        await workflow.wait_condition(lambda: self.is_due)


@workflow.defn(name="Bill")
class BillV1(Bill):
    """As it was in the beginning."""

    @workflow.run
    async def run(self, cents: int) -> int:
        """Return what is to pay."""
        cents = await compute(net, cents)
        await self.wait()
        return cents


@workflow.defn(name="Bill")
class BillV2(Bill):
    """Both paths: new runs take the new one and leave a marker, old runs stay on theirs."""

    @workflow.run
    async def run(self, cents: int) -> int:
        """Return what is to pay."""
        if workflow.patched(PATCH):
            cents = await compute(with_tax, cents)
        else:
            cents = await compute(net, cents)
        await self.wait()
        return cents


@workflow.defn(name="Bill")
class BillV3(Bill):
    """No run of V1 is open: the old path goes, the marker is still allowed."""

    @workflow.run
    async def run(self, cents: int) -> int:
        """Return what is to pay."""
        workflow.deprecate_patch(PATCH)
        cents = await compute(with_tax, cents)
        await self.wait()
        return cents


@workflow.defn(name="Bill")
class BillV4(Bill):
    """No run of V2 is open: nothing reminds of the patch."""

    @workflow.run
    async def run(self, cents: int) -> int:
        """Return what is to pay."""
        cents = await compute(with_tax, cents)
        await self.wait()
        return cents


async def compute(step: Any, cents: int) -> int:
    """One activity."""
    return await workflow.execute_activity(step, cents, start_to_close_timeout=span(10))


@dataclass
class Shop:
    """Deploys a version and looks after the runs."""

    client: Client
    options: Options
    prefix: str

    def deploy(self, version: type) -> Any:
        """A worker with this version and no other; a run may not depend on a worker's memory."""
        return working(
            self.client,
            self.options,
            workflows=[version],
            activities=[net, with_tax],
            max_cached_workflows=0,
        )

    async def start(self, name: str) -> WorkflowHandle[Any, int]:
        """Start a run and wait until it is in the middle of its way."""
        handle = await self.client.start_workflow(
            BillV1.run, 1_000, id=f"{self.prefix}-{name}", task_queue=self.options.task_queue
        )

        async def has_computed() -> bool:
            events = (await handle.fetch_history()).events
            return any(e.HasField("activity_task_completed_event_attributes") for e in events)

        await until(has_computed)
        return handle

    async def settle(self, handle: WorkflowHandle[Any, int]) -> int:
        """Let the bill become due."""
        await handle.signal("due")
        return await handle.result()

    async def patched(self) -> list[str]:
        """The names of the runs that have the marker: nobody may remove the patch before them."""
        query = f"TemporalChangeVersion = '{PATCH}' AND WorkflowId STARTS_WITH '{self.prefix}'"
        found = [run.id async for run in self.client.list_workflows(query)]
        return sorted(workflow_id.removeprefix(f"{self.prefix}-") for workflow_id in found)


async def main() -> None:
    """Four deployments, with a run in flight across each of them."""
    options = parse_options(is_alone=True)
    shop = Shop(await connect(), options, new_id("bill"))
    async with shop.deploy(BillV1):
        one = await shop.start("one")
    async with shop.deploy(BillV2):
        two = await shop.start("two")
        old_path, new_path = await shop.settle(one), await shop.start("three")
    async with shop.deploy(BillV3):
        of_v2 = [await shop.settle(two), await shop.settle(new_path)]
        four = await shop.start("four")
        of_v3 = await shop.settle(four)

        async def all_listed() -> bool:
            return len(await shop.patched()) == 3

        await until(all_listed)
        listed = await shop.patched()
    async with shop.deploy(BillV4):
        five = await shop.start("five")
        of_v4 = await shop.settle(five)
    print(f"V1 run under V2: {old_path}; V2 runs under V3: {of_v2}; V3: {of_v3}; V4: {of_v4}")
    print(f"runs with the change {PATCH}: {', '.join(listed)}")
    check(old_path == 1_000, "the old run stayed on the old path")
    check([*of_v2, of_v3, of_v4] == [1_200] * 4, "all others took the new one")
    check(listed == ["four", "three", "two"], "TemporalChangeVersion finds the runs with the patch")
    verified("v1 to v4 without breaking a run")


if __name__ == "__main__":
    run(main)
