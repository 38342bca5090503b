"""One server, one round: a fresh file, every scenario in turn, every result checked.

Owns the order of warm-up, readings and load. It must not know how results are shown or compared.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client

from bench.macro.driver import DriveOrder
from bench.macro.scenarios import SHAPES, Scenario
from bench.macro.server_sample import ServerSample, durability, sample
from tests.server_process import ServerExecutable, ServerProcess

IDLE_SECONDS: Final = 3.0
COUNT_SECONDS_MAX: Final = 20.0
DRIVER_GRACE_SECONDS: Final = 120.0
_MILLISECONDS: Final = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long each scenario is warmed up and measured, in seconds."""

    warm_up_seconds: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """The numbers of one scenario in one round, and whatever disqualifies them."""

    scenario: str
    completed: int
    workflows_per_second: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    server_cpu_ms_per_workflow: float
    driver_cpu_ms_per_workflow: float
    server_written_kib_per_workflow: float
    flushes_per_second: float | None
    flushes_per_workflow: float | None
    errors: dict[str, int] = field(default_factory=dict[str, int])
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundResult:
    """One life of one server."""

    server: str
    durability: str
    ready_seconds: float
    idle_rss_mb: float
    idle_pss_mb: float
    loaded_rss_mb: float
    loaded_pss_mb: float
    scenarios: tuple[ScenarioResult, ...]


_UNHURRIED = tuple(
    word
    for key in ("frontend.rps", "frontend.namespaceRPS")
    for word in ("--dynamic-config-value", f"{key}=1000000")
)
"""The default rates are below what is measured here."""


async def measure_round(
    executable: ServerExecutable, scenarios: Sequence[Scenario], pace: Pace, folder: Path
) -> RoundResult:
    """Start the server on a fresh file, run the scenarios one after the other, stop it."""
    server = ServerProcess(
        executable=executable,
        log=folder / "server.log",
        database=folder / "bench.db",
        extra_arguments=_UNHURRIED,
    )
    began_at = time.perf_counter()
    server.start()
    try:
        client = await server.connect()
        ready_seconds = time.perf_counter() - began_at
        await asyncio.sleep(IDLE_SECONDS)
        idle = sample(server)
        results = [await _measure_scenario(server, client, each, pace) for each in scenarios]
        loaded = sample(server)
        return RoundResult(
            server=executable.name,
            durability=durability(server),
            ready_seconds=ready_seconds,
            idle_rss_mb=idle.rss_bytes / 1e6,
            idle_pss_mb=idle.pss_bytes / 1e6,
            loaded_rss_mb=loaded.rss_bytes / 1e6,
            loaded_pss_mb=loaded.pss_bytes / 1e6,
            scenarios=tuple(results),
        )
    finally:
        server.kill()


async def _measure_scenario(
    server: ServerProcess, client: Client, scenario: Scenario, pace: Pace
) -> ScenarioResult:
    order = DriveOrder(
        address=server.address,
        shape=scenario.shape,
        concurrency=scenario.concurrency,
        warm_up_seconds=pace.warm_up_seconds,
        seconds=pace.seconds,
        id_prefix=scenario.name,
    )
    async with _driver(order) as process:
        await _expect(process, "ready")
        counted_before = await _settled_count(client, scenario, expected=None)
        before = sample(server)
        _say(process, "go")
        await _expect(process, "measured", grace=pace.seconds)
        after = sample(server)
        _say(process, "tell")
        told = json.loads(await _line(process))
    report = told["measured"]
    expected = counted_before + report["completed"]
    counted = await _settled_count(client, scenario, expected=expected) - counted_before
    return _result(scenario, told, before=before, after=after, counted=counted)


@asynccontextmanager
async def _driver(order: DriveOrder) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.macro.driver", json.dumps(asdict(order))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=64 * 1024 * 1024,
    )
    try:
        yield process
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _line(process: asyncio.subprocess.Process, *, grace: float = 0.0) -> str:
    if process.stdout is None:
        raise RuntimeError("the driver has no output")
    async with asyncio.timeout(DRIVER_GRACE_SECONDS + grace):
        return (await process.stdout.readline()).decode().strip()


async def _expect(process: asyncio.subprocess.Process, word: str, *, grace: float = 0.0) -> None:
    said = await _line(process, grace=grace)
    if said != word:
        raise RuntimeError(f"the driver said {said!r} instead of {word!r}")


def _say(process: asyncio.subprocess.Process, word: str) -> None:
    if process.stdin is None:
        raise RuntimeError("the driver has no input")
    process.stdin.write(f"{word}\n".encode())


async def _settled_count(client: Client, scenario: Scenario, *, expected: int | None) -> int:
    """Completed workflows as the server counts them.

    A server may write its index in the background: wait for the expected number, or without one
    until two readings agree.
    """
    workflow_type = SHAPES[scenario.shape].workflow_type
    query = f"WorkflowType = '{workflow_type}' AND ExecutionStatus = 'Completed'"
    deadline = time.monotonic() + COUNT_SECONDS_MAX
    last = -1
    while True:
        count = (await client.count_workflows(query)).count
        if count == (last if expected is None else expected) or time.monotonic() > deadline:
            return count
        last = count
        await asyncio.sleep(0.5)


def _result(
    scenario: Scenario,
    told: dict[str, Any],
    *,
    before: ServerSample,
    after: ServerSample,
    counted: int,
) -> ScenarioResult:
    report = told["measured"]
    completed, elapsed = report["completed"], report["elapsed_seconds"]
    per_workflow = 1 / completed if completed else 0.0
    flushes = None
    if before.flushes is not None and after.flushes is not None:
        flushes = after.flushes - before.flushes
    latencies = report["latencies"] or [0.0]
    return ScenarioResult(
        scenario=scenario.name,
        completed=completed,
        workflows_per_second=completed / elapsed,
        p50_ms=_MILLISECONDS * statistics.median(latencies),
        p99_ms=_MILLISECONDS * _percentile(latencies, 0.99),
        max_ms=_MILLISECONDS * max(latencies),
        server_cpu_ms_per_workflow=(
            _MILLISECONDS * (after.cpu_seconds - before.cpu_seconds) * per_workflow
        ),
        driver_cpu_ms_per_workflow=_MILLISECONDS * report["driver_cpu_seconds"] * per_workflow,
        server_written_kib_per_workflow=(
            (after.written_bytes - before.written_bytes) / 1024 * per_workflow
        ),
        flushes_per_second=None if flushes is None else flushes / elapsed,
        flushes_per_workflow=None if flushes is None else flushes * per_workflow,
        errors=report["errors"],
        findings=tuple(_findings(told, counted=counted)),
    )


def _findings(told: dict[str, Any], *, counted: int) -> list[str]:
    """Whatever makes the numbers worthless, in words."""
    report = told["measured"]
    found: list[str] = []
    if not report["completed"]:
        found.append("no workflow completed")
    if report["wrong_results"] or told["warm_up"]["wrong_results"]:
        found.append(f"{report['wrong_results']} wrong results")
    if report["wrong_histories"]:
        found.append(f"{report['wrong_histories']} sampled histories are not as expected")
    if told["warm_up"]["errors"]:
        found.append(f"errors while warming up: {told['warm_up']['errors']}")
    if counted < report["completed"]:
        found.append(f"the server counts {counted} completed, the clients {report['completed']}")
    return found


def _percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank: a value that was really measured."""
    ordered = sorted(values)
    rank = min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))
    return ordered[rank]
