"""`python -m bench.long_run`: one run with a million events, and what an event costs by then.

A fresh server on a fresh file with the limits raised, full durability, and a worker that speaks the
protocol itself: each workflow task completes with many markers and timers, and a few signals come
in between. Fails if an event of the last tenth costs more than `--ratio-max` times one of the
first, or if a request that should not depend on the length of the history does. What counts is the
server's CPU: how long an answer takes is printed too, but says as much of the machine.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

import psutil
from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import (
    Command,
    RecordMarkerCommandAttributes,
    StartTimerCommandAttributes,
)
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import CommandType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice import v1 as api
from temporalio.service import WorkflowService

from tests.server_process import INDELIBLE, ServerProcess

TENTHS: Final = 10
EVENTS_PER_TASK: Final = 2_000
TIMERS_PER_TASK: Final = 20
SIGNALS_PER_TASK: Final = 5
PROBES: Final = 100
"""Requests of each kind that are measured together, at the first tenth and at the end: the system
counts CPU in hundredths of a second."""
GROWTH_MAX: Final = 2.0
CPU_MS_MIN: Final = 0.3
"""Requests that cost less are all the same: the counting is too coarse to compare them."""
QUEUE: Final = TaskQueue(name="long-run")
NAMESPACE: Final = "default"
RAISED: Final = {
    "limit.historyCount.error": 10_000_000,
    "limit.historyCount.warn": 10_000_000,
    "limit.historySize.error": 10_000_000_000,
    "limit.historySize.warn": 10_000_000_000,
    "history.maximumSignalsPerExecution": 0,
    "limit.numPendingActivities.error": 100_000,
    "frontend.namespaceRPS": 100_000,
}
_MARKER: Final = Command(
    command_type=CommandType.COMMAND_TYPE_RECORD_MARKER,
    record_marker_command_attributes=RecordMarkerCommandAttributes(
        marker_name="step", details={"data": Payloads(payloads=[Payload(data=b"x" * 32)])}
    ),
)


class Cost(NamedTuple):
    """What a request takes, in milliseconds: of the server's CPU, and until its answer."""

    cpu: float
    latency: float


class Costs(NamedTuple):
    """What a request of each kind takes."""

    signal: Cost
    describe: Cost
    last_page: Cost
    first_page: Cost


class LongRun:
    """One run, and the worker that makes it long."""

    def __init__(self, service: WorkflowService) -> None:
        self._service = service
        self._execution = WorkflowExecution(workflow_id="long-run")
        self.event_count = 0
        self._timers = 0

    async def start(self) -> None:
        """Start the run."""
        await self._service.start_workflow_execution(
            api.StartWorkflowExecutionRequest(
                namespace=NAMESPACE,
                workflow_id=self._execution.workflow_id,
                workflow_type=WorkflowType(name="LongRun"),
                task_queue=QUEUE,
                request_id="long-run",
            )
        )

    async def poll(self) -> api.PollWorkflowTaskQueueResponse:
        """Wait for a workflow task of the run."""
        while True:
            task = await self._service.poll_workflow_task_queue(
                api.PollWorkflowTaskQueueRequest(
                    namespace=NAMESPACE, task_queue=QUEUE, identity="long-run"
                ),
                timeout=timedelta(seconds=70),
            )
            if task.task_token:
                return task

    async def grow(self) -> None:
        """Complete one workflow task with many events, and send a few signals."""
        task = await self.poll()
        self.event_count = task.started_event_id
        for _ in range(SIGNALS_PER_TASK):
            await self.signal()
        await self._service.respond_workflow_task_completed(
            api.RespondWorkflowTaskCompletedRequest(
                task_token=task.task_token,
                commands=self._commands(),
                force_create_new_workflow_task=True,
            )
        )

    def _commands(self) -> list[Command]:
        timers: list[Command] = []
        for _ in range(TIMERS_PER_TASK):
            self._timers += 1
            timers.append(
                Command(
                    command_type=CommandType.COMMAND_TYPE_START_TIMER,
                    start_timer_command_attributes=StartTimerCommandAttributes(
                        timer_id=str(self._timers),
                        start_to_fire_timeout=Duration(nanos=1_000_000),
                    ),
                )
            )
        return timers + [_MARKER] * (EVENTS_PER_TASK - len(timers))

    async def signal(self) -> None:
        """Send a signal."""
        await self._service.signal_workflow_execution(
            api.SignalWorkflowExecutionRequest(
                namespace=NAMESPACE, workflow_execution=self._execution, signal_name="go-on"
            )
        )

    async def costs(self, server: psutil.Process) -> Costs:
        """Measure single requests as the run is now."""
        return Costs(
            signal=await _cost(self.signal, server),
            describe=await _cost(self._describe, server),
            last_page=await _cost(self._last_page, server),
            first_page=await _cost(self._first_page, server),
        )

    async def _describe(self) -> None:
        await self._service.describe_workflow_execution(
            api.DescribeWorkflowExecutionRequest(namespace=NAMESPACE, execution=self._execution)
        )

    async def _last_page(self) -> None:
        await self._service.get_workflow_execution_history_reverse(
            api.GetWorkflowExecutionHistoryReverseRequest(
                namespace=NAMESPACE, execution=self._execution, maximum_page_size=100
            )
        )

    async def _first_page(self) -> None:
        await self._service.get_workflow_execution_history(
            api.GetWorkflowExecutionHistoryRequest(
                namespace=NAMESPACE, execution=self._execution, maximum_page_size=100
            )
        )


async def _cost(ask: Callable[[], Awaitable[None]], server: psutil.Process) -> Cost:
    times: list[float] = []
    spent = _cpu_seconds(server)
    for _ in range(PROBES):
        began_at = time.perf_counter()
        await ask()
        times.append(1_000 * (time.perf_counter() - began_at))
    return Cost(
        cpu=1_000 * (_cpu_seconds(server) - spent) / PROBES, latency=statistics.median(times)
    )


async def _measure(event_count: int, folder: Path) -> tuple[list[float], list[Costs], float]:
    words = [word for key, value in RAISED.items() for word in _flag(key, value)]
    server = ServerProcess(
        executable=INDELIBLE,
        log=folder / "server.log",
        database=folder / "long.db",
        extra_arguments=words,
    )
    server.start()
    try:
        run = LongRun((await server.connect()).workflow_service)
        await run.start()
        spent, costs = await _grow(run, psutil.Process(server.pid), event_count)
        server.stop()
        server.start()
        again = LongRun((await server.connect()).workflow_service)
        began_at = time.perf_counter()
        await again.signal()
        return spent, costs, 1_000 * (time.perf_counter() - began_at)
    finally:
        server.kill()


async def _grow(
    run: LongRun, server: psutil.Process, event_count: int
) -> tuple[list[float], list[Costs]]:
    """Return the CPU per event of each tenth, and costs after the first and the last.

    CPU of the server, in microseconds: other work on the machine does not change it much.
    """
    spent: list[float] = []
    costs: list[Costs] = []
    for tenth in range(1, TENTHS + 1):
        before, began_at = run.event_count, _cpu_seconds(server)
        while run.event_count < event_count * tenth // TENTHS:
            await run.grow()
        seconds = _cpu_seconds(server) - began_at
        spent.append(1e6 * seconds / max(1, run.event_count - before))
        print(f"{run.event_count:>10,} events  {spent[-1]:8.1f} us of CPU each", flush=True)
        if tenth in {1, TENTHS}:
            costs.append(await run.costs(server))
    return spent, costs


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _flag(key: str, value: int) -> tuple[str, str]:
    return "--dynamic-config-value", f"{key}={value}"


def main() -> None:
    """Exit code 1 when the cost of an event, or of a request, grows with the history."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--ratio-max", type=float, default=1.5)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="indelible-long-run-") as folder:
        spent, (early, late), reload_ms = asyncio.run(_measure(words.events, Path(folder)))
    ratio = spent[-1] / spent[0]
    print(f"last tenth / first tenth: {ratio:.2f}")
    for name, first, last in zip(Costs._fields, early, late, strict=True):
        print(
            f"{name:>10}: {first.cpu:.2f} ms of CPU at a tenth, {last.cpu:.2f} at the end;"
            f" answered within {first.latency:.2f} and {last.latency:.2f} ms"
        )
    print(f"first signal after a restart: {reload_ms:.1f} ms")
    if ratio > words.ratio_max:
        sys.exit("the cost of an event grows with the history")
    slower = [
        name
        for name, first, last in zip(Costs._fields, early, late, strict=True)
        if last.cpu > GROWTH_MAX * max(first.cpu, CPU_MS_MIN)
    ]
    if slower:
        sys.exit(f"these requests slow down with the history: {', '.join(slower)}")


if __name__ == "__main__":
    main()
