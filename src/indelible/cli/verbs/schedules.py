"""Schedules."""

import argparse
from argparse import Namespace as Options
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

from google.protobuf.json_format import Parse, ParseError
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import WorkflowType
from temporalio.api.enums.v1 import ScheduleOverlapPolicy
from temporalio.api.schedule.v1 import (
    BackfillRequest,
    CalendarSpec,
    IntervalSpec,
    Range,
    Schedule,
    ScheduleAction,
    ScheduleListEntry,
    SchedulePatch,
    SchedulePolicies,
    ScheduleSpec,
    ScheduleState,
    StructuredCalendarSpec,
    TriggerImmediatelyRequest,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import NewWorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    CreateScheduleRequest,
    DeleteScheduleRequest,
    DescribeScheduleRequest,
    ListScheduleMatchingTimesRequest,
    ListSchedulesRequest,
    PatchScheduleRequest,
    UpdateScheduleRequest,
)

from indelible.cli.output import Shown
from indelible.cli.session import Session
from indelible.cli.values import ValueRefusedError, duration, shown_duration, shown_instant
from indelible.cli.verbs.describing import fields_text
from indelible.cli.verbs.listing import pages
from indelible.cli.verbs.messages import (
    enum_of,
    how_long,
    instant_of,
    priority,
    short_name,
    span_of,
    user_metadata,
    when,
)
from indelible.cli.verbs.payloads import header, input_payloads, memo, search_attributes

_CALENDAR_FIELDS = ("second", "minute", "hour", "day_of_month", "month", "day_of_week", "year")
_MISSING = ("0", "0", "0", "*", "*", "*", "*")


async def create(session: Session) -> None:
    """Make a schedule."""
    options = session.options
    own_attributes: list[str] = options.schedule_search_attribute
    await session.workflows.create_schedule(
        CreateScheduleRequest(
            namespace=session.namespace,
            schedule_id=options.schedule_id,
            schedule=_schedule(options),
            identity=session.identity,
            request_id=str(uuid4()),
            memo=memo(options.schedule_memo, "--schedule-memo") if options.schedule_memo else None,
            search_attributes=(
                search_attributes(own_attributes, "--schedule-search-attribute")
                if own_attributes
                else None
            ),
        )
    )
    session.output.say(f"Schedule {options.schedule_id} made")


async def update(session: Session) -> None:
    """Replace what a schedule does, and when."""
    options = session.options
    await session.workflows.update_schedule(
        UpdateScheduleRequest(
            namespace=session.namespace,
            schedule_id=options.schedule_id,
            schedule=_schedule(options),
            identity=session.identity,
            request_id=str(uuid4()),
        )
    )
    session.output.say(f"Schedule {options.schedule_id} replaced")


async def delete(session: Session) -> None:
    """Delete a schedule."""
    await session.workflows.delete_schedule(
        DeleteScheduleRequest(
            namespace=session.namespace,
            schedule_id=session.options.schedule_id,
            identity=session.identity,
        )
    )
    session.output.say("Schedule deleted")


async def backfill(session: Session) -> None:
    """Start what would have been started."""
    options = session.options
    request = BackfillRequest(
        start_time=instant_of(options.start_time),
        end_time=instant_of(options.end_time),
        overlap_policy=_overlap(options),
    )
    await _patch(session, SchedulePatch(backfill_request=[request]))
    session.output.say("Backfill requested")


async def trigger(session: Session) -> None:
    """Start a workflow now."""
    request = TriggerImmediatelyRequest(overlap_policy=_overlap(session.options))
    await _patch(session, SchedulePatch(trigger_immediately=request))
    session.output.say("Trigger requested")


async def toggle(session: Session) -> None:
    """Pause a schedule, or let it go on."""
    options = session.options
    if bool(options.pause) == bool(options.unpause):
        raise ValueRefusedError("exactly one of --pause and --unpause is required")
    if options.pause:
        await _patch(session, SchedulePatch(pause=options.reason))
    else:
        await _patch(session, SchedulePatch(unpause=options.reason))
    session.output.say("Schedule paused" if options.pause else "Schedule goes on")


async def _patch(session: Session, patch: SchedulePatch) -> None:
    await session.workflows.patch_schedule(
        PatchScheduleRequest(
            namespace=session.namespace,
            schedule_id=session.options.schedule_id,
            patch=patch,
            identity=session.identity,
            request_id=str(uuid4()),
        )
    )


async def list_times(session: Session) -> None:
    """Show when a schedule would start workflows."""
    options, output = session.options, session.output
    answer = await session.workflows.list_schedule_matching_times(
        ListScheduleMatchingTimesRequest(
            namespace=session.namespace,
            schedule_id=options.schedule_id,
            start_time=instant_of(options.start_time),
            end_time=instant_of(options.end_time),
        )
    )
    output.message(answer)
    # Relative times would all look alike.
    times = (time.ToDatetime(UTC) for time in answer.start_time)
    output.lines(shown_instant(time, "iso", output.now) for time in times)


# ------------------------------------------------------------------------------ from options
def _schedule(options: Options) -> Schedule:
    remaining: int = options.remaining_actions or 0
    return Schedule(
        spec=_spec(options),
        action=ScheduleAction(start_workflow=_action(options)),
        policies=SchedulePolicies(
            overlap_policy=_overlap(options),
            catchup_window=span_of(options.catchup_window),
            pause_on_failure=bool(options.pause_on_failure),
        ),
        state=ScheduleState(
            notes=options.notes or "",
            paused=bool(options.paused),
            limited_actions=bool(remaining),
            remaining_actions=remaining,
        ),
    )


def _spec(options: Options) -> ScheduleSpec:
    calendars = [_cron(text) for text in options.calendar]
    return ScheduleSpec(
        cron_string=[*options.cron, *calendars],
        interval=[_interval(text) for text in options.interval],
        start_time=instant_of(options.start_time),
        end_time=instant_of(options.end_time),
        jitter=span_of(options.jitter),
        timezone_name=options.time_zone or "",
    )


def _cron(text: str) -> str:
    """Return a calendar as a cron string of seven fields, as the reference sends it."""
    try:
        calendar = Parse(text, CalendarSpec())
    except ParseError as error:
        raise ValueRefusedError(f"--calendar cannot be read: {error}") from None
    fields = [
        getattr(calendar, name) or missing
        for name, missing in zip(_CALENDAR_FIELDS, _MISSING, strict=True)
    ]
    if any(len(field.split()) != 1 for field in fields):
        raise ValueRefusedError("a field of --calendar may hold no blanks")
    return " ".join([*fields, *(("#", calendar.comment) if calendar.comment else ())])


def _interval(text: str) -> IntervalSpec:
    every, _, offset = text.partition("/")
    try:
        return IntervalSpec(
            interval=span_of(duration(every)), phase=span_of(duration(offset)) if offset else None
        )
    except argparse.ArgumentTypeError:
        raise ValueRefusedError(
            f"--interval takes DURATION or DURATION/OFFSET, not {text}"
        ) from None


def _action(options: Options) -> NewWorkflowExecutionInfo:
    return NewWorkflowExecutionInfo(
        workflow_id=options.workflow_id or f"{options.schedule_id}-workflow",
        workflow_type=WorkflowType(name=options.type),
        task_queue=TaskQueue(name=options.task_queue),
        input=input_payloads(options),
        workflow_execution_timeout=span_of(options.execution_timeout),
        workflow_run_timeout=span_of(options.run_timeout),
        workflow_task_timeout=span_of(options.task_timeout),
        memo=memo(options.memo) if options.memo else None,
        search_attributes=(
            search_attributes(options.search_attribute) if options.search_attribute else None
        ),
        header=header(options.headers) if options.headers else None,
        user_metadata=user_metadata(options),
        priority=priority(options),
    )


def _overlap(options: Options) -> ScheduleOverlapPolicy.ValueType:
    return ScheduleOverlapPolicy.ValueType(enum_of(ScheduleOverlapPolicy, options.overlap_policy))


# -------------------------------------------------------------------------------- for people
async def describe(session: Session) -> None:
    """Show a schedule."""
    output = session.output
    answer = await session.workflows.describe_schedule(
        DescribeScheduleRequest(
            namespace=session.namespace, schedule_id=session.options.schedule_id
        )
    )
    # Always the long form: what is read here may be written back.
    output.message(answer, is_short=False)
    schedule, told = answer.schedule, answer.info
    action = schedule.action.start_workflow
    rows: dict[str, Shown] = {
        "ScheduleId": session.options.schedule_id,
        "Paused": schedule.state.paused,
        "Notes": schedule.state.notes,
        **_spec_rows(schedule.spec),
        "Workflow": action.workflow_type.name,
        "WorkflowId": action.workflow_id,
        "TaskQueue": action.task_queue.name,
        "OverlapPolicy": short_name(ScheduleOverlapPolicy, schedule.policies.overlap_policy),
        "CatchupWindow": how_long(schedule.policies.catchup_window),
        "PauseOnFailure": schedule.policies.pause_on_failure or None,
        "RemainingActions": (
            schedule.state.remaining_actions if schedule.state.limited_actions else None
        ),
        "NextRunTime": _first(told.future_action_times),
        "LastRunTime": when(told.recent_actions[-1].schedule_time) if told.recent_actions else None,
        "RunningWorkflows": ", ".join(one.workflow_id for one in told.running_workflows),
        "CreatedAt": when(told.create_time),
        "LastUpdateAt": when(told.update_time),
        "Started": told.action_count,
        "MissedCatchupWindow": told.missed_catchup_window,
        "SkippedForOverlap": told.overlap_skipped,
        "SearchAttributes": fields_text(answer.search_attributes.indexed_fields),
        "Memo": fields_text(answer.memo.fields),
    }
    output.card(rows)


async def list_schedules(session: Session) -> None:
    """List schedules."""
    options, output = session.options, session.output
    headings = ["ScheduleId", "Workflow", "Paused", "NextRunTime", "LastRunTime"]
    if options.long or options.really_long:
        headings += ["When", "Notes"]
    if options.really_long:
        headings += ["Memo", "SearchAttributes"]

    async def page(token: bytes) -> tuple[Iterable[ScheduleListEntry], bytes]:
        answer = await session.workflows.list_schedules(
            ListSchedulesRequest(
                namespace=session.namespace, next_page_token=token, query=options.query or ""
            )
        )
        return answer.schedules, answer.next_page_token

    with output.listing():
        has_head = True
        async for items in pages(page, 0):
            for item in items:
                output.message(item, is_short=False)
            rows = [_list_row(item)[: len(headings)] for item in items]
            output.table(headings, rows, has_head=has_head)
            has_head = False


def _list_row(entry: ScheduleListEntry) -> Sequence[Shown]:
    told = entry.info
    times = _spec_rows(told.spec)
    return (
        entry.schedule_id,
        told.workflow_type.name,
        told.paused,
        _first(told.future_action_times),
        when(told.recent_actions[-1].schedule_time) if told.recent_actions else None,
        "; ".join(
            f"{label.casefold()} {value}".replace("\n", ", ")
            for label, value in times.items()
            if value
        ),
        told.notes,
        fields_text(entry.memo.fields),
        fields_text(entry.search_attributes.indexed_fields),
    )


def _spec_rows(spec: ScheduleSpec) -> dict[str, Shown]:
    return {
        "Cron": ", ".join(spec.cron_string),
        "Calendar": "\n".join(_calendar_text(one) for one in spec.structured_calendar),
        "Except": "\n".join(_calendar_text(one) for one in spec.exclude_structured_calendar),
        "Every": ", ".join(_interval_text(one) for one in spec.interval),
        "NotBefore": _iso(when(spec.start_time)),
        "NotAfter": _iso(when(spec.end_time)),
        "Jitter": how_long(spec.jitter),
        "TimeZone": spec.timezone_name,
    }


def _iso(time: datetime | None) -> str:
    return shown_instant(time, "iso", time) if time else ""


def _interval_text(interval: IntervalSpec) -> str:
    every = shown_duration(interval.interval.ToTimedelta())
    phase = how_long(interval.phase)
    return f"{every} from {shown_duration(phase)}" if phase else every


def _calendar_text(calendar: StructuredCalendarSpec) -> str:
    fields = [_ranges(getattr(calendar, name)) for name in _CALENDAR_FIELDS]
    comment = f"  # {calendar.comment}" if calendar.comment else ""
    return f"{' '.join(fields)}{comment}"


def _ranges(ranges: Iterable[Range]) -> str:
    parts: list[str] = []
    for one in ranges:
        end = f"-{one.end}" if one.end > one.start else ""
        step = f"/{one.step}" if one.step > 1 else ""
        parts.append(f"{one.start}{end}{step}")
    return ",".join(parts) or "*"


def _first(times: Sequence[Timestamp]) -> Shown:
    return when(times[0]) if times else None
