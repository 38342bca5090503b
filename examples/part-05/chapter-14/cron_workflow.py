"""A schedule from its creation to its deletion: overlaps, pauses, triggers, time zones.

A schedule is an object of the server: no worker has to be up for it to come due, and what it starts
are ordinary workflows. Each overlap policy meets the same situation here: one run is still open
while three more come due.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio import workflow
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleBackfill,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

with workflow.unsafe.imports_passed_through():
    from running import (
        check,
        connect,
        failed,
        new_id,
        parse_options,
        run,
        span,
        until,
        verified,
        working,
    )

HOUR_SECONDS = 3_600
DAY_SECONDS = 24 * HOUR_SECONDS
HOURLY = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=span(HOUR_SECONDS))])
NIGHTLY = ScheduleSpec(cron_expressions=["30 1,2 * * *"], time_zone_name="America/New_York")


@workflow.defn
class ReportWorkflow:
    """A report that takes its time, unless somebody lets it finish before."""

    def __init__(self) -> None:
        """Not finished."""
        self.may_finish = False

    @workflow.signal
    def finish(self) -> None:
        """Let the report end."""
        self.may_finish = True

    @workflow.run
    async def run(self, about: str, seconds: float) -> str:
        """Return the report."""
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self.may_finish, timeout=span(seconds))
        return f"report on {about}"


@dataclass(frozen=True)
class Overlap:
    """What becomes of three times that come due while a run is open."""

    started: int = 1
    waiting: int = 0
    left_out: int = 0
    endings: tuple[str, ...] = ("COMPLETED",)


OVERLAPS = {
    # The default: what comes due during a run is left out.
    ScheduleOverlapPolicy.SKIP: Overlap(left_out=3),
    # The first of them waits for the end of the run, the others are left out.
    ScheduleOverlapPolicy.BUFFER_ONE: Overlap(
        waiting=1, left_out=2, endings=("COMPLETED", "COMPLETED")
    ),
    # All wait, and run one after the other.
    ScheduleOverlapPolicy.BUFFER_ALL: Overlap(waiting=3, endings=("COMPLETED",) * 4),
    # The open run has to go. Three came due at once, so the last of them takes its place.
    ScheduleOverlapPolicy.CANCEL_OTHER: Overlap(started=2, endings=("CANCELED", "COMPLETED")),
    ScheduleOverlapPolicy.TERMINATE_OTHER: Overlap(started=2, endings=("TERMINATED", "COMPLETED")),
    # Nobody minds anybody.
    ScheduleOverlapPolicy.ALLOW_ALL: Overlap(started=4, endings=("COMPLETED",) * 4),
}
# Three times: one, two and three o'clock.
MISSED = ScheduleBackfill(
    start_at=datetime(2026, 3, 2, 0, 30, tzinfo=UTC), end_at=datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
)


def report(task_queue: str, about: str, seconds: float = 0) -> ScheduleActionStartWorkflow:
    """The action of a schedule: which workflow, with what, and where."""
    return ScheduleActionStartWorkflow(
        ReportWorkflow.run,
        args=[about, seconds],
        id=new_id(f"report-{about}"),
        task_queue=task_queue,
    )


def started_ids(description: ScheduleDescription) -> list[str]:
    """The ids of the workflows that the schedule has started last."""
    return [
        action.action.workflow_id
        for action in description.info.recent_actions
        if isinstance(action.action, ScheduleActionExecutionStartWorkflow)
    ]


def facts(description: ScheduleDescription) -> tuple[int, int, int]:
    """How many runs were started, how many wait, how many were left out."""
    info = description.info
    waiting = description.raw_description.info.buffer_size
    return info.num_actions, waiting, info.num_actions_skipped_overlap


async def overlap(client: Client, task_queue: str, policy: ScheduleOverlapPolicy) -> Overlap:
    """Let three times come due during a run, then let everything finish; tell what happened."""
    schedule = await client.create_schedule(
        new_id(policy.name.lower()),
        Schedule(
            action=report(task_queue, policy.name, DAY_SECONDS),
            spec=HOURLY,
            policy=SchedulePolicy(overlap=policy),
            state=ScheduleState(paused=True),  # What is triggered or backfilled runs all the same.
        ),
    )
    expected = OVERLAPS[policy]
    counts = (expected.started, expected.waiting, expected.left_out)

    async def first_is_open() -> bool:
        return len(started_ids(await schedule.describe())) == 1

    async def came_as_expected() -> bool:
        return facts(await schedule.describe()) == counts

    async def has_settled() -> bool:
        description = await schedule.describe()
        endings = [await _ending(client, one) for one in started_ids(description)]
        await asyncio.gather(*(_finish(client, one) for one in started_ids(description)))
        return "RUNNING" not in endings and len(endings) == len(expected.endings)

    await schedule.trigger()
    await until(first_is_open)
    await schedule.backfill(MISSED)
    try:
        await until(came_as_expected)
    except TimeoutError:
        failed(f"{policy.name}: {facts(await schedule.describe())} is not {counts}")
    await until(has_settled)
    ids = started_ids(await schedule.describe())
    await schedule.delete()
    return Overlap(*counts, endings=tuple([await _ending(client, one) for one in ids]))


async def _finish(client: Client, workflow_id: str) -> None:
    try:
        await client.get_workflow_handle(workflow_id).signal(ReportWorkflow.finish)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # It has ended meanwhile.
            raise


async def _ending(client: Client, workflow_id: str) -> str:
    status = (await client.get_workflow_handle(workflow_id).describe()).status
    return status.name if status else ""


async def check_overlaps(client: Client, task_queue: str) -> None:
    """All policies side by side."""
    outcomes = await asyncio.gather(*(overlap(client, task_queue, one) for one in OVERLAPS))
    for policy, outcome in zip(OVERLAPS, outcomes, strict=True):
        print(f"  {policy.name:<15} {len(outcome.endings)} runs: {', '.join(outcome.endings)}")
        check(outcome == OVERLAPS[policy], f"{policy.name} as promised")


async def check_time_zone(client: Client, task_queue: str) -> None:
    """Half past one and half past two in New York, in the two nights that are not like the others.

    What must run exactly once a day belongs at another hour, or in UTC.
    """
    schedule = await client.create_schedule(
        new_id("nightly"),
        Schedule(
            action=report(task_queue, "nightly"),
            spec=NIGHTLY,
            state=ScheduleState(paused=True),
        ),
    )
    spring = await due_on(client, schedule, datetime(2026, 3, 8, tzinfo=UTC))
    autumn = await due_on(client, schedule, datetime(2026, 11, 1, tzinfo=UTC))
    await schedule.delete()
    print(f"  01:30 and 02:30 in New York, in UTC: 8 March {spring}, 1 November {autumn}")
    check(spring == ["06:30"], "clocks go from 02:00 to 03:00: there is no 02:30")
    check(autumn == ["05:30", "06:30", "07:30"], "clocks go back to 01:00: there are two 01:30")


async def due_on(client: Client, schedule: ScheduleHandle, day: datetime) -> list[str]:
    """When the schedule comes due on a day of UTC."""
    start, end = Timestamp(), Timestamp()
    start.FromDatetime(day)
    end.FromDatetime(day + span(DAY_SECONDS))
    answer = await client.workflow_service.list_schedule_matching_times(
        ListScheduleMatchingTimesRequest(
            namespace=client.namespace, schedule_id=schedule.id, start_time=start, end_time=end
        )
    )
    return [f"{time.ToDatetime():%H:%M}" for time in answer.start_time]


async def check_life(client: Client, task_queue: str) -> None:
    """Pause, trigger, unpause, update, delete."""
    action = report(task_queue, "sales")
    schedule = await client.create_schedule(
        new_id("sales"), Schedule(action=action, spec=HOURLY, state=ScheduleState(note="by hand"))
    )

    async def run_of(count: int) -> str:
        async def has_run() -> bool:
            return len(started_ids(await schedule.describe())) == count

        await until(has_run)
        last = started_ids(await schedule.describe())[-1]
        return await client.get_workflow_handle(last, result_type=str).result()

    await schedule.pause(note="the numbers are wrong")
    state = (await schedule.describe()).schedule.state
    check(state.paused and state.note == "the numbers are wrong", "paused, and it says why")
    await schedule.trigger()
    check(await run_of(1) == "report on sales", "a trigger works while it is paused")
    await schedule.unpause(note="the numbers are right")
    check(not (await schedule.describe()).schedule.state.paused, "it goes on")

    def change(update: ScheduleUpdateInput) -> ScheduleUpdate:
        changed = update.description.schedule
        changed.spec = ScheduleSpec(cron_expressions=["0 9 * * MON-FRI"])
        changed.action = report(task_queue, "profit")
        return ScheduleUpdate(schedule=changed)

    await schedule.update(change)
    times = (await schedule.describe()).info.next_action_times
    check({time.hour for time in times} == {9}, "the new times are the working days' nine o'clock")
    check(all(time.isoweekday() <= 5 for time in times), "and no weekend's")
    await schedule.trigger()
    check(await run_of(2) == "report on profit", "the next run is one of the new kind")
    print("  paused, triggered, unpaused, changed; next:", f"{times[0]:%a %Y-%m-%d %H:%M} UTC")
    await schedule.delete()
    try:
        await schedule.describe()
    except RPCError as error:
        check(error.status is RPCStatusCode.NOT_FOUND, "what is deleted is not found")
    else:
        failed("a deleted schedule must not be found")


async def main() -> None:
    """All three side by side."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[ReportWorkflow]):
        await asyncio.gather(
            check_overlaps(client, options.task_queue),
            check_time_zone(client, options.task_queue),
            check_life(client, options.task_queue),
        )
    verified("six overlap policies, a schedule's life, and two odd nights in New York")


if __name__ == "__main__":
    run(main)
