"""The two older APIs that route by build id: assignment rules, and sets of compatible builds."""

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from temporalio import workflow
from temporalio.api.taskqueue.v1 import (
    BuildIdAssignmentRule,
    CompatibleBuildIdRedirectRule,
    RampByPercentage,
)
from temporalio.api.workflowservice.v1 import (
    GetWorkerBuildIdCompatibilityRequest,
    GetWorkerVersioningRulesRequest,
    UpdateWorkerBuildIdCompatibilityRequest as SetsRequest,
    UpdateWorkerVersioningRulesRequest as RulesRequest,
)
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, run, verified

RUNS = 80
RAMP_PERCENT = 25.0
# Each run falls on either side by a hash of its id: twenty of eighty, four standard deviations.
RAMPED_MIN, RAMPED_MAX = 5, 35


class Order:
    """What the two versions share."""

    def __init__(self) -> None:
        """Not to be shipped yet."""
        self.is_ready = False

    @workflow.signal
    def ship(self) -> None:
        """Go on."""
        self.is_ready = True

    @workflow.query
    def is_begun(self) -> bool:
        """Say that a worker has taken this run."""
        return True


@workflow.defn(name="Order")
class OrderV1(Order):
    """The code of build 1.0."""

    @workflow.run
    async def run(self, waits: bool) -> str:
        """Return which code has run."""
        await workflow.wait_condition(lambda: self.is_ready or not waits)
        return "v1"


@workflow.defn(name="Order")
class OrderV2(Order):
    """The code of every later build: it differs in its result only, so it can replay the old."""

    @workflow.run
    async def run(self, waits: bool) -> str:
        """Return which code has run."""
        await workflow.wait_condition(lambda: self.is_ready or not waits)
        return "v2"


class Queue:
    """A task queue, and what an operator does with it; it has rules or sets, never both."""

    def __init__(self, client: Client, name: str) -> None:
        """Look after the queue of this name."""
        self.client = client
        self.name = name

    @asynccontextmanager
    async def worker(self, build_id: str, version: type) -> AsyncGenerator[None, None]:
        """A worker that says which build it is.

        It has a client of its own: the SDK refuses two workers for one queue on the same client.
        """
        async with Worker(
            await connect(),
            task_queue=self.name,
            workflows=[version],
            build_id=build_id,
            use_worker_versioning=True,
        ):
            yield

    async def change_rules(self, **change: Any) -> None:
        """Like `temporal task-queue versioning insert-assignment-rule`, and its siblings."""
        await self.client.workflow_service.update_worker_versioning_rules(
            RulesRequest(
                namespace=self.client.namespace,
                task_queue=self.name,
                conflict_token=(await self.rules()).conflict_token,
                **change,
            )
        )

    async def rules(self) -> Any:
        """Return all rules; their token makes sure that a change is one of what was read."""
        return await self.client.workflow_service.get_worker_versioning_rules(
            GetWorkerVersioningRulesRequest(namespace=self.client.namespace, task_queue=self.name)
        )

    async def change_sets(self, **change: Any) -> None:
        """Like `temporal task-queue update-build-ids`."""
        await self.client.workflow_service.update_worker_build_id_compatibility(
            SetsRequest(namespace=self.client.namespace, task_queue=self.name, **change)
        )

    async def sets(self) -> list[list[str]]:
        """Return the sets; the last set gets new runs, and each goes to its last build."""
        answer = await self.client.workflow_service.get_worker_build_id_compatibility(
            GetWorkerBuildIdCompatibilityRequest(
                namespace=self.client.namespace, task_queue=self.name
            )
        )
        return [list(one.build_ids) for one in answer.major_version_sets]

    async def start(self, *, waits: bool) -> Any:
        """Start a run, on whichever build the server chooses."""
        return await self.client.start_workflow(
            "Order", waits, id=new_id("order"), task_queue=self.name, result_type=str
        )

    async def start_and_begin(self) -> Any:
        """Start a run that waits, and return when a worker has begun it."""
        handle = await self.start(waits=True)
        await handle.query("is_begun")
        return handle

    async def shares(self, runs: int) -> Counter[str]:
        """Which builds a number of runs have come to."""
        handles = [await self.start(waits=False) for _ in range(runs)]
        return Counter(await asyncio.gather(*(handle.result() for handle in handles)))


def rule_at_the_top(build_id: str, percent: float) -> RulesRequest.InsertBuildIdAssignmentRule:
    """The first rule that takes a new run assigns it; the last one takes all."""
    return RulesRequest.InsertBuildIdAssignmentRule(
        rule=BuildIdAssignmentRule(
            target_build_id=build_id, percentage_ramp=RampByPercentage(ramp_percentage=percent)
        )
    )


async def check_with_cli(queue: Queue, expected: list[str]) -> None:
    """Ask the official command line for the same rules, if it is installed."""
    program = shutil.which("temporal")
    if program is None:
        return
    target = queue.client.service_client.config.target_host
    process = await asyncio.create_subprocess_exec(
        *(program, "task-queue", "versioning", "get-rules", "--task-queue", queue.name),
        *("--address", target, "--namespace", queue.client.namespace, "--output", "json"),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    shown = [rule["targetBuildID"] for rule in json.loads(told)["assignmentRules"]]
    check(shown == expected, f"the command line lists the same rules, not {shown}")


async def by_rules(client: Client) -> None:
    """From build 1.0 to build 2.0 by assignment rules, then to 2.1 by a redirect."""
    queue = Queue(client, new_id("ruled"))
    await queue.change_rules(insert_assignment_rule=rule_at_the_top("1.0", 100))
    async with queue.worker("1.0", OrderV1), queue.worker("2.0", OrderV2):
        at_first = await queue.shares(10)
        await queue.change_rules(insert_assignment_rule=rule_at_the_top("2.0", RAMP_PERCENT))
        await check_with_cli(queue, ["2.0", "1.0"])
        ramped = await queue.shares(RUNS)
        old = await queue.start_and_begin()
        began = (await old.describe()).raw_description.workflow_execution_info.assigned_build_id
        await queue.change_rules(commit_build_id=RulesRequest.CommitBuildId(target_build_id="2.0"))
        await check_with_cli(queue, ["2.0"])
        switched = await queue.shares(10)
        await old.signal("ship")
        stayed = await old.result()
        moving = await queue.start_and_begin()
    redirect = CompatibleBuildIdRedirectRule(source_build_id="2.0", target_build_id="2.1")
    await queue.change_rules(
        add_compatible_redirect_rule=RulesRequest.AddCompatibleBuildIdRedirectRule(rule=redirect)
    )
    async with queue.worker("2.1", OrderV2):
        await moving.signal("ship")
        await moving.result()
    info = (await moving.describe()).raw_description.workflow_execution_info
    print(
        f"rules: 1.0 alone: {dict(at_first)}; 2.0 at {RAMP_PERCENT:.0f} %: {dict(ramped)}; ", end=""
    )
    print(f"2.0 committed: {dict(switched)}; redirected to {info.assigned_build_id}")
    check(at_first == {"v1": 10}, "the only rule takes all new runs")
    check(RAMPED_MIN <= ramped["v2"] <= RAMPED_MAX, "about a quarter of them is on the ramp")
    check(switched == {"v2": 10}, "after the commit all new runs are on 2.0")
    check(stayed == f"v{began[0]}", "a run ends on the build to which it was assigned")
    check(info.assigned_build_id == "2.1", "a redirect moves an open run to a compatible build")


async def by_sets(client: Client) -> None:
    """From build 1.0 to build 2.0 by sets, then to the compatible build 2.1."""
    queue = Queue(client, new_id("sets"))
    await queue.change_sets(add_new_build_id_in_new_default_set="1.0")
    async with queue.worker("1.0", OrderV1), queue.worker("2.0", OrderV2):
        at_first = await queue.shares(10)
        old = await queue.start_and_begin()
        await queue.change_sets(add_new_build_id_in_new_default_set="2.0")
        switched = await queue.shares(10)
        await old.signal("ship")
        stayed = await old.result()
        moving = await queue.start_and_begin()
    await queue.change_sets(
        add_new_compatible_build_id=SetsRequest.AddNewCompatibleVersion(
            new_build_id="2.1", existing_compatible_build_id="2.0"
        )
    )
    sets = await queue.sets()
    async with queue.worker("2.1", OrderV2):
        await moving.signal("ship")
        moved = await moving.result()
    print(f"sets: 1.0 alone: {dict(at_first)}; 2.0 default: {dict(switched)}; now {sets}")
    check(at_first == {"v1": 10}, "the only set takes all new runs")
    check(switched == {"v2": 10}, "the new default set takes all new runs")
    check(stayed == "v1", "a run stays within the set in which it began")
    check(sets == [["1.0"], ["2.0", "2.1"]], "the compatible build is in the set of 2.0")
    check(moved == "v2", "the compatible build has finished what 2.0 began")


async def main() -> None:
    """Show both: new software uses worker deployments, as in `worker_versioning.py`."""
    client = await connect()
    await asyncio.gather(by_rules(client), by_sets(client))
    verified("build ids were routed by assignment rules, a redirect, and compatible sets")


if __name__ == "__main__":
    run(main)
