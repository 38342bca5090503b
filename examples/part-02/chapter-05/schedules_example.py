"""Two schedules: a cron string for every working day, an interval of a second that really runs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from temporalio import workflow
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.service import RPCError, RPCStatusCode

with workflow.unsafe.imports_passed_through():
    from running import (
        Options,
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

SECONDS_BETWEEN = 1
RUNS = 3
DAYS_SHOWN = 5
CRON = "30 2 * * MON-FRI"  # In UTC; `time_zone_name` of the specification says otherwise.


@workflow.defn
class ReportWorkflow:
    """What both schedules start."""

    @workflow.run
    async def run(self, about: str) -> str:
        """Return the report."""
        return f"report on {about}"


def working_nights(after: datetime) -> Iterator[datetime]:
    """The times that CRON means, in plain Python."""
    night = after.replace(hour=2, minute=30, second=0, microsecond=0)
    while True:
        if night > after and night.isoweekday() <= 5:
            yield night
        night += timedelta(days=1)


async def create(
    client: Client, options: Options, about: str, spec: ScheduleSpec
) -> ScheduleHandle:
    """A schedule that starts a report; each run's id is this id and the time that it was for."""
    action = ScheduleActionStartWorkflow(
        ReportWorkflow.run, about, id=new_id(f"report-{about}"), task_queue=options.task_queue
    )
    # The default would leave out a time while the run of the time before is still open.
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.ALLOW_ALL)
    schedule = Schedule(action=action, spec=spec, policy=policy)
    return await client.create_schedule(new_id(about), schedule)


async def listed(client: Client) -> set[str]:
    """The ids of all schedules of the namespace."""
    return {one.id async for one in await client.list_schedules()}


async def check_nights(nightly: ScheduleHandle) -> None:
    """The next times are those that plain Python finds."""
    before = datetime.now(UTC)
    times = (await nightly.describe()).info.next_action_times[:DAYS_SHOWN]
    after = datetime.now(UTC)
    print("\n".join(f"  {time:%a %Y-%m-%d %H:%M}" for time in times))
    expected = [list(islice(working_nights(now), DAYS_SHOWN)) for now in (before, after)]
    check(times in expected, f"the next {DAYS_SHOWN} working nights")


async def check_runs(client: Client, ticking: ScheduleHandle) -> list[str]:
    """Wait for a few runs, pause, and look at them; return their ids."""

    async def has_run() -> bool:
        return (await ticking.describe()).info.num_actions >= RUNS

    await until(has_run)
    await ticking.pause(note="enough seen")
    description = await ticking.describe()
    note = description.schedule.state.note
    check(description.schedule.state.paused and note == "enough seen", "paused, and it says why")
    actions = description.info.recent_actions
    times = [action.scheduled_at for action in actions]
    gaps = {(later - earlier).total_seconds() for earlier, later in pairwise(times)}
    check(gaps == {SECONDS_BETWEEN}, "the runs are an interval apart")
    check(all(time.microsecond == 0 for time in times), "intervals count from the epoch")
    ids: list[str] = []
    for action in actions:
        started = action.action
        if not isinstance(started, ScheduleActionExecutionStartWorkflow):
            failed("a schedule starts workflows")
        result = await client.get_workflow_handle(started.workflow_id).result()
        print(f"  {action.scheduled_at:%H:%M:%S}  {result}")
        check(result == "report on ticking", "each run has its result")
        ids.append(started.workflow_id)
    stamps = [f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in times]
    endings = [run_id.endswith(stamp) for run_id, stamp in zip(ids, stamps, strict=True)]
    check(all(endings), "each run's id says which time it was for")
    return ids


async def main() -> None:
    """Create both, list them, look at what they do, and delete them."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[ReportWorkflow]):
        cron = ScheduleSpec(cron_expressions=[CRON])
        interval = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=span(SECONDS_BETWEEN))])
        nightly = await create(client, options, "nightly", cron)
        ticking = await create(client, options, "ticking", interval)

        async def both_are_listed() -> bool:
            return {nightly.id, ticking.id} <= await listed(client)

        async def none_is_listed() -> bool:
            return not {nightly.id, ticking.id} & await listed(client)

        await until(both_are_listed)
        print("every working night:")
        await check_nights(nightly)
        print("every second:")
        ids = await check_runs(client, ticking)
        for schedule in (nightly, ticking):
            await schedule.delete()
        await until(none_is_listed)
    try:
        await ticking.describe()
    except RPCError as error:
        check(error.status is RPCStatusCode.NOT_FOUND, "a deleted schedule is not there any more")
    else:
        failed("a deleted schedule must not be found")
    last = await client.get_workflow_handle(ids[-1]).describe()
    check(last.close_time is not None, "what it has started stays")
    verified("times as computed; runs at each interval; both listed, then deleted")


if __name__ == "__main__":
    run(main)
