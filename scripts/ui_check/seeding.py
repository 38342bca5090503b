"""Fills a server with something of everything that the UI shows, by the official SDK.

Owns the workflows and their worker. Must not know the pages.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from temporalio import activity, workflow
from temporalio.api.enums.v1 import IndexedValueType, PendingActivityState
from temporalio.api.nexus.v1 import EndpointSpec, EndpointTarget
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    CreateNexusEndpointRequest,
)
from temporalio.api.workflowservice.v1 import ListWorkersRequest
from temporalio.client import (
    ActivityHandle,
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleIntervalSpec,
    ScheduleSpec,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.common import (
    RetryPolicy,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    VersioningBehavior,
    WorkerDeploymentVersion,
)
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker, WorkerDeploymentConfig

QUEUE: Final = "ui"
DEPLOYMENT: Final = "ui-deployment"
BUILD: Final = "1.0"
ENDPOINT: Final = "ui-endpoint"
_WORKERS: Final = 2
_SECONDS_MAX: Final = 60
_PAUSE_SECONDS: Final = 0.2
_ONCE_AN_HOUR: Final = RetryPolicy(initial_interval=timedelta(hours=1))
_SCHEDULED: Final = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
_KEYWORD: Final = SearchAttributeKey.for_keyword("UiKeyword")
_RED: Final = TypedSearchAttributes([SearchAttributePair(_KEYWORD, "red")])


@activity.defn
async def greet(name: str) -> str:
    """Say hello."""
    return f"Hello, {name}"


@activity.defn
async def always_fail(name: str) -> str:
    """Fail with details."""
    raise ApplicationError(f"no luck, {name}", {"some": "details"})


@workflow.defn
class Greeting:
    """A timer, an activity, done."""

    @workflow.run
    async def run(self, name: str) -> str:
        """Run to the end."""
        await workflow.sleep(timedelta(milliseconds=10))
        return await workflow.execute_activity(
            greet, name, start_to_close_timeout=timedelta(seconds=5), summary="says hello"
        )


@workflow.defn
class Failing:
    """Fails at once."""

    @workflow.run
    async def run(self, name: str) -> str:
        """Run to the end."""
        raise ApplicationError("this one fails", name, type="Expected")


@workflow.defn
class Waiting:
    """Stays open: a child, an activity that fails again and again; takes everything."""

    def __init__(self) -> None:
        self._notes: list[str] = []

    @workflow.run
    async def run(self, name: str) -> list[str]:
        """Run until a note says stop."""
        await workflow.execute_child_workflow(
            Greeting.run, name, id=f"{workflow.info().workflow_id}-child"
        )
        _failing = workflow.start_activity(
            always_fail,
            name,
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=_ONCE_AN_HOUR,
        )
        await workflow.wait_condition(lambda: "stop" in self._notes)
        return self._notes

    @workflow.signal
    def note(self, text: str) -> None:
        """Take a note."""
        self._notes.append(text)

    @workflow.query
    def notes(self) -> list[str]:
        """Return the notes."""
        return self._notes

    @workflow.update
    async def add(self, text: str) -> int:
        """Take a note and count them."""
        self._notes.append(text)
        return len(self._notes)


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class Versioned:
    """Runs on a version of a worker."""

    @workflow.run
    async def run(self, name: str) -> str:
        """Run to the end."""
        return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """What the pages are opened with."""

    client: Client
    runs: dict[str, tuple[str, str]]
    """Workflow and run id by kind."""
    endpoint_id: str
    activity: tuple[str, str]
    """Id and run id of an activity without a workflow."""


@asynccontextmanager
async def seeded(client: Client) -> AsyncIterator[Seeds]:
    """Fill the server and keep the workers running for the time of the context."""
    workflows = [Greeting, Failing, Waiting]
    activities = [greet, always_fail]
    version = WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=BUILD)
    config = WorkerDeploymentConfig(version=version, use_worker_versioning=True)
    await _search_attributes(client)
    async with (
        Worker(client, task_queue=QUEUE, workflows=workflows, activities=activities),
        Worker(
            client,
            task_queue=f"{QUEUE}-versioned",
            workflows=[Versioned],
            deployment_config=config,
        ),
    ):
        await _schedule(client)
        await _reached(lambda: _has_workers(client))
        yield Seeds(
            client=client,
            runs=await _runs(client),
            endpoint_id=await endpoint(client, ENDPOINT),
            activity=await _activity(client),
        )


async def _has_workers(client: Client) -> bool:
    request = ListWorkersRequest(namespace=client.namespace)
    return len((await client.workflow_service.list_workers(request)).workers) == _WORKERS


async def _search_attributes(client: Client) -> None:
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace, search_attributes={_KEYWORD.name: keyword}
        )
    )


async def _runs(client: Client) -> dict[str, tuple[str, str]]:
    greeting = await client.start_workflow(
        Greeting.run,
        "UI",
        id="ui-completed",
        task_queue=QUEUE,
        memo={"note": "a memo"},
        search_attributes=_RED,
        static_summary="A *greeting*",
        static_details="With **details**",
    )
    await greeting.result()
    failing = await client.start_workflow(Failing.run, "UI", id="ui-failed", task_queue=QUEUE)
    with suppress(WorkflowFailureError):
        await failing.result()
    runs: dict[str, WorkflowHandle[Any, Any]] = {"completed": greeting, "failed": failing}
    for kind in ("running", "cancelled", "terminated", "updated"):
        runs[kind] = await waiting(client, f"ui-{kind}")
    await runs["updated"].execute_update(Waiting.add, "one")
    await runs["running"].signal(Waiting.note, "two")
    await runs["cancelled"].cancel()
    with suppress(WorkflowFailureError):
        await runs["cancelled"].result()
    await runs["terminated"].terminate("enough")
    return {kind: (one.id, one.result_run_id or "") for kind, one in runs.items()}


async def greeted(client: Client, workflow_id: str) -> WorkflowHandle[Greeting, str]:
    """Start a workflow and wait for its end."""
    handle = await client.start_workflow(Greeting.run, "UI", id=workflow_id, task_queue=QUEUE)
    await handle.result()
    return handle


async def failing_activity(client: Client, activity_id: str) -> ActivityHandle[str]:
    """Start an activity without a workflow, and wait for its first failure."""
    handle = await delayed_activity(client, activity_id, timedelta())
    await _reached(lambda: _has_failed(handle))
    return handle


async def delayed_activity(
    client: Client, activity_id: str, delay: timedelta = timedelta(hours=1)
) -> ActivityHandle[str]:
    """Start an activity without a workflow that no worker gets yet."""
    return await client.start_activity(
        always_fail,
        "UI",
        id=activity_id,
        task_queue=QUEUE,
        start_to_close_timeout=timedelta(seconds=5),
        retry_policy=_ONCE_AN_HOUR,
        start_delay=delay,
    )


async def _has_failed(handle: ActivityHandle[str]) -> bool:
    return (await handle.describe()).attempt > 1


async def waiting(client: Client, workflow_id: str) -> WorkflowHandle[Waiting, list[str]]:
    """Start a workflow that stays open, and wait until nothing of it moves any more."""
    handle = await client.start_workflow(
        Waiting.run, "UI", id=workflow_id, task_queue=QUEUE, search_attributes=_RED
    )
    await _reached(lambda: _has_failed_activity(handle))
    return handle


async def waits_for_attempt(handle: WorkflowHandle[Any, Any], attempt: int) -> None:
    """Wait until nothing of a run moves any more but that its activity is to be tried again."""

    async def is_there() -> bool:
        pending = (await handle.describe()).raw_description.pending_activities
        return [(one.attempt, one.state) for one in pending] == [(attempt, _SCHEDULED)]

    await _reached(is_there)


async def _has_failed_activity(handle: WorkflowHandle[Any, Any]) -> bool:
    pending = (await handle.describe()).raw_description.pending_activities
    return any(one.HasField("last_failure") for one in pending)


async def _reached(is_there: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_SECONDS_MAX):
        while True:
            if await is_there():
                return
            await asyncio.sleep(_PAUSE_SECONDS)


async def endpoint(client: Client, name: str) -> str:
    """Create a Nexus endpoint, where nobody listens, and return its id."""
    spec = EndpointSpec(name=name)
    worker = EndpointTarget.Worker(namespace=client.namespace, task_queue=f"{QUEUE}-nobody")
    spec.target.CopyFrom(EndpointTarget(worker=worker))
    made = await client.operator_service.create_nexus_endpoint(
        CreateNexusEndpointRequest(spec=spec)
    )
    return made.endpoint.id


async def _schedule(client: Client) -> None:
    await client.create_schedule(
        "ui-schedule",
        Schedule(
            action=ScheduleActionStartWorkflow(
                Greeting.run, "schedule", id="ui-scheduled", task_queue=QUEUE
            ),
            spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(days=1))]),
        ),
    )


async def _activity(client: Client) -> tuple[str, str]:
    handle = await client.start_activity(
        greet,
        "UI",
        id="ui-activity",
        task_queue=QUEUE,
        start_to_close_timeout=timedelta(seconds=5),
    )
    async with asyncio.timeout(_SECONDS_MAX):
        await handle.result()
    return handle.id, handle.run_id or ""
