"""A run that has no room for what is asked of it ends, and whoever asked is told.

INDELIBLE_TEST_SERVER puts the reference in our place: it answers the same.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import pytest
import pytest_asyncio
from temporalio.api.command.v1 import (
    Command,
    ScheduleActivityTaskCommandAttributes,
    StartTimerCommandAttributes,
)
from temporalio.api.common.v1 import (
    ActivityType,
    Payload,
    Payloads,
    WorkflowExecution,
    WorkflowType,
)
from temporalio.api.enums.v1 import CommandType, EventType, WorkflowExecutionStatus
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice import v1 as api
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from indelible.base.instants import SECOND, Duration, duration_message
from tests.server_process import ServerProcess, executable_under_test

pytestmark = pytest.mark.slow

EVENTS_MAX: Final = 6
BYTES_MAX: Final = 20_000
TOO_MANY: Final = "Workflow history count exceeds limit."
TOO_LARGE: Final = "Workflow history size exceeds limit."
STATE_TOO_LARGE: Final = "Workflow mutable state size exceeds limit."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    process = ServerProcess(
        executable=executable_under_test(),
        log=tmp_path_factory.mktemp("limits") / "log",
        extra_arguments=(
            *("--dynamic-config-value", f"limit.historyCount.error={EVENTS_MAX}"),
            *("--dynamic-config-value", "limit.historyCount.warn=4"),
            *("--dynamic-config-value", f"limit.historySize.error={BYTES_MAX}"),
            *("--dynamic-config-value", f"limit.historySize.warn={BYTES_MAX // 2}"),
            *("--dynamic-config-value", f"limit.mutableStateSize.error={BYTES_MAX}"),
            *("--dynamic-config-value", f"limit.mutableStateSize.warn={BYTES_MAX // 2}"),
        ),
    )
    process.start()
    try:
        yield process
    finally:
        process.stop()


class Asked:
    """One run, asked step by step without an SDK's worker."""

    def __init__(self, client: Client, name: str) -> None:
        self.service = client.workflow_service
        self.execution = WorkflowExecution(workflow_id=name)
        self.queue = TaskQueue(name=name)

    async def start(self) -> None:
        await self.service.start_workflow_execution(
            api.StartWorkflowExecutionRequest(
                namespace="default",
                workflow_id=self.execution.workflow_id,
                workflow_type=WorkflowType(name="Large"),
                task_queue=self.queue,
                request_id="start",
            )
        )

    async def signal(self, size: int = 0) -> None:
        await self.service.signal_workflow_execution(
            api.SignalWorkflowExecutionRequest(
                namespace="default",
                workflow_execution=self.execution,
                signal_name="news",
                input=Payloads(payloads=[Payload(data=bytes(size))]),
            )
        )

    async def work(self, *commands: Command) -> None:
        """Take the workflow task, and answer it with commands."""
        task = await self.service.poll_workflow_task_queue(
            api.PollWorkflowTaskQueueRequest(namespace="default", task_queue=self.queue)
        )
        await self.service.respond_workflow_task_completed(
            api.RespondWorkflowTaskCompletedRequest(
                namespace="default",
                task_token=task.task_token,
                commands=commands,
            )
        )

    async def heart(self) -> Callable[[int], Awaitable[object]]:
        """Take the activity task; return what reports so many bytes of progress."""
        task = await self.service.poll_activity_task_queue(
            api.PollActivityTaskQueueRequest(namespace="default", task_queue=self.queue)
        )
        return lambda size: self.service.record_activity_task_heartbeat(
            api.RecordActivityTaskHeartbeatRequest(
                namespace="default",
                task_token=task.task_token,
                details=Payloads(payloads=[Payload(data=bytes(size))]),
            )
        )

    async def refusal_of_signals(self, size: int = 0) -> tuple[int, str]:
        """Signal until there is no room; how many there was room for, and what was said then."""
        for count in range(20):
            try:
                await self.signal(size)
            except RPCError as error:
                return count, f"{error.status.name}: {error.message}"
        raise AssertionError("no signal was refused")

    async def events(self) -> list[HistoryEvent]:
        found = await self.service.get_workflow_execution_history(
            api.GetWorkflowExecutionHistoryRequest(namespace="default", execution=self.execution)
        )
        return list(found.history.events)

    async def check_ended(self, reason: str, *, event_count: int) -> None:
        described = await self.service.describe_workflow_execution(
            api.DescribeWorkflowExecutionRequest(namespace="default", execution=self.execution)
        )
        status = described.workflow_execution_info.status
        assert status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED
        events = await self.events()
        assert len(events) == event_count
        last = events[-1]
        assert last.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED
        terminated = last.workflow_execution_terminated_event_attributes
        assert (terminated.reason, terminated.identity) == (reason, "history-service")
        with pytest.raises(RPCError, match="already completed"):
            await self.signal()


def _timers(count: int) -> list[Command]:
    return [_timer(str(number)) for number in range(count)]


def _timer(timer_id: str) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_START_TIMER,
        start_timer_command_attributes=StartTimerCommandAttributes(
            timer_id=timer_id, start_to_fire_timeout=duration_message(Duration(1_000 * SECOND))
        ),
    )


@pytest_asyncio.fixture(loop_scope="module")
async def asked(server: ServerProcess, request: pytest.FixtureRequest) -> Asked:
    run = Asked(await server.connect(), request.node.name)
    await run.start()
    return run


@pytest.mark.asyncio(loop_scope="module")
async def test_the_last_event_that_fits_is_taken(asked: Asked) -> None:
    await asked.work(*_timers(2))
    assert len(await asked.events()) == EVENTS_MAX


@pytest.mark.asyncio(loop_scope="module")
async def test_a_completion_that_does_not_fit_ends_the_run(asked: Asked) -> None:
    with pytest.raises(RPCError, match=TOO_MANY) as refused:
        await asked.work(*_timers(3))
    assert refused.value.status is RPCStatusCode.INVALID_ARGUMENT
    await asked.check_ended(TOO_MANY, event_count=5)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_signal_that_does_not_fit_ends_the_run(asked: Asked) -> None:
    """An event that has no id yet does not count, so that one more is taken."""
    assert await asked.refusal_of_signals() == (
        EVENTS_MAX - 1,
        f"INVALID_ARGUMENT: {TOO_MANY}",
    )
    await asked.check_ended(TOO_MANY, event_count=EVENTS_MAX + 2)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_run_that_is_too_large_already_takes_no_more(
    asked: Asked, server: ServerProcess
) -> None:
    """What counts are the bytes before: the signal that passes the bound is taken."""
    assert await asked.refusal_of_signals(size=BYTES_MAX) == (
        1,
        f"INVALID_ARGUMENT: {TOO_LARGE}",
    )
    await asked.check_ended(TOO_LARGE, event_count=4)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_run_whose_state_is_too_large_takes_no_more(asked: Asked) -> None:
    """Heartbeats are in no history: they fill the state alone."""
    activity = ScheduleActivityTaskCommandAttributes(
        activity_id="it",
        activity_type=ActivityType(name="Work"),
        task_queue=asked.queue,
        start_to_close_timeout=duration_message(Duration(1_000 * SECOND)),
    )
    await asked.work(
        Command(
            command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
            schedule_activity_task_command_attributes=activity,
        )
    )
    heartbeat = await asked.heart()
    await heartbeat(BYTES_MAX // 2)
    with pytest.raises(RPCError, match=STATE_TOO_LARGE) as refused:
        await heartbeat(BYTES_MAX)
    assert refused.value.status is RPCStatusCode.INVALID_ARGUMENT
    await asked.check_ended(STATE_TOO_LARGE, event_count=6)
