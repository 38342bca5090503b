"""The other process: a worker and its clients, in one place, with the official SDK.

Started by the benchmark with one JSON object as its argument. Says "ready" when warm, waits for a
line on its standard input, then measures and prints one JSON object. Owns the latencies; it must
not know which server it drives.
"""

import asyncio
import itertools
import json
import resource
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Final

from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bench.macro.programs import FortyActivities, OneActivity, Signals, increment
from bench.macro.scenarios import SHAPES, WorkflowShape

SLOTS: Final = 400
HISTORY_SAMPLE_COUNT: Final = 5
# A workflow that takes longer is stuck: an error, whatever becomes of it later.
ANSWER_SECONDS_MAX: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveOrder:
    """What this process is to do."""

    address: str
    shape: str
    concurrency: int
    warm_up_seconds: float
    seconds: float
    id_prefix: str


@dataclass(slots=True)
class DriveReport:
    """What it saw. Latencies in seconds, one per completed workflow, in order of completion."""

    completed: int = 0
    wrong_results: int = 0
    wrong_histories: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    elapsed_seconds: float = 0.0
    driver_cpu_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)


class Driver:
    """Closed loop: each client starts its next workflow when the one before has answered."""

    def __init__(self, client: Client, order: DriveOrder) -> None:
        self._client = client
        self._order = order
        self._shape: WorkflowShape = SHAPES[order.shape]
        self._numbers = itertools.count(1)
        self._queue = f"{order.id_prefix}-queue"
        self._completed_ids: list[str] = []

    async def warm_up(self) -> DriveReport:
        """The same load, not measured, but neither are its errors forgotten."""
        return await self._phase(self._order.warm_up_seconds)

    async def measure(self) -> DriveReport:
        """The measured load. The clock stops when the last workflow has ended; none is cut off."""
        self._completed_ids.clear()
        report = await self._phase(self._order.seconds)
        for workflow_id in self._completed_ids[:: self._sample_step()]:
            if not await self._history_is_right(workflow_id):
                report.wrong_histories += 1
        return report

    def _sample_step(self) -> int:
        return max(1, len(self._completed_ids) // HISTORY_SAMPLE_COUNT)

    async def _phase(self, seconds: float) -> DriveReport:
        report = DriveReport()
        cpu_before = _cpu_seconds()
        began_at = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(self._order.concurrency):
                group.create_task(self._loop(report, until=began_at + seconds))
        report.elapsed_seconds = time.perf_counter() - began_at
        report.driver_cpu_seconds = _cpu_seconds() - cpu_before
        return report

    async def _loop(self, report: DriveReport, *, until: float) -> None:
        while time.perf_counter() < until:
            await self._one(report, next(self._numbers))

    async def _one(self, report: DriveReport, number: int) -> None:
        workflow_id = f"{self._order.id_prefix}-{number}"
        began_at = time.perf_counter()
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                result = await self._shape.drive(self._client, workflow_id, self._queue, number)
        except TimeoutError:
            report.errors[f"no answer in {ANSWER_SECONDS_MAX:.0f} s: {workflow_id}"] += 1
            return
        except RPCError as error:
            report.errors[f"{error.status.name}: {error.message[:100]}"] += 1
            return
        report.latencies.append(time.perf_counter() - began_at)
        report.completed += 1
        self._completed_ids.append(workflow_id)
        if result != self._shape.expected_result(number):
            report.wrong_results += 1

    async def _history_is_right(self, workflow_id: str) -> bool:
        history = await self._client.get_workflow_handle(workflow_id).fetch_history()
        ids = [event.event_id for event in history.events]
        expected = self._shape.expected_events
        return ids == list(range(1, len(ids) + 1)) and expected in (None, len(ids))


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def drive(order: DriveOrder) -> None:
    """Warm up, wait for the starting signal, measure, report."""
    # The SDK's core would log to the output that the benchmark reads.
    silent = Runtime(telemetry=TelemetryConfig(logging=None))
    client = await Client.connect(order.address, runtime=silent)
    worker = Worker(
        client,
        task_queue=f"{order.id_prefix}-queue",
        workflows=[OneActivity, FortyActivities, Signals],
        activities=[increment],
        # The sandbox re-imports the workflow's module for each run: work of the client, which on a
        # shared machine would be taken from the server.
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_concurrent_workflow_tasks=SLOTS,
        max_concurrent_activities=SLOTS,
        max_cached_workflows=2 * SLOTS,
    )
    async with worker:
        driver = Driver(client, order)
        warm = await driver.warm_up()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        measured = await driver.measure()
        print("measured", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
    print(json.dumps({"warm_up": asdict(warm), "measured": asdict(measured)}), flush=True)


def main() -> None:
    """Read the order from the command line."""
    asyncio.run(drive(DriveOrder(**json.loads(sys.argv[1]))))


if __name__ == "__main__":
    main()
