"""Fills a server with something of everything that the UI shows, by the official SDK.

Owns the workflows and their worker. What a server refuses is told and left out.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeVar

from temporalio import activity, workflow
from temporalio.api.nexus.v1 import EndpointSpec, EndpointTarget
from temporalio.api.operatorservice.v1 import (
    CreateNexusEndpointRequest,
    ListNexusEndpointsRequest,
)
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleSpec,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.common import (
    ActivityIDConflictPolicy,
    RetryPolicy,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    VersioningBehavior,
    WorkerDeploymentVersion,
    WorkflowIDConflictPolicy,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Worker, WorkerDeploymentConfig

QUEUE: Final = "ui"
DEPLOYMENT: Final = "ui-deployment"
BUILD: Final = "1.0"
_T = TypeVar("_T")
_KEYWORD: Final = SearchAttributeKey.for_keyword("UiKeyword")


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
    """Stays open: a child, a timer, an activity that fails again and again; takes everything."""

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
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=5)),
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


@dataclass(frozen=True, slots=True)
class Seeds:
    """What the pages are opened with."""

    runs: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Workflow and run id by kind."""
    endpoint_id: str = ""
    has_schedule: bool = False
    activity: tuple[str, str] | None = None
    refused: list[str] = field(default_factory=list[str])


@asynccontextmanager
async def seeded(client: Client) -> AsyncIterator[Seeds]:
    """Fill the server and keep the workers running for the time of the context."""
    workflows = [Greeting, Failing, Waiting]
    activities = [greet, always_fail]
    version = WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=BUILD)
    config = WorkerDeploymentConfig(version=version, use_worker_versioning=True)
    async with (
        Worker(client, task_queue=QUEUE, workflows=workflows, activities=activities),
        Worker(
            client,
            task_queue=f"{QUEUE}-versioned",
            workflows=[Versioned],
            deployment_config=config,
        ),
    ):
        runs = await _runs(client)
        refused: list[str] = []
        yield Seeds(
            runs=runs,
            endpoint_id=await _told(refused, "Nexus endpoint", _endpoint(client)) or "",
            has_schedule=bool(await _told(refused, "schedule", _schedule(client))),
            activity=await _told(refused, "standalone activity", _activity(client)),
            refused=refused,
        )


async def _runs(client: Client) -> dict[str, tuple[str, str]]:
    attributes = TypedSearchAttributes([SearchAttributePair(_KEYWORD, "red")])
    greeting = await client.start_workflow(
        Greeting.run,
        "UI",
        id="ui-completed",
        task_queue=QUEUE,
        memo={"note": "a memo"},
        search_attributes=attributes,
        static_summary="A *greeting*",
        static_details="With **details**",
    )
    await greeting.result()
    failing = await client.start_workflow(Failing.run, "UI", id="ui-failed", task_queue=QUEUE)
    with suppress(WorkflowFailureError):
        await failing.result()
    runs: dict[str, WorkflowHandle[Any, Any]] = {"completed": greeting, "failed": failing}
    for kind in ("running", "cancelled", "terminated", "updated"):
        runs[kind] = await client.start_workflow(
            Waiting.run,
            "UI",
            id=f"ui-{kind}",
            task_queue=QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
        )
    await runs["updated"].execute_update(Waiting.add, "one")
    await runs["running"].signal(Waiting.note, "two")
    await runs["cancelled"].cancel()
    await runs["terminated"].terminate("enough")
    return {kind: (one.id, one.result_run_id or "") for kind, one in runs.items()}


async def _told(refused: list[str], what: str, attempt: Awaitable[_T]) -> _T | None:
    try:
        return await attempt
    except RPCError as error:
        refused.append(f"{what}: {error.status.name}: {error.message}")
        return None


async def _endpoint(client: Client) -> str:
    spec = EndpointSpec(name="ui-endpoint")
    worker = EndpointTarget.Worker(namespace=client.namespace, task_queue=QUEUE)
    spec.target.CopyFrom(EndpointTarget(worker=worker))
    operator = client.operator_service
    listed = await operator.list_nexus_endpoints(ListNexusEndpointsRequest(name=spec.name))
    if listed.endpoints:
        return listed.endpoints[0].id
    made = await operator.create_nexus_endpoint(CreateNexusEndpointRequest(spec=spec))
    return made.endpoint.id


async def _schedule(client: Client) -> bool:
    with suppress(ScheduleAlreadyRunningError):
        await _create_schedule(client)
    return True


async def _create_schedule(client: Client) -> None:
    await client.create_schedule(
        "ui-schedule",
        Schedule(
            action=ScheduleActionStartWorkflow(
                Greeting.run, "schedule", id="ui-scheduled", task_queue=QUEUE
            ),
            spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=10))]),
        ),
    )


async def _activity(client: Client) -> tuple[str, str]:
    handle = await client.start_activity(
        greet,
        "UI",
        id="ui-activity",
        id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
        task_queue=QUEUE,
        start_to_close_timeout=timedelta(seconds=5),
    )
    async with asyncio.timeout(10):
        await handle.result()
    return handle.id, handle.run_id or ""
