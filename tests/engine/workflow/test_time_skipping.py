"""Runs whose clock jumps when they only wait."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import (
    ActivityType,
    FastForwardConfig,
    TimeSkippingConfig,
    WorkflowExecution,
    WorkflowType,
)
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    PauseWorkflowExecutionRequest,
    UnpauseWorkflowExecutionRequest,
    UpdateWorkflowExecutionOptionsRequest,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import EventId, NamespaceId, RunId, WorkflowId
from indelible.base.instants import DAY, HOUR, MINUTE, SECOND, Instant, duration, instant
from indelible.engine.workflow.description import describe_workflow
from indelible.engine.workflow.requests.pause_workflow import pause_workflow, unpause_workflow
from indelible.engine.workflow.requests.start_workflow import Parentage
from indelible.engine.workflow.requests.update_workflow_options import update_workflow_options
from indelible.engine.workflow.time_skipping import TimeSkippingRecord
from tests.engine.workflow.chain import (
    START,
    Chain,
    again,
    application_failure,
    command,
    complete,
    fail,
    policy,
    span,
    started,
    timer,
)

SKIPPING: Final = TimeSkippingConfig(enabled=True, max_session_skip_count=9)
DAY_IN_SECONDS: Final = 86_400
JUMP: Final = "WorkflowExecutionTimeSkippingTransitioned"


def forward(seconds: float, name: str = "f") -> TimeSkippingConfig:
    """A configuration with a fast-forward."""
    config = TimeSkippingConfig(enabled=True, max_session_skip_count=9)
    config.fast_forward_config.CopyFrom(FastForwardConfig(id=name, duration=span(seconds)))
    return config


def begun(config: TimeSkippingConfig | None = SKIPPING, **options: Any) -> Chain:
    """A chain whose first run has just started."""
    chain = Chain()
    chain.start(time_skipping_config=config, **options)
    return chain


def clock(chain: Chain) -> TimeSkippingRecord:
    """The clock of the current run."""
    return chain.current.state.execution.time_skipping


def jumps(chain: Chain) -> list[float]:
    """Where the clock of the current run has jumped to, in seconds since the start."""
    return [
        (
            instant(
                event.workflow_execution_time_skipping_transitioned_event_attributes.target_time
            )
            - START
        )
        / SECOND
        for event in chain.current.history
        if event.HasField("workflow_execution_time_skipping_transitioned_event_attributes")
    ]


def configure(
    chain: Chain, config: TimeSkippingConfig | None, *paths: str
) -> WorkflowExecutionOptions:
    """Change the options of the current run."""
    request = UpdateWorkflowExecutionOptionsRequest(
        workflow_execution_options=WorkflowExecutionOptions(time_skipping_config=config),
        update_mask=FieldMask(paths=paths or ("time_skipping_config",)),
    )
    return chain.take(lambda step: update_workflow_options(step, request))


def test_a_run_that_waits_for_timers_jumps_to_one_after_the_other() -> None:
    chain = begun()
    chain.work(timer("b", 2 * DAY_IN_SECONDS), timer("a", DAY_IN_SECONDS))
    assert jumps(chain) == [DAY_IN_SECONDS]
    chain.fire()
    chain.work()
    assert jumps(chain) == [DAY_IN_SECONDS, 2 * DAY_IN_SECONDS]
    chain.fire()
    chain.work(complete())
    assert chain.now == START
    assert chain.current.lines(since=5) == [
        "5 TimerStarted",
        "6 TimerStarted",
        f"7 {JUMP}",
        "8 TimerFired",
        "9 WorkflowTaskScheduled",
        "10 WorkflowTaskStarted",
        "11 WorkflowTaskCompleted",
        f"12 {JUMP}",
        "13 TimerFired",
        "14 WorkflowTaskScheduled",
        "15 WorkflowTaskStarted",
        "16 WorkflowTaskCompleted",
        "17 WorkflowExecutionCompleted",
    ]
    fired_at = instant(chain.current.history[7].event_time)
    assert fired_at == START + DAY


def test_what_is_due_has_its_turn_before_the_next_jump() -> None:
    chain = begun()
    chain.work(timer("a", DAY_IN_SECONDS), timer("b", 2 * DAY_IN_SECONDS))
    configure(chain, TimeSkippingConfig(enabled=True, max_session_skip_count=5))
    assert jumps(chain) == [DAY_IN_SECONDS]


def test_the_wall_clock_is_told_beside_the_time_of_the_run() -> None:
    chain = begun()
    chain.work(timer("a", DAY_IN_SECONDS), timer("b", 2 * DAY_IN_SECONDS))
    chain.fire()
    chain.at(3)
    chain.work()
    jump = chain.current.event(JUMP)
    assert instant(jump.wall_clock_time) == START + 3 * SECOND
    assert instant(chain.current.history[-1].event_time) == START + DAY + 3 * SECOND


def _activity(**options: Any) -> Any:
    return command(
        "schedule_activity_task",
        activity_id="a",
        activity_type=ActivityType(name="act"),
        start_to_close_timeout=span(60),
        **options,
    )


def _child() -> Any:
    return command(
        "start_child_workflow_execution",
        workflow_id="child",
        workflow_type=WorkflowType(name="Child"),
    )


@pytest.mark.parametrize(
    "make",
    [
        _activity,
        _child,
        lambda: command(
            "signal_external_workflow_execution",
            execution=WorkflowExecution(workflow_id="other"),
            signal_name="s",
        ),
        lambda: command("request_cancel_external_workflow_execution", workflow_id="other"),
    ],
    ids=["activity", "child", "signal", "cancellation"],
)
def test_time_is_real_while_something_is_under_way(make: Callable[[], Any]) -> None:
    chain = begun()
    chain.work(make(), timer("t", DAY_IN_SECONDS))
    assert not jumps(chain)


def test_a_paused_run_does_not_jump() -> None:
    chain = begun(TimeSkippingConfig(enabled=False, max_session_skip_count=9))
    chain.work(timer("t", DAY_IN_SECONDS))
    chain.take(lambda step: pause_workflow(step, PauseWorkflowExecutionRequest(request_id="p")))
    configure(chain, SKIPPING)
    assert not jumps(chain)
    chain.take(lambda step: unpause_workflow(step, UnpauseWorkflowExecutionRequest(request_id="u")))
    chain.work()
    assert jumps(chain) == [DAY_IN_SECONDS]


def test_a_run_that_waits_for_nothing_jumps_to_its_timeout() -> None:
    chain = begun(workflow_run_timeout=span(3_600))
    chain.work()
    assert jumps(chain) == [3_600]
    chain.fire()
    assert chain.current.lines()[-1] == "6 WorkflowExecutionTimedOut"


def test_a_run_that_waits_for_a_signal_alone_stays_in_real_time() -> None:
    chain = begun()
    chain.work()
    assert not jumps(chain)


def test_a_start_delay_is_skipped() -> None:
    chain = Chain()
    chain.start(backoff=DAY, time_skipping_config=SKIPPING, workflow_run_timeout=span(60))
    assert jumps(chain) == [DAY_IN_SECONDS]
    chain.fire()
    assert chain.is_task_pending()


def test_after_so_many_jumps_time_is_real() -> None:
    chain = begun(TimeSkippingConfig(enabled=True, max_session_skip_count=1))
    chain.work(timer("a", 60), timer("b", 120))
    chain.fire()
    chain.work()
    assert jumps(chain) == [60]
    assert not clock(chain).is_enabled
    configure(chain, SKIPPING)
    assert jumps(chain) == [60, 120]


# -- fast-forwards ---------------------------------------------------------------------------------


def test_a_fast_forward_ends_with_the_jump_that_reaches_it() -> None:
    chain = begun(forward(100))
    chain.work(timer("a", 60), timer("b", DAY_IN_SECONDS))
    chain.fire()
    chain.work()
    assert jumps(chain) == [60, 100]
    assert chain.current.event(JUMP).disabled_after_fast_forward
    assert (clock(chain).is_enabled, clock(chain).is_fast_forwarded) == (False, True)
    assert not chain.fire()


def test_a_fast_forward_that_ends_during_work_ends_in_real_time() -> None:
    chain = begun(forward(1))
    chain.poll()
    chain.at(1)
    chain.fire()
    chain.respond(timer("a", 60))
    jump = chain.current.event(JUMP)
    assert (jump.HasField("target_time"), jump.disabled_after_fast_forward) == (False, True)
    assert clock(chain).is_fast_forwarded
    assert clock(chain).skipped == 0


def test_another_fast_forward_takes_the_place_of_one() -> None:
    chain = begun(forward(100))
    chain.work(_activity(), timer("a", DAY_IN_SECONDS))
    chain.at(10)
    options = configure(chain, forward(200, "g"))
    assert options.time_skipping_config.fast_forward_config.id == "g"
    assert clock(chain).fast_forward_at == START + 210 * SECOND


def test_the_same_fast_forward_again_begins_anew() -> None:
    chain = begun(forward(100))
    chain.work(_activity())
    chain.at(10)
    configure(chain, forward(100))
    assert clock(chain).fast_forward_at == START + 110 * SECOND


def test_the_same_configuration_again_is_no_event() -> None:
    chain = begun()
    chain.work()
    configure(chain, SKIPPING)
    assert chain.current.lines()[-1] == "4 WorkflowTaskCompleted"


def test_without_a_configuration_what_was_skipped_stays() -> None:
    chain = begun()
    chain.work(timer("a", 60), timer("b", 120))
    configure(chain, None)
    chain.fire()
    chain.work()
    assert jumps(chain) == [60]
    assert clock(chain) == TimeSkippingRecord(is_known=True, skipped=MINUTE)


def test_a_part_of_a_configuration_cannot_be_changed() -> None:
    chain = begun()
    with pytest.raises(InvalidArgumentError, match="doesn't support partial update"):
        configure(chain, SKIPPING, "time_skipping_config.enabled")


# -- other runs ------------------------------------------------------------------------------------


def test_the_next_run_goes_on_by_the_same_clock() -> None:
    chain = begun(forward(DAY_IN_SECONDS))
    chain.work(timer("a", 60))
    chain.fire()
    chain.work(again(backoff_start_interval=span(30)))
    inherited = started(chain).time_skipping_state_propagation
    assert duration(inherited.initial_skipped_duration) == MINUTE
    assert inherited.initial_skip_count == 1
    assert instant(inherited.fast_forward_target_time) == START + DAY
    assert jumps(chain) == [90]
    chain.fire()
    chain.work(timer("b", 2 * DAY_IN_SECONDS))
    assert jumps(chain) == [90, DAY_IN_SECONDS]
    assert clock(chain).is_fast_forwarded
    assert chain.now == START


def test_a_retry_begins_by_the_clock_of_the_run_before() -> None:
    chain = begun(retry_policy=policy(initial_interval=span(100)))
    chain.work(timer("a", 60))
    chain.fire()
    chain.work(fail(application_failure()))
    assert len(chain.runs) == 2
    assert chain.current.state.execution.started_at == START + MINUTE
    assert clock(chain).skip_count == 2
    assert jumps(chain) == [160]


def test_a_child_is_told_the_time_and_the_configuration_without_the_fast_forward() -> None:
    chain = begun(forward(DAY_IN_SECONDS))
    chain.work(timer("a", 60))
    chain.fire()
    chain.work(_child())
    initiated = chain.current.event("StartChildWorkflowExecutionInitiated")
    assert initiated.time_skipping_config == SKIPPING
    inherited = initiated.time_skipping_state_propagation
    assert duration(inherited.initial_skipped_duration) == MINUTE


def test_a_private_configuration_is_not_passed_on() -> None:
    chain = begun(
        TimeSkippingConfig(enabled=True, max_session_skip_count=9, disable_propagation=True)
    )
    chain.work(timer("a", 60))
    chain.fire()
    chain.work(_child())
    initiated = chain.current.event("StartChildWorkflowExecutionInitiated")
    assert not initiated.HasField("time_skipping_config")
    assert initiated.HasField("time_skipping_state_propagation")


def test_a_child_waits_for_its_parent_and_not_for_its_own_end() -> None:
    parentage = Parentage(
        namespace_id=NamespaceId("ns"),
        namespace_name="ns",
        workflow_id=WorkflowId("parent"),
        run_id=RunId("parent-run"),
        initiated_event_id=EventId(5),
        root=WorkflowExecution(workflow_id="parent", run_id="parent-run"),
        skipped=HOUR,
    )
    chain = begun(parentage=parentage, workflow_run_timeout=span(60))
    assert not jumps(chain)
    assert clock(chain).skipped == HOUR


# -- what is told ----------------------------------------------------------------------------------


def test_the_description_tells_the_time_of_the_run() -> None:
    chain = begun(forward(100))
    chain.work(timer("a", 60), timer("b", 120))
    now = Instant(chain.now + clock(chain).skipped)
    told = describe_workflow(chain.current.state, now).workflow_extended_info.time_skipping_info
    assert instant(told.current_time) == START + MINUTE
    assert told.effective_config == forward(100)
    assert told.current_session_skip_count == 1
    assert told.fast_forward_info.fast_forward_id == "f"
    assert instant(told.fast_forward_info.target_time) == START + 100 * SECOND
    assert not told.fast_forward_info.has_completed


def test_a_run_that_never_skipped_time_tells_nothing_of_it() -> None:
    chain = begun(None)
    chain.work(timer("a", 60))
    told = describe_workflow(chain.current.state, chain.now)
    assert not jumps(chain)
    assert not told.workflow_extended_info.HasField("time_skipping_info")
