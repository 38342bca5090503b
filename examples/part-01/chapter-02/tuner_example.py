"""How many activities a worker runs at once: fixed slots, and slots by free memory and CPU."""

import asyncio

from temporalio import activity, workflow
from temporalio.worker import (
    FixedSizeSlotSupplier,
    ResourceBasedSlotConfig,
    ResourceBasedSlotSupplier,
    ResourceBasedTunerConfig,
    Worker,
    WorkerTuner,
)

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, run, span, verified

FIXED_SLOTS = 3
RESOURCE_SLOTS_MAX = 4
JOBS = 12
RUNNING: dict[str, int] = {}
MOST: dict[str, int] = {}


@activity.defn
async def count_company(name: str) -> None:
    """Notice how many others run at the same time."""
    RUNNING[name] = RUNNING.get(name, 0) + 1
    MOST[name] = max(MOST.get(name, 0), RUNNING[name])
    await asyncio.sleep(0.2)
    RUNNING[name] -= 1


@workflow.defn
class CrowdWorkflow:
    """Starts all its activities at once."""

    @workflow.run
    async def run(self, name: str, jobs: int) -> int:
        """Return how many ended."""
        ended = await asyncio.gather(
            *(
                workflow.execute_activity(count_company, name, start_to_close_timeout=span(20))
                for _ in range(jobs)
            )
        )
        return len(ended)


def fixed_tuner() -> WorkerTuner:
    """As many slots as we say."""
    return WorkerTuner.create_fixed(activity_slots=FIXED_SLOTS)


def resource_tuner() -> WorkerTuner:
    """Between one slot and four, as long as the machine is neither full nor busy."""
    resources = ResourceBasedTunerConfig(target_memory_usage=0.95, target_cpu_usage=0.95)
    slots = ResourceBasedSlotConfig(
        minimum_slots=1, maximum_slots=RESOURCE_SLOTS_MAX, ramp_throttle=span(0)
    )
    return WorkerTuner.create_composite(
        workflow_supplier=FixedSizeSlotSupplier(10),
        activity_supplier=ResourceBasedSlotSupplier(slots, resources),
        local_activity_supplier=FixedSizeSlotSupplier(10),
        nexus_supplier=FixedSizeSlotSupplier(10),
    )


async def main() -> None:
    """Give both workers more work than they have slots."""
    client = await connect()
    for name, tuner in (("fixed", fixed_tuner()), ("resource", resource_tuner())):
        queue = new_id(f"tuner-{name}")
        worker = Worker(
            client,
            task_queue=queue,
            workflows=[CrowdWorkflow],
            activities=[count_company],
            tuner=tuner,
        )
        async with worker:
            ended = await client.execute_workflow(
                CrowdWorkflow.run, args=[name, JOBS], id=new_id(name), task_queue=queue
            )
        print(f"{name}: at most {MOST[name]} of {JOBS} activities at once")
        check(ended == JOBS, f"{name}: all activities ended")
    check(MOST["fixed"] == FIXED_SLOTS, "as many at once as there are fixed slots")
    check(1 <= MOST["resource"] <= RESOURCE_SLOTS_MAX, "never more than the maximum of slots")
    verified("concurrency stays within the configured slots")


if __name__ == "__main__":
    run(main)
