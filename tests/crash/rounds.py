"""The crash test itself: load, kill -9 at a random moment, restart on the same file, account.

Owns the order of events and the seed. `python -m tests.crash --rounds 20` runs it by itself.
"""

import asyncio
import random
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from temporalio.worker import Worker

from tests.crash.audit import audit_completions, finish_and_audit, replay
from tests.crash.journal import Journal
from tests.crash.load import TASK_QUEUE, Load
from tests.crash.programs import BEGUN, Errand, Ledger, once_only, repeatable
from tests.server_process import ServerExecutable, ServerProcess

LOAD_SECONDS_MIN: Final = 0.2
LOAD_SECONDS_MAX: Final = 2.0
BOOKKEEPERS: Final = 6
ERRAND_RUNNERS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashReport:
    """What was accounted for."""

    seed: int
    rounds: int
    starts: int
    signals: int
    completions: int
    replayed: int
    tolerated_errors: int
    restart_seconds_max: float
    violations: tuple[str, ...]

    def __str__(self) -> str:
        verdict = "nothing missing" if not self.violations else "VIOLATED"
        lines = [
            f"{self.rounds} kills (seed {self.seed}): {verdict}",
            (
                f"  acknowledged: {self.starts} starts, {self.signals} signals,"
                f" {self.completions} completions"
            ),
            f"  histories replayed: {self.replayed}",
            f"  errors while down: {self.tolerated_errors}",
            f"  slowest restart: {self.restart_seconds_max:.2f} s until it answered",
            *(f"  {violation}" for violation in self.violations[:50]),
        ]
        return "\n".join(lines)


async def run_rounds(
    executable: ServerExecutable, *, folder: Path, rounds: int, seed: int, durable: bool = True
) -> CrashReport:
    """Kill and restart the server so many times; the report says what became of the promises.

    A server that is not durable has no data file: it must be found out.
    """
    BEGUN.clear()
    journal = Journal()
    server = ServerProcess(
        executable=executable,
        log=folder / "server.log",
        database=folder / "crash.db" if durable else None,
    )
    server.start()
    try:
        client = await server.connect()
        worker = Worker(
            client,
            task_queue=TASK_QUEUE,
            workflows=[Ledger, Errand],
            activities=[repeatable, once_only],
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
        )
        async with worker:
            load = Load(client, journal)
            async with load.running(bookkeepers=BOOKKEEPERS, errand_runners=ERRAND_RUNNERS):
                restarts = await _kill_and_restart(server, journal, rounds=rounds, seed=seed)
            histories = await finish_and_audit(client, journal)
        await replay(histories)
    finally:
        server.kill()
    return CrashReport(
        seed=seed,
        rounds=rounds,
        starts=len(journal.started),
        signals=sum(len(record.acknowledged) for record in journal.ledgers.values()),
        completions=len(journal.completed),
        replayed=len(histories),
        tolerated_errors=len(journal.tolerated_errors),
        restart_seconds_max=max(restarts, default=0.0),
        violations=tuple(journal.violations),
    )


async def _kill_and_restart(
    server: ServerProcess, journal: Journal, *, rounds: int, seed: int
) -> list[float]:
    moments = random.Random(seed)  # noqa: S311 - chance by appointment, not secrecy
    restarts: list[float] = []
    for _ in range(rounds):
        await asyncio.sleep(moments.uniform(LOAD_SECONDS_MIN, LOAD_SECONDS_MAX))
        journal.outage_begins()
        server.kill()
        began_at = time.monotonic()
        server.start()
        client = await server.connect()
        restarts.append(time.monotonic() - began_at)
        journal.outage_ends()
        await audit_completions(client, journal)
    await asyncio.sleep(LOAD_SECONDS_MIN)
    return restarts
