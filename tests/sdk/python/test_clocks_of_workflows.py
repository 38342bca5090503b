"""Time skipping of single workflows (`TimeSkippingConfig`): each has a clock of its own."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import FastForwardConfig, TimeSkippingConfig, WorkflowExecution
from temporalio.api.enums.v1 import EventType, FastForwardPollingResult
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    PollWorkflowExecutionTimeSkippingRequest,
    UpdateWorkflowExecutionOptionsRequest,
)
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import TimeoutError as WorkflowTimeoutError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.sdk.python.conftest import REFERENCE_SETTINGS
from tests.sdk.python.programs.patience import (
    Approval,
    Parent,
    Patience,
    Retrying,
    Sleeper,
    fails_at_first,
)

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]

QUEUE = "clocks"
REAL_SECONDS_MAX = 30


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def environment(server_path: Path) -> AsyncIterator[WorkflowEnvironment]:
    started = await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=str(server_path),
        dev_server_extra_args=REFERENCE_SETTINGS,
        dev_server_startup_timeout=timedelta(seconds=30),
    )
    async with (
        started as environment,
        Worker(
            environment.client,
            task_queue=QUEUE,
            workflows=[Approval, Parent, Patience, Retrying, Sleeper],
            activities=[fails_at_first],
        ),
    ):
        yield environment


@pytest.fixture(autouse=True)
def in_no_time() -> Iterator[None]:
    """No test waits for what it skips."""
    began_at = time.monotonic()
    yield
    assert time.monotonic() - began_at < REAL_SECONDS_MAX


async def _is_ahead_by(
    environment: WorkflowEnvironment, handle: WorkflowHandle[Any, Any], days: int
) -> bool:
    started_at = (await handle.describe()).start_time
    passed = await environment.get_current_time(handle) - started_at
    return timedelta(days=days) <= passed < timedelta(days=days, minutes=1)


async def test_a_workflow_sleeps_for_a_month(environment: WorkflowEnvironment) -> None:
    handle = await environment.client.start_workflow(
        Sleeper.run, 30 * 86_400, id="month", task_queue=QUEUE
    )
    assert 30 * 86_400 <= await handle.result() < 30 * 86_400 + 60
    assert await _is_ahead_by(environment, handle, 30)


async def test_retry_intervals_are_skipped(environment: WorkflowEnvironment) -> None:
    attempts = await environment.client.execute_workflow(
        Retrying.run, id="retries", task_queue=QUEUE
    )
    assert attempts == 5


async def test_children_delays_and_continuing_as_new(environment: WorkflowEnvironment) -> None:
    order = await environment.client.execute_workflow(
        Parent.run, id="family", task_queue=QUEUE, start_delay=timedelta(days=1)
    )
    # Each child skips its own time, so they end in any order.
    assert sorted(order) == ["one day", "three days", "two days"]


async def test_a_workflow_is_fast_forwarded_and_stays_there(
    environment: WorkflowEnvironment,
) -> None:
    with environment.with_time_skipping_disabled():
        handle = await environment.client.start_workflow(
            Approval.run, id="approval", task_queue=QUEUE
        )
    assert await environment.get_time_skipping_info(handle) is None
    assert await environment.fast_forward(handle, timedelta(days=6))
    assert await _is_ahead_by(environment, handle, 6)
    assert await handle.query(Approval.is_approved) is False
    assert await handle.execute_update(Approval.approve) == "thanks"
    assert await handle.result() == "approved"


async def test_a_fast_forward_beyond_the_end(environment: WorkflowEnvironment) -> None:
    with environment.with_time_skipping_disabled():
        handle = await environment.client.start_workflow(
            Sleeper.run, 86_400, id="short", task_queue=QUEUE
        )
    assert await environment.fast_forward(handle, timedelta(days=6)) is False
    assert await handle.result() >= 86_400


async def test_a_later_fast_forward_overrides_one(environment: WorkflowEnvironment) -> None:
    """The workflow waits for its worker, so that neither can end."""
    with environment.with_time_skipping_disabled():
        handle = await environment.client.start_workflow(
            Sleeper.run, 86_400, id="overridden", task_queue="nobody"
        )
    first = asyncio.create_task(environment.fast_forward(handle, timedelta(days=1)))
    async for event in handle.fetch_history_events(wait_new_event=True):
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED:
            break
    second = asyncio.create_task(environment.fast_forward(handle, timedelta(days=2)))
    with pytest.raises(RuntimeError, match="overridden by a later fast-forward"):
        await first
    await handle.terminate()
    assert await second is False


def _forward(name: str) -> TimeSkippingConfig:
    return TimeSkippingConfig(
        enabled=True,
        fast_forward_config=FastForwardConfig(id=name, duration=Duration(seconds=86_400)),
    )


async def _configure(client: Client, workflow_id: str, config: TimeSkippingConfig) -> None:
    await client.workflow_service.update_workflow_execution_options(
        UpdateWorkflowExecutionOptionsRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id),
            workflow_execution_options=WorkflowExecutionOptions(time_skipping_config=config),
            update_mask=FieldMask(paths=["time_skipping_config"]),
        )
    )


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (_forward("first"), "was reset"),
        (TimeSkippingConfig(enabled=False), "does not match"),
        (None, ""),
    ],
    ids=["begun anew", "switched off", "nothing happens"],
)
@pytest.mark.slow
async def test_what_a_wait_for_a_fast_forward_ends_with(
    environment: WorkflowEnvironment, config: TimeSkippingConfig | None, reason: str
) -> None:
    client, workflow_id = environment.client, f"waited-for-{reason or 'ever'}"
    with environment.with_time_skipping_disabled():
        handle = await client.start_workflow(
            Sleeper.run, 86_400, id=workflow_id, task_queue="nobody"
        )
    await _configure(client, workflow_id, _forward("first"))
    wait = asyncio.create_task(
        client.workflow_service.poll_workflow_execution_time_skipping(
            PollWorkflowExecutionTimeSkippingRequest(
                namespace=client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=workflow_id),
                fast_forward_id="first",
            ),
            timeout=timedelta(seconds=2 if config is None else 20),
        )
    )
    # The request is on its way, on the same connection, before the next one is.
    await asyncio.sleep(0.3)
    if config is not None:
        await _configure(client, workflow_id, config)
    answer = await wait
    await handle.terminate()
    assert reason in answer.failed_reason
    assert answer.fast_forward_polling_result == (
        FastForwardPollingResult.FAST_FORWARD_POLLING_RESULT_FAST_FORWARD_FAILED
        if config is not None
        else FastForwardPollingResult.FAST_FORWARD_POLLING_RESULT_POLL_TIMEOUT
    )


async def test_a_timeout_comes_in_skipped_time(environment: WorkflowEnvironment) -> None:
    handle = await environment.client.start_workflow(
        Sleeper.run, 86_400, id="timeout", task_queue=QUEUE, run_timeout=timedelta(hours=1)
    )
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert isinstance(failure.value.cause, WorkflowTimeoutError)


async def test_clocks_are_not_shared(environment: WorkflowEnvironment) -> None:
    handles = [
        await environment.client.start_workflow(
            Sleeper.run, days * 86_400, id=f"clock-{days}", task_queue=QUEUE
        )
        for days in (1, 10, 100)
    ]
    await asyncio.gather(*(handle.result() for handle in handles))
    for handle, days in zip(handles, (1, 10, 100), strict=True):
        assert await _is_ahead_by(environment, handle, days)
