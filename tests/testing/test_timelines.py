"""What a person reads of a run, and of why it does not go on."""

import pytest
from google.protobuf.json_format import ParseDict
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from indelible.base.instants import DAY, HOUR, MINUTE, SECOND, Duration, Instant
from indelible.testing.standstill import Facts, reasons
from indelible.testing.timelines import span_text, timeline

T0 = "2030-01-01T00:00:00Z"
NOW = Instant(1_893_456_000 * SECOND + 10 * SECOND)
BASE64_HI = "ImhpIg=="
JSON_ENCODING = "anNvbi9wbGFpbg=="
ARGUMENT = {"payloads": [{"metadata": {"encoding": JSON_ENCODING}, "data": BASE64_HI}]}
BOOM = {
    "message": "no luck",
    "application_failure_info": {"type": "Bad"},
    "cause": {"message": "deep", "timeout_failure_info": {}},
}

BOOM_TEXT = "Bad: no luck <- timeout: deep"
WAITS = 'waits in the task queue "orders" for attempt 4'


def event(number: int, kind: str, /, at: str = T0, **attributes: object) -> HistoryEvent:
    field = {f"{kind}_event_attributes": attributes} if attributes else {}
    return ParseDict(
        {
            "event_id": number,
            "event_time": at,
            "event_type": f"EVENT_TYPE_{kind.upper()}",
            **field,
        },
        HistoryEvent(),
    )


def said(**description: object) -> DescribeWorkflowExecutionResponse:
    config = {"execution_config": {"task_queue": {"name": "orders"}}}
    return ParseDict({**config, **description}, DescribeWorkflowExecutionResponse())


def why(
    *events: HistoryEvent, pollers: int = 1, activities: int = 1, **description: object
) -> list[str]:
    return reasons(
        Facts(
            description=said(**description),
            events=events,
            workflow_pollers=pollers,
            activity_pollers={"orders": activities},
            now=NOW,
        )
    )


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (0, "0s"),
        (SECOND // 1_000, "0.001s"),
        (3 * SECOND // 2, "1.5s"),
        (MINUTE, "1m"),
        (HOUR + 61 * SECOND, "1h 1m"),
        (30 * DAY, "30d"),
        (30 * DAY + 5 * SECOND, "30d"),
        (29 * DAY + 23 * HOUR + 59 * MINUTE, "29d 23h"),
    ],
)
def test_spans(span: int, text: str) -> None:
    assert span_text(Duration(span)) == text


def test_every_event_has_its_line() -> None:
    """A line is made from nothing but the event; no field may be asked for that it lacks."""
    kinds = [value.name for value in EventType.DESCRIPTOR.values if value.number]
    events = [
        HistoryEvent(event_id=number, event_type=EventType.Value(kind))
        for number, kind in enumerate(kinds, start=1)
    ]
    for one in events:
        name = EventType.Name(one.event_type).removeprefix("EVENT_TYPE_").lower()
        field = f"{name}_event_attributes"
        if field in HistoryEvent.DESCRIPTOR.fields_by_name:
            getattr(one, field).SetInParent()
    assert len(timeline(events)) == len(kinds)


def test_lines() -> None:
    lines = timeline(
        [
            event(1, "workflow_execution_started", workflow_type={"name": "Order"}, input=ARGUMENT),
            event(
                5, "activity_task_scheduled", activity_type={"name": "charge"}, at=T0[:-3] + "02Z"
            ),
            event(7, "activity_task_failed", scheduled_event_id=5, failure=BOOM),
            event(8, "timer_started", timer_id="3", start_to_fire_timeout="5400s"),
        ]
    )
    assert [" ".join(line.split()) for line in lines] == [
        '1 +0s WorkflowExecutionStarted Order ("hi")',
        "5 +2s ActivityTaskScheduled charge ()",
        "7 +0s ActivityTaskFailed of event 5 Bad: no luck <- timeout: deep",
        "8 +0s TimerStarted 3, 1h 30m",
    ]
    assert timeline([]) == []


def test_nothing_is_pending() -> None:
    assert why() == ["nothing is pending: it waits for a signal, an update or a condition"]


def test_nobody_polls_for_workflow_tasks() -> None:
    assert why(pending_workflow_task={"attempt": 1}, pollers=0) == [
        'a workflow task waits, and no worker polls the task queue "orders"'
    ]


def test_a_workflow_task_fails_again_and_again() -> None:
    failed = event(4, "workflow_task_failed", failure=BOOM)
    assert why(failed, pending_workflow_task={"attempt": 3}) == [
        "its workflow task fails, attempt 3: Bad: no luck <- timeout: deep"
    ]


def test_a_worker_keeps_a_workflow_task() -> None:
    task = {"attempt": 1, "state": "PENDING_WORKFLOW_TASK_STATE_STARTED", "started_time": T0}
    (reason,) = why(pending_workflow_task=task)
    assert reason.startswith("a worker has had its workflow task for 10s")


@pytest.mark.parametrize(
    ("fields", "pollers", "text"),
    [
        ({"paused": True}, 1, "is paused; the last one failed: Bad: no luck <- timeout: deep"),
        (
            {"state": "PENDING_ACTIVITY_STATE_STARTED", "last_started_time": T0},
            1,
            "runs its attempt 4 for 10s; the last one failed: Bad: no luck <- timeout: deep",
        ),
        (
            {"next_attempt_schedule_time": "2030-01-01T00:01:10Z"},
            1,
            "begins attempt 4 in 1m; the last one failed: Bad: no luck <- timeout: deep",
        ),
        (
            {"last_failure": None},
            0,
            f"{WAITS}, and no worker polls for activities there",
        ),
    ],
    ids=["paused", "running", "backing off", "unpolled"],
)
def test_a_pending_activity(fields: dict[str, object], pollers: int, text: str) -> None:
    activity = {
        "activity_id": "1",
        "activity_type": {"name": "charge"},
        "attempt": 4,
        "last_failure": BOOM,
        "activity_options": {"task_queue": {"name": "orders"}},
        **fields,
    }
    assert why(pending_activities=[activity], activities=pollers) == [f"activity charge (1) {text}"]


def test_timers_that_have_not_fired() -> None:
    events = [
        event(5, "timer_started", timer_id="1", start_to_fire_timeout="2592000s"),
        event(6, "timer_started", timer_id="2", start_to_fire_timeout="1s"),
        event(7, "timer_fired", timer_id="2", started_event_id=6),
    ]
    assert why(*events) == ["timer 1 fires in 29d 23h"]


def test_children_and_operations() -> None:
    found = why(
        pending_children=[{"workflow_id": "kid", "workflow_type_name": "Kid"}],
        pending_nexus_operations=[
            {"service": "pay", "operation": "charge", "last_attempt_failure": BOOM}
        ],
    )
    assert found == [
        "child workflow Kid (kid) has not ended",
        f"Nexus operation pay/charge has not ended; the last attempt failed: {BOOM_TEXT}",
    ]
