"""The life of a schedule, told as what it does: one line per start, stop and end."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.schedule.v1 import (
    BackfillRequest,
    SchedulePatch,
    ScheduleSpec,
    ScheduleState as StateMessage,
    TriggerImmediatelyRequest,
)

from indelible.base.errors import FailedPreconditionError
from indelible.base.instants import DAY, MINUTE, SECOND, Instant, duration_message, timestamp
from indelible.engine.schedule.advancing import closes_at, wake_at
from indelible.engine.schedule.changes import conflict_token
from indelible.engine.schedule.spec import canonical_spec
from indelible.engine.schedule.state import BACKFILLS_MAX, BUFFERED_STARTS_MAX
from tests.engine.schedule.machine import (
    ALLOW_ALL,
    BUFFER_ALL,
    BUFFER_ONE,
    CANCEL_OTHER,
    SKIP,
    START,
    TERMINATE_OTHER,
    UNSPECIFIED,
    Machine,
    Policy,
    every,
    schedule,
)


def trigger(policy: Policy = UNSPECIFIED) -> SchedulePatch:
    return SchedulePatch(trigger_immediately=TriggerImmediatelyRequest(overlap_policy=policy))


def backfill(first: float, last: float, policy: Policy = UNSPECIFIED) -> SchedulePatch:
    """From so many minutes after the start up to so many."""
    return SchedulePatch(
        backfill_request=[
            BackfillRequest(
                start_time=timestamp(Instant(START + round(first * MINUTE))),
                end_time=timestamp(Instant(START + round(last * MINUTE))),
                overlap_policy=policy,
            )
        ]
    )


def test_it_acts_when_a_time_has_come() -> None:
    machine = Machine()
    machine.create(schedule(every(60)))
    assert machine.log == []
    assert wake_at(machine.state) == START + MINUTE
    machine.sleep(59)
    assert machine.log == []
    machine.sleep(1)
    machine.end(1)
    machine.sleep(120)
    assert machine.log == ["start 1 08:01:00Z", "completed 1", "start 2 08:02:00Z"]


def test_the_request_says_who_and_when() -> None:
    machine = Machine()
    made = schedule(every(60))
    made.action.start_workflow.workflow_type.name = "T"
    made.action.start_workflow.search_attributes.indexed_fields[
        "TemporalScheduledById"
    ].data = b'"forged"'
    machine.create(made)
    machine.sleep(60)
    request = machine.requests[0]
    fields = request.search_attributes.indexed_fields
    assert request.identity == "temporal-scheduler-name-s"
    assert request.request_id == "sched-r-1"
    assert request.workflow_type.name == "T"
    assert fields["TemporalScheduledById"].data == b'"s"'
    assert fields["TemporalScheduledStartTime"].data == b'"2027-01-15T08:01:00Z"'
    assert fields["TemporalScheduledStartTime"].metadata["type"] == b"Datetime"


def test_the_id_of_the_action_may_be_kept() -> None:
    machine = Machine()
    machine.create(schedule(every(60), keeps_workflow_id=True))
    machine.sleep(60)
    assert machine.requests[0].workflow_id == "w"


def test_the_id_tells_the_nominal_time_and_the_start_comes_with_the_jitter() -> None:
    machine = Machine()
    spec = every(3_600)
    spec.jitter.CopyFrom(duration_message(MINUTE))
    machine.create(schedule(spec))
    machine.sleep(3_600 + 60)
    planned = machine.state.core.recent[0]
    assert machine.requests[0].workflow_id == "w-2027-01-15T09:00:00Z"
    assert planned.at == planned.started_at
    assert START + 60 * MINUTE < planned.at < START + 61 * MINUTE


@pytest.mark.parametrize("pause_at", [0, 3_590, 3_601])
def test_a_patch_in_between_does_not_lose_a_time_that_waits_for_its_jitter(pause_at: float) -> None:
    machine = Machine()
    spec = every(3_600)
    spec.jitter.CopyFrom(duration_message(MINUTE))
    machine.create(schedule(spec))
    machine.sleep(pause_at)
    machine.patch(SchedulePatch(pause="p"))
    machine.patch(SchedulePatch(unpause="u"))
    machine.sleep(3_700 - pause_at)
    assert machine.log == ["start 1 09:00:00Z"]


# ---------------------------------------------------------------------------------------- overlaps
@pytest.mark.parametrize(
    ("policy", "expected", "skipped"),
    [
        (SKIP, ["start 1", "completed 1", "start 5", "completed 5"], 3),
        (BUFFER_ONE, ["start 1", "completed 1", "start 2", "completed 2", "start 5"], 2),
        (
            BUFFER_ALL,
            ["start 1", "completed 1", "start 2", "completed 2", "start 3"],
            0,
        ),
        (
            CANCEL_OTHER,
            ["start 1", "cancel 1", "completed 1", "start 4", "cancel 4", "completed 4", "start 5"],
            0,
        ),
        (
            TERMINATE_OTHER,
            [
                "start 1",
                "terminate 1",
                "completed 1",
                "start 4",
                "terminate 4",
                "completed 4",
                "start 5",
            ],
            0,
        ),
        (
            ALLOW_ALL,
            [
                "start 1",
                "start 2",
                "start 3",
                "start 4",
                "completed 1",
                "start 5",
                "completed 2",
            ],
            0,
        ),
    ],
)
def test_overlap_policies(policy: Policy, expected: list[str], skipped: int) -> None:
    machine = Machine()
    machine.create(schedule(every(60), overlap=policy))
    machine.sleep(250)  # Four times; the first action runs all the while.
    machine.end(1)
    if policy not in {SKIP, ALLOW_ALL}:
        machine.sleep(5)
    machine.sleep(60)  # The fifth.
    machine.end(next(iter(machine.running)))
    log = [" ".join(line.split()[:2]) for line in machine.log]
    assert log[: len(expected)] == expected
    assert machine.describe().info.overlap_skipped == skipped


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        # What is not running yet is replaced rather than canceled.
        ([BUFFER_ALL, CANCEL_OTHER], ["start 1", "cancel 1"]),
        ([BUFFER_ALL, CANCEL_OTHER, TERMINATE_OTHER], ["start 1", "cancel 1", "terminate 1"]),
        ([TERMINATE_OTHER, CANCEL_OTHER], ["start 1", "cancel 1"]),
        ([ALLOW_ALL, ALLOW_ALL, SKIP, SKIP], ["start 1", "start 2", "start 3"]),
        ([BUFFER_ALL, BUFFER_ONE, BUFFER_ONE], ["start 1"]),
    ],
)
def test_a_trigger_has_its_own_policy(policies: list[Policy], expected: list[str]) -> None:
    machine = Machine()
    machine.create(schedule(ScheduleSpec()))
    for policy in policies:
        machine.patch(trigger(policy))
    assert [" ".join(line.split()[:2]) for line in machine.log] == expected


def test_an_update_changes_the_policy_of_those_that_wait() -> None:
    machine = Machine()
    machine.create(schedule(every(60), overlap=BUFFER_ALL))
    machine.sleep(240)
    assert machine.describe().info.buffer_size == 3
    machine.update(schedule(ScheduleSpec(), overlap=SKIP))
    assert machine.describe().info.buffer_size == 0
    assert machine.describe().info.overlap_skipped == 3


def test_the_buffer_has_a_bound() -> None:
    machine = Machine()
    machine.create(schedule(every(1), overlap=BUFFER_ALL))
    machine.sleep(BUFFERED_STARTS_MAX + 11)
    described = machine.describe().info
    assert described.buffer_size == BUFFERED_STARTS_MAX
    assert described.buffer_dropped == 10
    assert described.action_count == 1


# ------------------------------------------------------------------------------------ being late
def test_a_schedule_catches_up_after_an_outage() -> None:
    machine = Machine()
    machine.create(schedule(every(60), overlap=BUFFER_ALL))
    machine.jump(185)
    assert machine.log == ["start 1 08:01:00Z"]
    assert machine.describe().info.buffer_size == 2


def test_what_is_later_than_the_window_is_missed() -> None:
    machine = Machine()
    machine.create(schedule(every(60), catchup=90))
    machine.jump(305)
    assert machine.log == ["start 1 08:04:00Z"]
    described = machine.describe().info
    assert described.missed_catchup_window == 3
    assert described.overlap_skipped == 1


def test_the_window_is_ten_seconds_at_least() -> None:
    machine = Machine()
    machine.create(schedule(every(60), catchup=1))
    machine.jump(69)
    assert machine.log == ["start 1 08:01:00Z"]


def test_a_long_outage_is_made_up_for_in_many_steps() -> None:
    machine = Machine()
    machine.create(schedule(every(1), overlap=SKIP))
    machine.jump(5_000)
    described = machine.describe().info
    assert described.action_count == 1
    assert described.overlap_skipped == 4_999


def test_a_clock_that_goes_back_fires_nothing_twice() -> None:
    machine = Machine()
    machine.create(schedule(every(60), overlap=ALLOW_ALL))
    machine.sleep(125)
    machine.jump(-110)
    machine.sleep(110)
    assert machine.log == ["start 1 08:01:00Z", "start 2 08:02:00Z"]
    machine.sleep(60)
    assert machine.log[2:] == ["start 3 08:03:00Z"]


def test_a_waiting_start_that_gets_too_old_is_missed() -> None:
    machine = Machine()
    machine.create(schedule(every(60), overlap=BUFFER_ONE, catchup=90))
    machine.sleep(300)
    machine.end(1)
    described = machine.describe().info
    # The second time waited three minutes; the others were skipped meanwhile.
    assert described.missed_catchup_window == 1
    assert described.overlap_skipped == 3


# ------------------------------------------------------------------------------- pauses and limits
def test_a_paused_schedule_lets_times_pass_without_counting_them() -> None:
    machine = Machine()
    machine.create(schedule(every(60), state=StateMessage(paused=True, notes="n")))
    assert wake_at(machine.state) == 0
    machine.sleep(250)
    described = machine.describe()
    assert machine.log == []
    assert len(described.info.future_action_times) == 10
    assert described.info.future_action_times[0].seconds * SECOND == START + 5 * MINUTE
    assert described.schedule.state.notes == "n"
    machine.patch(SchedulePatch(unpause="go"))
    machine.sleep(60)
    assert machine.log == ["start 1 08:05:00Z"]
    described = machine.describe()
    assert described.schedule.state.notes == "go"
    assert not described.info.missed_catchup_window


def test_manual_starts_ignore_pause_and_limit() -> None:
    machine = Machine()
    state = StateMessage(paused=True, limited_actions=True, remaining_actions=1)
    machine.create(schedule(every(60), state=state), trigger(ALLOW_ALL))
    machine.patch(backfill(-3, -2, ALLOW_ALL))
    described = machine.describe()
    assert described.info.action_count == 3
    assert described.schedule.state.remaining_actions == 1


def test_limited_actions_run_out() -> None:
    machine = Machine()
    state = StateMessage(limited_actions=True, remaining_actions=2)
    machine.create(schedule(every(60), overlap=ALLOW_ALL, state=state))
    token = machine.describe().conflict_token
    assert len(machine.describe().info.future_action_times) == 2
    machine.sleep(300)
    described = machine.describe()
    assert machine.log == ["start 1 08:01:00Z", "start 2 08:02:00Z"]
    assert described.schedule.state.remaining_actions == 0
    assert not described.info.future_action_times
    assert described.conflict_token != token


@pytest.mark.parametrize(
    ("kind", "notes"),
    [
        ("completed", ""),
        ("canceled", ""),
        ("terminated", ""),
        ("failed", "paused due to workflow failure: w-2027-01-15T08:01:00Z: boom"),
        ("timed_out", "paused due to workflow timeout: w-2027-01-15T08:01:00Z"),
    ],
)
def test_pause_on_failure(kind: str, notes: str) -> None:
    machine = Machine()
    machine.create(schedule(every(60), pauses_on_failure=True))
    machine.sleep(60)
    machine.end(1, kind, "boom")
    state = machine.describe().schedule.state
    assert (state.paused, state.notes) == (bool(notes), notes)


def test_a_failure_pauses_nothing_unless_asked() -> None:
    machine = Machine()
    machine.create(schedule(every(60)))
    machine.sleep(60)
    machine.end(1, "failed", "boom")
    assert not machine.describe().schedule.state.paused


# --------------------------------------------------------------------------------------- backfills
def test_a_backfill_has_inclusive_bounds() -> None:
    machine = Machine()
    machine.create(schedule(every(60), state=StateMessage(paused=True)))
    machine.patch(backfill(-10, -8, ALLOW_ALL))
    assert machine.log == ["start 1 07:50:00Z", "start 2 07:51:00Z", "start 3 07:52:00Z"]
    assert machine.describe().info.action_count == 3


def test_a_large_backfill_leaves_room_for_others() -> None:
    machine = Machine()
    machine.create(schedule(every(60), overlap=BUFFER_ALL))
    machine.patch(backfill(-2_000, -1))
    assert machine.describe().info.buffer_size <= BUFFERED_STARTS_MAX // 2
    machine.sleep(60)
    assert machine.describe().info.buffer_dropped == 0
    for number in range(1, 20):
        machine.end(number)
    assert machine.describe().info.action_count == 20
    assert len(machine.state.core.backfills) == 1


def test_a_backfill_of_thousands_that_overlap_ends() -> None:
    machine = Machine()
    machine.create(schedule(every(60), state=StateMessage(paused=True)))
    machine.patch(backfill(-1_499, 0, ALLOW_ALL))
    assert machine.describe().info.action_count == 1_500
    assert not machine.state.core.backfills


def test_too_many_backfills_are_refused() -> None:
    machine = Machine()
    machine.create(schedule(every(60), overlap=BUFFER_ALL))
    patch = SchedulePatch()
    for _ in range(BACKFILLS_MAX + 1):
        patch.MergeFrom(backfill(-1, -1))
    with pytest.raises(FailedPreconditionError, match="too many concurrent backfillers"):
        machine.patch(patch)


def test_a_trigger_may_name_its_time() -> None:
    machine = Machine()
    machine.create(schedule(ScheduleSpec()))
    patch = SchedulePatch(
        trigger_immediately=TriggerImmediatelyRequest(scheduled_time=Timestamp(seconds=86_400))
    )
    machine.patch(patch)
    assert machine.requests[0].workflow_id == "w-1970-01-02T00:00:00Z"


# ---------------------------------------------------------------------------------------- outcomes
def test_the_last_result_and_failure_go_to_the_next_run() -> None:
    machine = Machine()
    machine.create(schedule(ScheduleSpec(), overlap=BUFFER_ALL))
    for _ in range(4):
        machine.patch(trigger())
    machine.end(1, "completed", "one")
    machine.end(2, "failed", "boom")
    machine.end(3, "completed", "three")
    told = [
        (
            "".join(one.data.decode() for one in request.last_completion_result.payloads),
            request.continued_failure.message,
        )
        for request in machine.requests
    ]
    assert told == [("", ""), ("one", ""), ("one", "boom"), ("three", "")]


def test_runs_side_by_side_tell_each_other_nothing() -> None:
    machine = Machine()
    machine.create(schedule(ScheduleSpec(), overlap=ALLOW_ALL))
    machine.patch(trigger())
    machine.end(1, "completed", "one")
    machine.patch(trigger())
    assert not machine.requests[1].HasField("last_completion_result")
    described = machine.describe().info
    assert not described.running_workflows
    assert [one.start_workflow_status for one in described.recent_actions] == [2, 1]


def test_the_end_may_be_told_twice_and_before_the_start() -> None:
    machine = Machine()
    machine.create(schedule(ScheduleSpec()))
    machine.fails = True
    machine.patch(trigger())  # It has started, but nobody could tell.
    machine.fails = False
    step = machine.step()
    start = step.state.buffer[0]
    machine.start(step, start.number)
    machine.end(1, "failed", "boom")
    assert machine.describe().info.action_count == 1
    assert machine.describe().info.recent_actions[0].start_workflow_status == 3
    machine.end(1, "failed", "boom")
    assert machine.describe().info.action_count == 1


def test_a_start_that_is_refused_counts_for_nothing() -> None:
    machine = Machine()
    machine.create(schedule(every(60)))
    machine.refuses = True
    machine.sleep(60)
    described = machine.describe().info
    assert (described.action_count, described.buffer_size) == (0, 0)


def test_a_start_that_fails_is_tried_again_until_its_window_is_over() -> None:
    machine = Machine()
    machine.create(schedule(every(3_600), catchup=20))
    machine.fails = True
    machine.sleep(3_605)
    assert machine.describe().info.buffer_size == 1
    machine.sleep(60)
    described = machine.describe().info
    assert (described.buffer_size, described.missed_catchup_window) == (0, 1)
    machine.sleep(3_540)
    machine.fails = False
    machine.sleep(10)
    assert machine.log == ["start 2 10:00:00Z"]


# ------------------------------------------------------------------------------------------ changes
def test_an_update_begins_anew_and_does_not_make_up_for_the_past() -> None:
    machine = Machine()
    machine.create(schedule(every(3_600)))
    machine.sleep(1_805)
    machine.update(schedule(every(60)))
    assert machine.log == []
    machine.sleep(60)
    assert machine.log == ["start 1 08:31:00Z"]
    assert machine.describe().info.update_time == timestamp(Instant(START + 1_805 * SECOND))


def test_an_update_needs_the_token_if_it_brings_one() -> None:
    machine = Machine()
    machine.create(schedule(every(60)))
    token = conflict_token(machine.state.core)
    machine.update(schedule(every(120)), token)
    with pytest.raises(FailedPreconditionError, match="mismatched conflict token"):
        machine.update(schedule(every(240)), token)
    machine.update(schedule(every(240)))


def test_a_repeated_request_has_no_second_effect() -> None:
    machine = Machine()
    machine.create(schedule(ScheduleSpec(), overlap=ALLOW_ALL))
    machine.patch(trigger(), "again")
    machine.patch(trigger(), "again")
    machine.update(schedule(every(60), overlap=ALLOW_ALL), request_id="u")
    before = machine.state
    machine.update(schedule(every(60)), request_id="u")
    assert machine.state == before
    assert machine.describe().info.action_count == 1


def test_a_schedule_that_is_done_closes_after_a_week() -> None:
    machine = Machine()
    machine.create(
        schedule(every(60), state=StateMessage(limited_actions=True, remaining_actions=1))
    )
    machine.sleep(120)
    assert closes_at(machine.state) == 0
    machine.end(1)
    assert closes_at(machine.state) == START + MINUTE + 7 * DAY
    machine.sleep(8 * 86_400)
    assert machine.is_closed


def test_a_paused_schedule_is_never_done() -> None:
    machine = Machine()
    machine.create(schedule(ScheduleSpec(), state=StateMessage(paused=True)))
    machine.sleep(30 * 86_400)
    assert not machine.is_closed


def test_a_description_shows_the_canonical_form() -> None:
    machine = Machine()
    made = schedule(canonical_spec(ScheduleSpec(cron_string=["0 12 * * MON"])))
    machine.create(made)
    described = machine.describe()
    calendar = described.schedule.spec.structured_calendar[0]
    assert [(one.start, one.end, one.step) for one in calendar.day_of_week] == [(1, 1, 1)]
    assert described.conflict_token == b"\x00\x00\x00\x00\x00\x00\x00\x01"
    assert described.info.create_time == timestamp(START)
    assert not described.info.HasField("update_time")
