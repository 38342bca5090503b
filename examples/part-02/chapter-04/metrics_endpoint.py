"""What a worker tells a Prometheus server: its own counters and latencies, under their real names.

These are the SDK's, made in the worker's process. The server has an endpoint of its own.
"""

import asyncio
import os
import re
import socket
import urllib.request
from contextlib import suppress

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

with workflow.unsafe.imports_passed_through():
    from running import check, new_id, parse_options, run, span, until, verified, working

RUNS = 3
COUNTED = (
    "temporal_workflow_completed",
    "temporal_activity_execution_latency_count",
    "temporal_activity_schedule_to_start_latency_count",
    "breads_baked",
)
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


@activity.defn
async def bake(bread: str) -> str:
    """Bake, and count it: a counter of the program beside those of the SDK."""
    activity.metric_meter().create_counter("breads_baked").add(1)
    return f"{bread}, baked"


@workflow.defn
class BakeryWorkflow:
    """One bread."""

    @workflow.run
    async def run(self, bread: str) -> str:
        """Return the bread."""
        return await workflow.execute_activity(bake, bread, start_to_close_timeout=span(10))


def free_port() -> int:
    """A port that nobody listens on; in earnest it is a fixed one that Prometheus knows."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def scrape(address: str) -> dict[str, float]:
    """Ask as Prometheus does; return the sum over all labels for each name."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    sums: dict[str, float] = {}
    for name, _, value in SAMPLE.findall(text):
        sums[name] = sums.get(name, 0.0) + float(value)
    return sums


async def main() -> None:
    """Run a few workflows, then scrape."""
    options = parse_options(is_alone=True)
    address = f"127.0.0.1:{free_port()}"
    client = await Client.connect(
        os.environ.get("TEMPORAL_ADDRESS", "localhost:7233"),
        namespace=os.environ.get("TEMPORAL_NAMESPACE", "default"),
        runtime=Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=address))),
    )
    async with working(client, options, workflows=[BakeryWorkflow], activities=[bake]):
        for _ in range(RUNS):
            await client.execute_workflow(
                BakeryWorkflow.run, "rye", id=new_id("bread"), task_queue=options.task_queue
            )
        sums: dict[str, float] = {}

        async def all_is_counted() -> bool:  # A result may be here before it is counted.
            sums.update(await asyncio.to_thread(scrape, address))
            return all(sums.get(name) == RUNS for name in COUNTED)

        with suppress(TimeoutError):
            await until(all_is_counted)
    for name in COUNTED:
        print(f"  {name} {sums.get(name, 0):g}")
        check(sums.get(name) == RUNS, f"{name} is {RUNS}")
    check(sums.get("temporal_worker_task_slots_available", 0) > 0, "free slots are told")
    check(sums.get("temporal_request", 0) > 0, "requests are counted")
    verified(f"{RUNS} runs, and the counters say so")


if __name__ == "__main__":
    run(main)
