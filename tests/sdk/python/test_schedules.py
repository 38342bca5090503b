"""Schedules, as the SDK's client sees them: kept, changed, listed, and what they start."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.errordetails.v1 import WorkflowExecutionAlreadyStartedFailure
from temporalio.api.workflowservice.v1 import (
    CountSchedulesRequest,
    CreateScheduleRequest,
    DescribeScheduleRequest,
    ListScheduleMatchingTimesRequest,
    UpdateScheduleRequest,
)
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleBackfill,
    ScheduleCalendarSpec,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    WorkflowExecutionStatus,
)
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCStatusCode

from tests.sdk.python.harness import Harness, eventually, refused
from tests.sdk.python.programs.scheduled import Scheduled

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]

KEYWORD = SearchAttributeKey.for_keyword("TestKeyword")
BEGIN = datetime(2026, 3, 7, 6, 0, tzinfo=UTC)
Overlap = ScheduleOverlapPolicy


class Corner:
    """The schedules of one test."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.client: Client = harness.client

    def schedule(
        self,
        what: str = "go",
        *,
        spec: ScheduleSpec | None = None,
        overlap: Overlap = Overlap.SKIP,
        is_paused: bool = False,
        **policy: Any,
    ) -> Schedule:
        return Schedule(
            action=ScheduleActionStartWorkflow(
                Scheduled.run,
                what,
                id=self.harness.new_id(),
                task_queue=self.harness.task_queue,
            ),
            spec=spec or ScheduleSpec(),
            policy=SchedulePolicy(overlap=overlap, **policy),
            state=ScheduleState(paused=is_paused),
        )

    async def create(self, schedule: Schedule, **options: Any) -> ScheduleHandle:
        return await self.client.create_schedule(self.harness.new_id(), schedule, **options)


@pytest.fixture
def corner(harness: Harness) -> Corner:
    return Corner(harness)


async def described(
    handle: ScheduleHandle, is_so: Callable[[ScheduleDescription], bool]
) -> ScheduleDescription:
    """Wait until a schedule is as it should be."""
    found: list[ScheduleDescription] = []

    async def probe() -> bool:
        found.append(await handle.describe())
        return is_so(found[-1])

    await eventually(probe)
    return found[-1]


def started(description: ScheduleDescription) -> list[tuple[str, str]]:
    """(workflow id, first run id) of the recent actions."""
    found: list[tuple[str, str]] = []
    for action in description.info.recent_actions:
        assert isinstance(action.action, ScheduleActionExecutionStartWorkflow)
        found.append((action.action.workflow_id, action.action.first_execution_run_id))
    return found


async def test_a_trigger_starts_the_action_with_all_that_it_says(corner: Corner) -> None:
    schedule = corner.schedule()
    assert isinstance(schedule.action, ScheduleActionStartWorkflow)
    schedule.action.memo = {"note": "from the action"}
    schedule.action.typed_search_attributes = TypedSearchAttributes(
        [SearchAttributePair(KEYWORD, "of the action")]
    )
    handle = await corner.create(schedule, trigger_immediately=True, memo={"m": 1})
    async with corner.harness.worker(Scheduled):
        description = await described(handle, lambda one: one.info.num_actions == 1)
        workflow_id, run_id = started(description)[0]
        workflow = corner.client.get_workflow_handle(workflow_id, run_id=run_id)
        assert await workflow.result() == "after nothing, no failure"
        run = await workflow.describe()
    assert workflow_id.startswith(f"{schedule.action.id}-20")
    assert workflow_id.endswith("Z")
    assert "." not in workflow_id.removeprefix(schedule.action.id)
    assert await run.memo_value("note") == "from the action"
    by_id = SearchAttributeKey.for_keyword("TemporalScheduledById")
    start_time = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
    assert run.typed_search_attributes[KEYWORD] == "of the action"
    assert run.typed_search_attributes[by_id] == handle.id
    assert run.typed_search_attributes[start_time].isoformat()[:19] == workflow_id[-20:-1]
    assert await description.memo_value("m") == 1
    events = await corner.harness.events(workflow)
    identity = events[0].workflow_execution_started_event_attributes.identity
    assert identity == f"temporal-scheduler-{corner.client.namespace}-{handle.id}"
    await described(handle, lambda one: not one.info.running_actions)
    await handle.delete()


async def test_an_interval_fires_by_itself(corner: Corner) -> None:
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=1))])
    handle = await corner.create(corner.schedule(spec=spec, overlap=Overlap.ALLOW_ALL))
    async with corner.harness.worker(Scheduled):
        description = await described(handle, lambda one: one.info.num_actions >= 3)
        for workflow_id, _ in started(description):
            await corner.client.get_workflow_handle(workflow_id).result()
    await handle.delete()
    times = [action.scheduled_at for action in description.info.recent_actions]
    assert all(at.microsecond == 0 for at in times)
    assert all(later - at == timedelta(seconds=1) for at, later in pairwise(times))
    assert len({workflow_id for workflow_id, _ in started(description)}) == len(times)


async def test_the_last_result_and_failure_reach_the_next_run(corner: Corner) -> None:
    handle = await corner.create(corner.schedule("go"))
    results: list[str] = []
    async with corner.harness.worker(Scheduled):
        for number, what in enumerate(["go", "fail", "go"], start=1):

            async def use(update: Any, what: str = what) -> ScheduleUpdate:
                schedule = update.description.schedule
                schedule.action.args = [what]
                return ScheduleUpdate(schedule)

            await handle.update(use)
            await asyncio.sleep(1.0)  # The id of a run has the second in it.
            await handle.trigger()
            description = await described(
                handle,
                lambda one, number=number: (
                    one.info.num_actions == number and not one.info.running_actions
                ),
            )
            if what == "go":
                workflow = corner.client.get_workflow_handle(started(description)[-1][0])
                results.append(await workflow.result())
    assert results == [
        "after nothing, no failure",
        "after after nothing, no failure, ApplicationError",
    ]
    await handle.delete()


@pytest.mark.parametrize(
    ("policy", "ending"),
    [
        (Overlap.CANCEL_OTHER, WorkflowExecutionStatus.CANCELED),
        (Overlap.TERMINATE_OTHER, WorkflowExecutionStatus.TERMINATED),
        (Overlap.BUFFER_ONE, WorkflowExecutionStatus.COMPLETED),
    ],
)
async def test_an_overlap_ends_or_waits_for_the_one_that_runs(
    corner: Corner, policy: Overlap, ending: WorkflowExecutionStatus
) -> None:
    handle = await corner.create(corner.schedule("continue"), trigger_immediately=True)
    async with corner.harness.worker(Scheduled):
        description = await described(handle, lambda one: one.info.num_actions == 1)
        workflow_id, run_id = started(description)[0]
        first = corner.client.get_workflow_handle(workflow_id)

        async def has_gone_on() -> bool:
            return (await first.describe()).run_id != run_id

        await eventually(has_gone_on)  # It is the chain of runs that counts.
        await asyncio.sleep(1.0)
        await handle.trigger(overlap=policy)
        if policy is Overlap.BUFFER_ONE:
            assert (await handle.describe()).info.num_actions == 1
            await first.signal(Scheduled.release)
        description = await described(handle, lambda one: one.info.num_actions == 2)
        assert (await first.describe()).status is ending
        second = corner.client.get_workflow_handle(started(description)[1][0])
        await eventually(lambda: _has_gone_on(second, started(description)[1][1]))
        await second.signal(Scheduled.release)
        await second.result()
    await handle.delete()


async def _has_gone_on(workflow: Any, run_id: str) -> bool:
    return (await workflow.describe()).run_id != run_id


async def test_skip_counts_what_it_skips(corner: Corner) -> None:
    handle = await corner.create(corner.schedule("wait"), trigger_immediately=True)
    await asyncio.sleep(1.0)
    await handle.trigger()
    description = await described(handle, lambda one: one.info.num_actions_skipped_overlap == 1)
    assert description.info.num_actions == 1
    assert len(description.info.running_actions) == 1
    await handle.delete()
    # What it has started goes on.
    run = await corner.client.get_workflow_handle(started(description)[0][0]).describe()
    assert run.status is WorkflowExecutionStatus.RUNNING
    await corner.client.get_workflow_handle(run.id).terminate()


async def test_a_failure_pauses_the_schedule_that_asks_for_it(corner: Corner) -> None:
    schedule = corner.schedule("fail", pause_on_failure=True)
    handle = await corner.create(schedule, trigger_immediately=True)
    async with corner.harness.worker(Scheduled):
        description = await described(handle, lambda one: one.schedule.state.paused)
    assert "as told" in (description.schedule.state.note or "")
    await handle.unpause(note="better now")
    assert not (await handle.describe()).schedule.state.paused
    await handle.delete()


async def test_a_backfill_starts_what_a_span_has_missed(corner: Corner) -> None:
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1))])
    handle = await corner.create(corner.schedule(spec=spec, is_paused=True))
    await handle.backfill(
        ScheduleBackfill(BEGIN, BEGIN + timedelta(hours=2), overlap=Overlap.ALLOW_ALL)
    )
    description = await described(handle, lambda one: one.info.num_actions == 3)
    assert [workflow_id[-20:] for workflow_id, _ in started(description)] == [
        "2026-03-07T06:00:00Z",
        "2026-03-07T07:00:00Z",
        "2026-03-07T08:00:00Z",
    ]
    for workflow_id, _ in started(description):
        await corner.client.get_workflow_handle(workflow_id).terminate()
    await handle.delete()


async def test_matching_times_follow_the_clocks_of_the_zone(corner: Corner) -> None:
    spec = ScheduleSpec(
        cron_expressions=["CRON_TZ=America/New_York 30 2 * * * # every night"],
        skip=[
            ScheduleCalendarSpec(
                hour=[ScheduleRange(0, 23)],
                minute=[ScheduleRange(0, 59)],
                day_of_month=[ScheduleRange(10)],
            )
        ],
    )
    handle = await corner.create(corner.schedule(spec=spec, is_paused=True))
    request = ListScheduleMatchingTimesRequest(
        namespace=corner.client.namespace, schedule_id=handle.id
    )
    request.start_time.FromDatetime(BEGIN)
    request.end_time.FromDatetime(BEGIN + timedelta(days=5))
    response = await corner.client.workflow_service.list_schedule_matching_times(request)
    # The night of the 8th has no 02:30, and the 10th is skipped.
    assert [at.ToJsonString() for at in response.start_time] == [
        "2026-03-07T07:30:00Z",
        "2026-03-09T06:30:00Z",
        "2026-03-11T06:30:00Z",
    ]
    calendar = (await handle.describe()).schedule.spec.calendars[0]
    assert calendar.comment == "every night"
    assert list(calendar.hour) == [ScheduleRange(2, 2, 1)]
    await handle.delete()


async def test_lists_and_counts_find_schedules_and_no_list_of_workflows_does(
    corner: Corner,
) -> None:
    value = corner.harness.new_id()
    attributes = TypedSearchAttributes([SearchAttributePair(KEYWORD, value)])
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1))])
    handles = [
        await corner.create(
            corner.schedule(spec=spec, is_paused=number == 0), search_attributes=attributes
        )
        for number in range(3)
    ]

    async def listed(query: str) -> set[str]:
        found = await corner.client.list_schedules(query, page_size=2)
        return {one.id async for one in found}

    query = f"TestKeyword = '{value}'"

    async def all_listed() -> bool:
        return await listed(query) == {handle.id for handle in handles}

    await eventually(all_listed)
    assert await listed(f"{query} AND TemporalSchedulePaused = true") == {handles[0].id}
    assert await listed(f"ScheduleId = '{handles[1].id}'") == {handles[1].id}
    request = CountSchedulesRequest(namespace=corner.client.namespace, query=query)
    assert (await corner.client.workflow_service.count_schedules(request)).count == 3
    async for one in await corner.client.list_schedules(f"ScheduleId = '{handles[1].id}'"):
        assert one.schedule is not None
        assert one.info is not None
        assert len(one.info.next_action_times) >= 5
        assert one.typed_search_attributes[KEYWORD] == value
    workflows = [one async for one in corner.client.list_workflows(query)]
    assert not workflows
    async with refused(RPCStatusCode.INVALID_ARGUMENT, text='cannot filter on "WorkflowId"'):
        await listed("WorkflowId = 'x'")
    for handle in handles:
        await handle.delete()
    assert not await listed(f"ScheduleId = '{handles[1].id}'")


async def test_an_id_is_used_once_and_again_after_a_deletion(corner: Corner) -> None:
    handle = await corner.create(corner.schedule())
    with pytest.raises(ScheduleAlreadyRunningError):
        await corner.client.create_schedule(handle.id, corner.schedule())
    request = CreateScheduleRequest(
        namespace=corner.client.namespace, schedule_id=handle.id, request_id="other"
    )
    request.schedule.action.start_workflow.workflow_id = "w"
    request.schedule.action.start_workflow.workflow_type.name = "T"
    request.schedule.action.start_workflow.task_queue.name = "q"
    async with refused(
        RPCStatusCode.ALREADY_EXISTS, detail="WorkflowExecutionAlreadyStartedFailure"
    ) as refusal:
        await corner.client.workflow_service.create_schedule(request)
    refusal.detail(WorkflowExecutionAlreadyStartedFailure())
    await handle.delete()
    async with refused(RPCStatusCode.NOT_FOUND):
        await _describe(corner, handle)
    again = await corner.client.create_schedule(handle.id, corner.schedule())
    assert (await again.describe()).info.num_actions == 0
    await again.delete()


async def _describe(corner: Corner, handle: ScheduleHandle) -> None:
    await corner.client.workflow_service.describe_schedule(
        DescribeScheduleRequest(namespace=corner.client.namespace, schedule_id=handle.id)
    )


async def test_search_attributes_stay_unless_an_update_brings_others(corner: Corner) -> None:
    attributes = TypedSearchAttributes([SearchAttributePair(KEYWORD, "kept")])
    handle = await corner.create(corner.schedule(), search_attributes=attributes)
    await handle.update(lambda one: ScheduleUpdate(one.description.schedule))
    assert (await handle.describe()).typed_search_attributes[KEYWORD] == "kept"
    await handle.update(
        lambda one: ScheduleUpdate(
            one.description.schedule, search_attributes=TypedSearchAttributes([])
        )
    )

    async def is_cleared() -> bool:
        return KEYWORD not in (await handle.describe()).typed_search_attributes

    await eventually(is_cleared)
    await handle.delete()


@pytest.mark.parametrize(
    ("cron", "text"),
    [
        ("0 0 99 * *", r"Invalid schedule spec: DayOfMonth is not in range \[1-31\]"),
        ("nonsense", "CronString does not have 5-7 fields"),
        ("TZ=Mars/Olympus 0 0 * * *", "Invalid schedule spec"),
    ],
)
async def test_a_specification_that_says_nothing_is_refused(
    corner: Corner, cron: str, text: str
) -> None:
    async with refused(RPCStatusCode.INVALID_ARGUMENT, text=text):
        await corner.create(corner.schedule(spec=ScheduleSpec(cron_expressions=[cron])))


async def test_an_update_of_what_is_not_there_is_refused(corner: Corner) -> None:
    request = UpdateScheduleRequest(
        namespace=corner.client.namespace, schedule_id=corner.harness.new_id(), request_id="r"
    )
    action = request.schedule.action.start_workflow
    action.workflow_id, action.workflow_type.name, action.task_queue.name = "w", "T", "q"
    action.input.payloads.append(Payload(metadata={"encoding": b"json/plain"}, data=b'"go"'))
    async with refused(RPCStatusCode.NOT_FOUND):
        await corner.client.workflow_service.update_schedule(request)
    async with refused(RPCStatusCode.NOT_FOUND):
        await corner.client.get_schedule_handle(request.schedule_id).pause()
    async with refused(RPCStatusCode.NOT_FOUND):
        await corner.client.get_schedule_handle(request.schedule_id).delete()
