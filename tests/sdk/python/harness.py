"""What every end-to-end test needs: fresh names, its own workers, and histories that replay.

Owns the ids and the histories of one test. It must not know which server executable answers.
"""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer, Worker

_DETAIL_PREFIX: Final = "temporal.api.errordetails.v1."
_EVENTUALLY_SECONDS_MAX: Final = 15.0
_SAMPLE_RUNS_MAX: Final = 12
_counter = itertools.count(1)
MessageType = TypeVar("MessageType", bound=Message)


def event_names(events: Sequence[HistoryEvent]) -> list[str]:
    """Event types in order, without the enum's prefix."""
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in events]


def events_named(events: Sequence[HistoryEvent], name: str) -> list[HistoryEvent]:
    """The events of one type, in order."""
    return [event for event in events if event.event_type == EventType.Value(f"EVENT_TYPE_{name}")]


async def eventually(
    probe: Callable[[], Awaitable[bool]], *, seconds_max: float = _EVENTUALLY_SECONDS_MAX
) -> None:
    """Wait for what the server makes true in its own time; AssertionError if it never does."""
    deadline = time.monotonic() + seconds_max
    while not await probe():
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {seconds_max} s: {probe.__qualname__}")
        await asyncio.sleep(0.05)


class Refusal:
    """The error that the body of `refused` ended with."""

    error: RPCError | None = None

    def detail(self, message: MessageType) -> MessageType:
        """The first error detail, read into this message."""
        assert self.error is not None
        assert self.error.grpc_status.details[0].Unpack(message)
        return message


@asynccontextmanager
async def refused(
    status: RPCStatusCode, *, detail: str | None = None, text: str = ""
) -> AsyncGenerator[Refusal, None]:
    """The body must fail with exactly this status, error detail and wording (a pattern)."""
    refusal = Refusal()
    with pytest.raises(RPCError) as caught:
        yield refusal
    error = refusal.error = caught.value
    assert error.status is status, f"{error.status.name}: {error.message}"
    assert re.search(text, error.message), error.message
    names = [entry.type_url.rpartition("/")[2] for entry in error.grpc_status.details]
    assert names == ([_DETAIL_PREFIX + detail] if detail else []), error.message


class Harness:
    """One test's corner of the server: its own task queue, ids and recorded histories."""

    def __init__(self, client: Client, test_name: str) -> None:
        self.client = client
        self.label = f"{re.sub('[^a-z0-9]+', '-', test_name.lower())}-{next(_counter)}"
        self.task_queue = f"{self.label}-queue"
        self._workflow_types: dict[str, type] = {}
        self._histories: list[WorkflowHistory] = []

    def new_id(self) -> str:
        return f"{self.label}-{next(_counter)}"

    def worker(
        self, *workflows: type, activities: Sequence[Callable[..., Any]] = (), **options: Any
    ) -> Worker:
        """A worker of this test's queue; its workflow types are those that replay later."""
        for workflow in workflows:
            # A later definition of the same name is the repaired one: histories must fit that.
            definition = getattr(workflow, "__temporal_workflow_definition")
            self._workflow_types[definition.name] = workflow
        options.setdefault("task_queue", self.task_queue)
        return Worker(self.client, workflows=workflows, activities=activities, **options)

    async def start(self, workflow: Any, *args: Any, **options: Any) -> WorkflowHandle[Any, Any]:
        """Start with a fresh id on this test's queue; a started run is the test's own."""
        options.setdefault("id", self.new_id())
        options.setdefault("task_queue", self.task_queue)
        return await self.client.start_workflow(workflow, args=args, **options)

    async def execute(self, workflow: Any, *args: Any, **options: Any) -> Any:
        """Start and wait for the result."""
        return await (await self.start(workflow, *args, **options)).result()

    async def events(self, handle: WorkflowHandle[Any, Any]) -> Sequence[HistoryEvent]:
        """The history as it is now; it will be replayed when the test ends."""
        history = await handle.fetch_history()
        assert [event.event_id for event in history.events] == list(
            range(1, len(history.events) + 1)
        )
        self._histories.append(history)
        return history.events

    async def event_names(self, handle: WorkflowHandle[Any, Any]) -> list[str]:
        return event_names(await self.events(handle))

    async def replay(self) -> None:
        """What the test looked at, and a sample of the rest, must satisfy the SDK's replayer."""
        replayable = [
            history
            for history in [*self._histories, *await self._sample()]
            if "WORKFLOW_TASK_COMPLETED" in event_names(history.events)
        ]
        if replayable:
            replayer = Replayer(workflows=list(self._workflow_types.values()))
            for history in replayable:
                await replayer.replay_workflow(history)

    async def _sample(self) -> list[WorkflowHistory]:
        """Runs of this test's queue, children and successors included, as they are now."""
        if not self._workflow_types:
            return []
        looked_at = {history.run_id for history in self._histories}
        histories: list[WorkflowHistory] = []
        async for run in self.client.list_workflows(
            f"TaskQueue = '{self.task_queue}'", limit=_SAMPLE_RUNS_MAX
        ):
            if run.run_id in looked_at or run.workflow_type not in self._workflow_types:
                continue
            handle = self.client.get_workflow_handle(run.id, run_id=run.run_id)
            histories.append(await handle.fetch_history())
        return histories

    async def assert_serving(self) -> None:
        """The process is alive and answers."""
        answer = await self.client.workflow_service.get_system_info(GetSystemInfoRequest())
        assert answer.server_version


def execution(handle: WorkflowHandle[Any, Any], run_id: str = "") -> WorkflowExecution:
    """The handle's execution as the API's message."""
    return WorkflowExecution(workflow_id=handle.id, run_id=run_id)
