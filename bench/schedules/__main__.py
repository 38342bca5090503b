"""`make bench-schedules [COUNT=n]`: schedules that fire in the same minute.

Owns one question: do all of them fire, none twice, how soon, and how long does other work wait
meanwhile? It also tells what idle schedules cost in memory and on the disk.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Final

from temporalio.api.workflowservice.v1 import CountWorkflowExecutionsRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)

from tests.server_process import INDELIBLE, ServerProcess

CREATING_MAX: Final = 64
"""Requests under way while schedules are made."""
CREATED_PER_SECOND_MIN: Final = 150
"""The time at which they fire leaves room for making them at this rate."""
WAIT_SECONDS_MAX: Final = 900
PROBE_SECONDS: Final = 0.2
WORKFLOW_TYPE: Final = "Scheduled"
QUEUE: Final = "bench-schedules"


@dataclass
class Burst:
    """What was seen while the schedules fired."""

    counts: list[tuple[float, int]] = field(default_factory=list)
    """(seconds since the time, workflows started)."""
    probes: list[float] = field(default_factory=list)
    """Seconds that the start of another workflow took."""


def main() -> int:
    """Return 1 if a schedule did not fire, or fired twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-schedules-") as name:
        folder = Path(name)
        server = ServerProcess(
            executable=INDELIBLE,
            log=folder / "server.log",
            database=folder / "bench.db",
            extra_arguments=["--dynamic-config-value", "frontend.namespaceRPS=100000"],
        )
        server.start()
        try:
            return asyncio.run(_measured(server, folder / "bench.db", arguments.count))
        finally:
            server.kill()


async def _measured(server: ServerProcess, database: Path, count: int) -> int:
    client = await server.connect()
    before = _memory_megabytes(server.pid)
    at = _next_minute(count / CREATED_PER_SECOND_MIN)
    began = time.monotonic()
    await _create(client, count, at)
    spent = time.monotonic() - began
    _say(f"{count} schedules made in {spent:.0f} s ({count / spent:.0f}/s)")
    _say(f"memory {before:.0f} -> {_memory_megabytes(server.pid):.0f} MB")
    _say(f"file {_file_megabytes(database):.1f} MB")
    spent = _cpu_seconds(server.pid)
    burst = await _watch(client, count, at)
    spent = _cpu_seconds(server.pid) - spent
    for seconds, started in burst.counts:
        _say(f"{seconds:6.1f} s  {started:6d} started")
    if len(burst.probes) > 1:
        cuts = quantiles(burst.probes, n=100)
        _say(f"another start took {cuts[49] * 1e3:.0f} ms (p50), {cuts[98] * 1e3:.0f} ms (p99)")
    _say(f"{spent / count * 1e3:.2f} ms of CPU for each")
    _say(f"memory after the burst {_memory_megabytes(server.pid):.0f} MB")
    final = await _count(client)
    _say(f"{final} of {count} fired")
    return 0 if final == count else 1


async def _create(client: Client, count: int, at: datetime) -> None:
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await client.create_schedule(f"bench-{number}", _schedule(number, at))

    await asyncio.gather(*(work() for _ in range(CREATING_MAX)))


def _schedule(number: int, at: datetime) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            WORKFLOW_TYPE, id=f"bench-run-{number}", task_queue=QUEUE
        ),
        spec=ScheduleSpec(cron_expressions=[f"{at.minute} {at.hour} * * *"]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )


async def _watch(client: Client, count: int, at: datetime) -> Burst:
    """Count what has started until all has, and start something else now and then."""
    burst = Burst()
    await asyncio.sleep(max(0.0, at.timestamp() - time.time()))
    probe = asyncio.create_task(_probe(client, burst))
    try:
        while not burst.counts or burst.counts[-1][1] < count:
            since = time.time() - at.timestamp()
            if since > WAIT_SECONDS_MAX:
                break
            burst.counts.append((since, await _count(client)))
            await asyncio.sleep(2)
    finally:
        probe.cancel()
    # Whoever fires twice does so by now.
    await asyncio.sleep(5)
    return burst


async def _probe(client: Client, burst: Burst) -> None:
    while True:
        began = time.monotonic()
        await client.start_workflow("Other", id=f"other-{began}", task_queue="other")
        burst.probes.append(time.monotonic() - began)
        await asyncio.sleep(PROBE_SECONDS)


async def _count(client: Client) -> int:
    response = await client.workflow_service.count_workflow_executions(
        CountWorkflowExecutionsRequest(
            namespace=client.namespace, query=f"WorkflowType = '{WORKFLOW_TYPE}'"
        )
    )
    return response.count


def _next_minute(seconds_from_now: float) -> datetime:
    moment = datetime.now(UTC) + timedelta(seconds=seconds_from_now + 60)
    return moment.replace(second=0, microsecond=0)


def _memory_megabytes(pid: int) -> float:
    """Return the resident memory of a process."""
    lines: Sequence[str] = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmRSS"))
    return int(kilobytes) / 1024


def _cpu_seconds(pid: int) -> float:
    """Return the time that a process has computed, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _file_megabytes(database: Path) -> float:
    """Return the size of a data file and of what lies beside it."""
    return sum(path.stat().st_size for path in database.parent.glob("bench.db*")) / 1e6


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
