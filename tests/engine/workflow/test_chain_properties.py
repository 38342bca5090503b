"""Clients, workers and the clock act on a chain in any order: the invariants of the engine hold.

They are checked after every step (see `chain`), which is rehearsed and taken back first.
"""

from itertools import pairwise

from hypothesis import given, strategies as st
from temporalio.api.common.v1 import ActivityType, RetryPolicy, WorkflowType
from temporalio.api.enums.v1 import ParentClosePolicy

from indelible.base.errors import ServiceError
from indelible.base.ids import RunId
from indelible.base.limits import Limits
from indelible.engine.workflow.requests.record_child_started import record_child_started
from tests.engine.workflow.chain import Chain, Refused, command, complete, fail, span, timer

COMMANDS = {
    "timer": lambda: timer("t", 3),
    "other timer": lambda: timer("u", 0),
    "cancel timer": lambda: command("cancel_timer", timer_id="t"),
    "activity": lambda: command(
        "schedule_activity_task",
        activity_id="a",
        activity_type=ActivityType(name="Work"),
        start_to_close_timeout=span(4),
        schedule_to_start_timeout=span(2),
    ),
    "cancel activity": lambda: command("request_cancel_activity_task", scheduled_event_id=5),
    "child": lambda: command(
        "start_child_workflow_execution",
        workflow_id="child",
        workflow_type=WorkflowType(name="Child"),
        parent_close_policy=ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
    ),
    "continue": lambda: command("continue_as_new_workflow_execution"),
    "complete": complete,
    "fail": fail,
    "end": lambda: command("cancel_workflow_execution"),
}
OPEN_COMMANDS = ["timer", "other timer", "cancel timer", "activity", "cancel activity", "child"]
CLOSING = ["continue", "complete", "fail", "end"]

COMPLETION = st.tuples(
    st.lists(st.sampled_from(OPEN_COMMANDS), max_size=3),
    st.one_of(st.just(None), st.just(None), st.sampled_from(CLOSING)),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
ACTIONS = st.one_of(
    st.sampled_from(["signal", "cancel", "poll", "poll", "fail task", "wake", "wake", "known"]),
    COMPLETION,
    COMPLETION,
    st.floats(0, 4),
)


def play(chain: Chain, action: object) -> None:
    if isinstance(action, float):
        chain.at((chain.now - BEGIN) / 1e9 + action)
        chain.fire()
    elif isinstance(action, tuple):
        answer(chain, *action)
    else:
        PLAYS[str(action)](chain)


def answer(
    chain: Chain,
    names: list[str],
    closing: str | None,
    is_sticky: bool,
    is_forced: bool,
    is_inline: bool,
) -> None:
    if chain.token is None:
        return
    commands = [COMMANDS[name]() for name in [*names, *([closing] if closing else [])]]
    chain.respond(
        *commands,
        sticky="sticky" if is_sticky else "",
        force_create_new_workflow_task=is_forced,
        return_new_workflow_task=is_inline,
    )


def poll(chain: Chain) -> None:
    task = chain.current.state.execution.workflow_task
    if task is not None and not task.is_started:
        chain.poll()


def fail_task(chain: Chain) -> None:
    if chain.token is not None:
        chain.fail_task()


def wake(chain: Chain) -> None:
    if chain.current.state.execution.is_open:
        deadline = chain.current.timers.earliest(chain.current.state)
        if deadline is not None:
            chain.wake()


def child_started(chain: Chain) -> None:
    run = chain.current
    for initiated_event_id in list(run.state.children):
        initiated = run.history[initiated_event_id - 1]
        chain.take(lambda step, event=initiated: record_child_started(step, event, RunId("run")))


PLAYS = {
    "signal": Chain.signal,
    "cancel": Chain.cancel,
    "poll": poll,
    "fail task": fail_task,
    "wake": wake,
    "known": child_started,
}
BEGIN = Chain().now


@given(
    actions=st.lists(ACTIONS, max_size=25),
    has_policy=st.booleans(),
    has_cron=st.booleans(),
    is_hurried=st.booleans(),
)
def test_the_invariants_hold(
    actions: list[object], has_policy: bool, has_cron: bool, is_hurried: bool
) -> None:
    chain = Chain(Limits(pending_children_max=2, signals_per_execution_max=4))
    chain.start(
        retry_policy=RetryPolicy(maximum_attempts=3) if has_policy else None,
        cron_schedule="@every 10s" if has_cron else "",
        workflow_run_timeout=span(30) if is_hurried else None,
        workflow_execution_timeout=span(100) if is_hurried else None,
    )
    for action in actions:
        try:
            play(chain, action)
        except (ServiceError, Refused):
            continue
    for run in chain.runs[:-1]:
        assert not run.state.execution.is_open
    ids = [run.seed.run_id for run in chain.runs]
    followers = [run.state.execution.successor_run_id for run in chain.runs]
    assert followers == [*ids[1:], ""]
    starts = [run.state.execution.execution_time for run in chain.runs]
    assert all(later - earlier >= 10**9 for earlier, later in pairwise(starts))
