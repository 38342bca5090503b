"""What the programs of this chapter share: options, connection, worker, verdict.

Each chapter folder carries its own copy, so that the folder alone is a project.
"""

import argparse
import asyncio
import itertools
import os
import sys
import traceback
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

_names = itertools.count(1)


@dataclass(frozen=True)
class Options:
    """The command line: which queue, and who works on it."""

    task_queue: str
    with_worker: bool
    only_worker: bool


def parse_options(*, is_alone: bool = False) -> Options:
    """Read the command line. Two terminals share the chapter's queue; one uses a fresh queue.

    `is_alone` is for programs about workers that come and go: they start all of them, and refuse
    to be run in two terminals.
    """
    parser = argparse.ArgumentParser(description="Runs by itself; see README.md for two terminals.")
    parser.add_argument("--task-queue", default="", help="queue to use instead of the default")
    parser.set_defaults(no_worker=False, only_worker=False)
    if not is_alone:
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--no-worker", action="store_true", help="a worker runs elsewhere")
        mode.add_argument("--only-worker", action="store_true", help="work until Ctrl-C")
    words = parser.parse_args()
    shared = words.no_worker or words.only_worker
    default = Path(__file__).parent.name if shared else new_id("queue")
    return Options(
        task_queue=words.task_queue or default,
        with_worker=not words.no_worker,
        only_worker=words.only_worker,
    )


def new_id(prefix: str) -> str:
    """An id that no earlier run of this program has used."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}-{next(_names)}"


async def connect() -> Client:
    """A client of the server at TEMPORAL_ADDRESS (default localhost:7233)."""
    return await Client.connect(
        os.environ.get("TEMPORAL_ADDRESS", "localhost:7233"),
        namespace=os.environ.get("TEMPORAL_NAMESPACE", "default"),
    )


@asynccontextmanager
async def working(
    client: Client,
    options: Options,
    *,
    workflows: Sequence[type] = (),
    activities: Sequence[Callable[..., Any]] = (),
    **settings: Any,
) -> AsyncGenerator[None, None]:
    """A worker for the duration of the block, unless one runs elsewhere.

    `settings` are further arguments of the SDK's `Worker`.
    """
    if not options.with_worker:
        yield
        return
    worker = Worker(
        client,
        task_queue=options.task_queue,
        workflows=workflows,
        activities=activities,
        # How long a task waits for the worker that has its run cached, should that one be dead.
        sticky_queue_schedule_to_start_timeout=span(2),
        **settings,
    )
    async with worker:
        if options.only_worker:
            print(f"working on {options.task_queue}; stop with Ctrl-C", flush=True)
            await asyncio.Event().wait()
        yield


@asynccontextmanager
async def worker_process(
    program: str, task_queue: str
) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    """Another process that runs `program --only-worker`; whoever started it may kill it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, program, "--only-worker", "--task-queue", task_queue),
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until(fact: Callable[[], Any], *, seconds_max: float = 20.0) -> None:
    """Ask again and again until the awaited fact is true. Raises TimeoutError if it never is."""
    async with asyncio.timeout(seconds_max):
        while not await fact():
            await asyncio.sleep(0.05)


async def event_names(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """The types of the events of a run, in their order and without their common prefix."""
    return [
        EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
        for event in (await handle.fetch_history()).events
    ]


def check(holds: bool, claim: str) -> None:
    """Stop the program with a sentence when a claim does not hold."""
    if not holds:
        failed(claim)


def failed(claim: str) -> NoReturn:
    """Stop the program with a sentence: something that must not happen has happened."""
    print(f"NOT VERIFIED: {claim}", flush=True)
    sys.exit(1)


def verified(claim: str) -> None:
    """The last line of a program that has kept its promise."""
    print(f"VERIFIED: {claim}", flush=True)


def run(main: Callable[[], Any]) -> NoReturn:
    """Run the program to its end and leave with its exit code."""
    code = 0
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("stopped")
    except SystemExit as ending:
        code = int(ending.code or 0)
    except Exception:  # noqa: BLE001 - the edge of the program
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: threads of the SDK's native core may still hand over a last result; on a busy
    # machine they meet an interpreter that is being taken down, which aborts (seen with 1.35).
    os._exit(code)


def span(seconds: float) -> timedelta:
    """Seconds as the SDK wants them."""
    return timedelta(seconds=seconds)
