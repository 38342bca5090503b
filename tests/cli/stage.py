"""What the transcripts play on: a worker with a few workflows, and the way to replay a transcript.

A transcript is a file of commands with what they print: `$ words`, then standard output, then
standard error after `! `, then `-> code` if it is not 0. What differs from run to run is replaced.
`INDELIBLE_WRITE_TRANSCRIPTS=1` writes the files anew; a reviewer reads the difference.
"""

import asyncio
import os
import re
import shlex
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from nexusrpc import HandlerError, HandlerErrorType
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import activity, workflow
from temporalio.api.deployment.v1 import WorkerDeploymentOptions, WorkerDeploymentVersion
from temporalio.api.enums.v1 import WorkerStatus, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.worker.v1 import (
    PluginInfo,
    WorkerHeartbeat,
    WorkerHostInfo,
    WorkerPollerInfo,
    WorkerSlotsInfo,
)
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentVersionRequest,
    PollActivityTaskQueueRequest,
    RecordWorkerHeartbeatRequest,
)
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

TRANSCRIPTS: Final = Path(__file__).parent / "transcripts"
WRITE_VARIABLE: Final = "INDELIBLE_WRITE_TRANSCRIPTS"
QUEUE: Final = "stage"

NAMESPACES: Final = tuple(path.stem for path in sorted(TRANSCRIPTS.glob("*.txt")))
WORKED: Final = ("activity", "default", "nexus", "replay-check", "workflow")
"""The namespaces that have a worker."""

Ran = tuple[int, str, str]
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VARYING: Final = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (
        re.compile(
            r"\b(in )?\d+ (second|minute|hour|day|week|month|year)s?( ago)? *|(?<=  )now\b *"
        ),
        "<ago>",
    ),
    (re.compile(r"indelible-cli:\S+?@[\w.-]+"), "<identity>"),
    (re.compile(r"\d+@[\w.-]+"), "<worker>"),
    (re.compile(r"((HistorySize|HistoryLength|StateTransitionCount) +)\d+"), r"\1<count>"),
    (re.compile(r"(\"(executionDuration|stateSizeBytes)\": ?\")[\d.]+"), r"\1<count>"),
    (re.compile(r"(durationMillis\": )\d+"), r"\1<millis>"),
    (re.compile(r"(?<=  )(\d+(\.\d+)?(ms|s|m|h)\b ?)+(?=  |$)", re.MULTILINE), "<span>"),
    (re.compile(r"Stack for <Task.*"), "Stack for <task>"),
    (re.compile(r"^(! )?( +)File \"(.*\n((! )?\2.*\n|(! )?\n)*)", re.MULTILINE), r"\1\2<stack>\n"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<address>"),
    (re.compile(r"\S+/\.config/"), "<home>/.config/"),
)


@activity.defn(name="greet")
async def greet(name: str) -> str:
    return f"Hello, {name}!"


@activity.defn(name="refuse")
async def refuse() -> None:
    raise ApplicationError("not today", type="Mood", non_retryable=True)


@workflow.defn(name="Greeting")
class Greeting:
    """Greets once, or waits to be told that it may end."""

    def __init__(self) -> None:
        self.name = ""
        self.is_over = False

    @workflow.run
    async def run(self, name: str, waits: bool = False) -> str:
        self.name = name
        if waits:
            await workflow.wait_condition(lambda: self.is_over)
        return await workflow.execute_activity(
            "greet",
            self.name,
            result_type=str,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )

    @workflow.signal
    def finish(self) -> None:
        self.is_over = True

    @workflow.query
    def who(self) -> str:
        return self.name

    @workflow.update
    def rename(self, name: str) -> str:
        before, self.name = self.name, name
        return before

    @rename.validator
    def check(self, name: str) -> None:
        if not name:
            raise ApplicationError("nobody has no name", type="NoName")


@workflow.defn(name="Failing")
class Failing:
    """Has a child that ends well, and ends badly itself."""

    @workflow.run
    async def run(self) -> None:
        await workflow.execute_child_workflow(
            "Greeting", "child", id=f"{workflow.info().workflow_id}-child"
        )
        raise ApplicationError("it was not to be", type="Fate", non_retryable=True)


@workflow.defn(name="Patient")
class Patient:
    """Waits for an activity that nobody carries out."""

    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(
            "greet",
            "nobody",
            activity_id="greeting",
            task_queue="nobody",
            start_to_close_timeout=timedelta(seconds=10),
        )


@service_handler(name="Desk")
class Desk:
    """Answers at once, well or badly."""

    @sync_operation
    async def echo(self, _context: StartOperationContext, word: str) -> str:
        return word

    @sync_operation
    async def refuse(self, _context: StartOperationContext, _word: str) -> str:
        raise HandlerError("not today", type=HandlerErrorType.BAD_REQUEST)


@contextmanager
def working(address: str) -> Iterator[None]:
    """A worker in a thread of its own, as long as the block lasts."""
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    ready = threading.Event()

    async def work() -> None:
        async with AsyncExitStack() as workers:
            for namespace in WORKED:
                client = await Client.connect(address, namespace=namespace)
                worker = Worker(
                    client,
                    task_queue=QUEUE,
                    workflows=[Greeting, Failing, Patient],
                    activities=[greet, refuse],
                    nexus_service_handlers=[Desk()],
                    build_id="stage",
                    workflow_runner=UnsandboxedWorkflowRunner(),
                )
                await workers.enter_async_context(worker)
            await _meet(await Client.connect(address), "worker", "default")
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(work(),))
    thread.start()
    try:
        assert ready.wait(30), "the worker did not start"
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


# --------------------------------------------------------------- a worker that only says so
_VERSION: Final = WorkerDeploymentVersion(deployment_name="till", build_id="1.0")


async def _meet(client: Client, *namespaces: str) -> None:
    """Let a worker of a version tell how it is, and poll until the version is known."""
    for namespace in namespaces:
        await client.workflow_service.record_worker_heartbeat(
            RecordWorkerHeartbeatRequest(
                namespace=namespace, identity="till@shop", worker_heartbeat=[_heartbeat()]
            )
        )
        request = PollActivityTaskQueueRequest(
            namespace=namespace,
            identity="till@shop",
            task_queue=TaskQueue(name="till"),
            deployment_options=WorkerDeploymentOptions(
                deployment_name=_VERSION.deployment_name,
                build_id=_VERSION.build_id,
                worker_versioning_mode=WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED,
            ),
        )
        async with asyncio.TaskGroup() as group:
            poll = group.create_task(
                client.workflow_service.poll_activity_task_queue(
                    request, timeout=timedelta(minutes=1)
                )
            )
            while not await _is_known(client, namespace):
                assert not poll.done(), "there is nothing to be done, and yet the poll has ended"
            poll.cancel()


async def _is_known(client: Client, namespace: str) -> bool:
    try:
        await client.workflow_service.describe_worker_deployment_version(
            DescribeWorkerDeploymentVersionRequest(namespace=namespace, deployment_version=_VERSION)
        )
    except RPCError:
        return False
    return True


def _heartbeat() -> WorkerHeartbeat:
    return WorkerHeartbeat(
        worker_instance_key="worker-1",
        worker_identity="till@shop",
        host_info=WorkerHostInfo(
            host_name="shop",
            process_id="7",
            worker_grouping_key="tills",
            current_host_cpu_usage=0.25,
            current_host_mem_usage=0.5,
        ),
        task_queue="till",
        deployment_version=_VERSION,
        sdk_name="temporal-python",
        sdk_version="1.0.0",
        status=WorkerStatus.WORKER_STATUS_RUNNING,
        start_time=Timestamp(seconds=1_700_000_000),
        heartbeat_time=Timestamp(seconds=1_700_000_060),
        elapsed_since_last_heartbeat=Duration(seconds=60),
        workflow_task_slots_info=WorkerSlotsInfo(
            current_available_slots=99,
            current_used_slots=1,
            slot_supplier_kind="Fixed",
            total_processed_tasks=12,
            total_failed_tasks=1,
            last_interval_processed_tasks=3,
        ),
        workflow_poller_info=WorkerPollerInfo(
            current_pollers=5, last_successful_poll_time=Timestamp(seconds=1_700_000_050)
        ),
        total_sticky_cache_hit=11,
        current_sticky_cache_size=1,
        plugins=[PluginInfo(name="tally", version="2")],
    )


# -------------------------------------------------------------------------------- transcripts
def played(path: Path, run: Callable[[list[str], str], Ran]) -> tuple[str, str]:
    """Run the commands of a transcript; return it as it is and as it should be."""
    expected = path.read_text()
    normal = _Normal()
    parts: list[str] = []
    for line in expected.splitlines():
        if line.startswith("# "):
            parts.append(f"{line}\n\n")
        if line.startswith("$ "):
            code, out, err = run(shlex.split(normal.named(line[2:])), path.stem)
            parts.append(f"{line}\n{_shown(normal, code, out, err)}\n")
    found = "".join(parts)
    if os.environ.get(WRITE_VARIABLE):
        path.write_text(found)
        expected = found
    return found, expected


def _shown(normal: "_Normal", code: int, out: str, err: str) -> str:
    told = "".join(f"! {line}\n" for line in err.splitlines())
    ended = f"-> {code}\n" if code else ""
    return normal(out) + normal(told) + ended


class _Normal:
    """Replaces what differs from run to run; ids keep a name by the order of their coming."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        text = _UUID.sub(self._name, text)
        text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
        for pattern, words in _VARYING:
            text = pattern.sub(words, text)
        return text

    def named(self, text: str) -> str:
        """Put the ids that came into a command that names them."""
        for uuid, name in self._ids.items():
            text = text.replace(name, uuid)
        return text

    def _name(self, found: re.Match[str]) -> str:
        return self._ids.setdefault(found[0], f"<id-{len(self._ids) + 1}>")
