"""Updates: what a worker's messages do, and workflow tasks that need not have happened."""

from collections.abc import Mapping
from typing import Any, Final

import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.failure.v1 import Failure
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Acceptance, Input, Meta, Outcome, Rejection, Request, Response
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest

from indelible.base.errors import (
    FailedPreconditionError,
    NotFoundError,
    ResourceExhaustedError,
)
from indelible.base.ids import UNASSIGNED_EVENT_ID
from indelible.base.limits import Limits
from indelible.engine.workflow.commands.outcome import Refusal
from indelible.engine.workflow.requests.admit_update import admit_update
from indelible.engine.workflow.requests.respond_workflow_task_completed import (
    CompletionReply,
    CompletionSources,
    respond_workflow_task_completed,
)
from indelible.engine.workflow.rules.updates import UNPROCESSED, AdmittedUpdate
from tests.engine.workflow.chain import WORKER, Chain, command, complete, payloads, timer

SENT: Final = "u"
CAN_REPEAT: Final = RespondWorkflowTaskCompletedRequest.Capabilities(
    discard_speculative_workflow_task_with_events=True
)
"""Of a worker that takes the same events twice."""


def asked(update_id: str) -> Request:
    """Return what a client asks."""
    return Request(meta=Meta(update_id=update_id), input=Input(name="do"))


def message(update_id: str, body: Any) -> Message:
    """Return what a worker says about an update."""
    made = Message(id=f"{update_id}-{type(body).__name__}", protocol_instance_id=update_id)
    made.body.Pack(body)
    return made


def acceptance(update_id: str = SENT, **fields: Any) -> Message:
    """Return the message that accepts an update."""
    fields.setdefault("accepted_request_message_id", f"{update_id}/request")
    fields.setdefault("accepted_request_sequencing_event_id", 5)
    return message(update_id, Acceptance(**fields))


def response(update_id: str = SENT) -> Message:
    """Return the message that answers an update."""
    outcome = Outcome(success=payloads("done"))
    return message(update_id, Response(meta=Meta(update_id=update_id), outcome=outcome))


def rejection(update_id: str = SENT, **fields: Any) -> Message:
    """Return the message that rejects an update."""
    return message(update_id, Rejection(failure=Failure(message="no"), **fields))


def refer_to(said: Message) -> Command:
    """Return the command that gives a message its place."""
    return command("protocol_message", message_id=said.id)


def admit(
    chain: Chain,
    admitted: Mapping[str, AdmittedUpdate] | None = None,
    *,
    may_speculate: bool = True,
) -> None:
    """Let an update come in."""
    chain.take(
        lambda step: admit_update(step, asked(SENT), admitted or {}, may_speculate=may_speculate)
    )


def answer(
    chain: Chain,
    *commands: Command,
    said: list[Message],
    sent: tuple[str, ...] = (SENT,),
    **rest: Any,
) -> CompletionReply:
    """Complete the started workflow task, which brought updates."""
    assert chain.token is not None
    token = chain.token
    request = RespondWorkflowTaskCompletedRequest(
        commands=commands, identity=WORKER, messages=said, **rest
    )
    sources = CompletionSources(
        find_namespace=lambda _: None,
        refuse_search_attributes=lambda _: None,
        start_event=None,
        updates={
            update_id: AdmittedUpdate(request=asked(update_id), is_sent=True) for update_id in sent
        },
    )
    return chain.take(lambda step: respond_workflow_task_completed(step, request, token, sources))


@pytest.fixture
def chain() -> Chain:
    """A run that has had one workflow task, and now an update."""
    chain = Chain()
    chain.start()
    chain.work(timer())
    return chain


@pytest.fixture
def asked_chain(chain: Chain) -> Chain:
    """The same, with the update at its worker."""
    admit(chain)
    chain.poll()
    return chain


def test_a_speculative_task_is_no_event(chain: Chain) -> None:
    before = chain.current.lines()
    admit(chain)
    task = chain.current.state.execution.workflow_task
    assert task is not None
    assert task.is_speculative
    assert task.scheduled_event_id == len(before) + 1
    assert chain.current.state.execution.stored_form.workflow_task is None
    assert not chain.current.queued
    chain.poll()
    assert chain.current.lines() == before


def test_a_rejection_leaves_no_trace(asked_chain: Chain) -> None:
    before = asked_chain.current.lines()
    reply = answer(asked_chain, said=[rejection()], capabilities=CAN_REPEAT)
    assert asked_chain.current.lines() == before
    assert asked_chain.current.state.execution.workflow_task is None
    assert reply.rejected_updates[SENT].message == "no"
    assert reply.reset_history_event_id == 3


def test_a_worker_that_takes_no_event_twice_keeps_its_task(asked_chain: Chain) -> None:
    since = len(asked_chain.current.history) + 1
    reply = answer(asked_chain, said=[rejection()])
    assert asked_chain.current.lines(since) == [
        "6 WorkflowTaskScheduled",
        "7 WorkflowTaskStarted",
        "8 WorkflowTaskCompleted",
    ]
    assert reply.rejected_updates[SENT].message == "no"
    assert reply.reset_history_event_id == UNASSIGNED_EVENT_ID


def test_an_accepted_update_writes_the_task_that_brought_it(asked_chain: Chain) -> None:
    since = len(asked_chain.current.history) + 1
    reply = answer(asked_chain, said=[acceptance(), response()])
    assert asked_chain.current.lines(since) == [
        "6 WorkflowTaskScheduled",
        "7 WorkflowTaskStarted",
        "8 WorkflowTaskCompleted",
        "9 WorkflowExecutionUpdateAccepted",
        "10 WorkflowExecutionUpdateCompleted",
    ]
    accepted = asked_chain.current.event("WorkflowExecutionUpdateAccepted")
    assert accepted.accepted_request == asked(SENT)
    assert reply.settled_updates == (SENT, SENT)
    assert reply.reset_history_event_id == UNASSIGNED_EVENT_ID


def test_commands_give_messages_their_place(asked_chain: Chain) -> None:
    since = len(asked_chain.current.history) + 4
    first, second = acceptance(), response()
    answer(
        asked_chain, refer_to(first), timer("a"), refer_to(second), timer("b"), said=[first, second]
    )
    assert asked_chain.current.lines(since) == [
        "9 WorkflowExecutionUpdateAccepted",
        "10 TimerStarted",
        "11 WorkflowExecutionUpdateCompleted",
        "12 TimerStarted",
    ]


def test_a_signal_makes_a_normal_task_of_a_speculative_one(chain: Chain) -> None:
    since = len(chain.current.history) + 1
    admit(chain)
    chain.signal()
    assert chain.current.lines(since) == ["6 WorkflowTaskScheduled", "7 WorkflowExecutionSignaled"]
    assert len(chain.current.queued) == 1
    chain.poll()
    answer(chain, said=[rejection()])
    assert chain.current.lines(since + 2) == ["8 WorkflowTaskStarted", "9 WorkflowTaskCompleted"]


def test_a_signal_for_a_started_speculative_task_is_held_back(asked_chain: Chain) -> None:
    since = len(asked_chain.current.history) + 1
    asked_chain.signal()
    assert asked_chain.current.lines(since) == ["6 WorkflowTaskScheduled", "7 WorkflowTaskStarted"]
    answer(asked_chain, said=[rejection()])
    assert asked_chain.current.lines(since + 2) == [
        "8 WorkflowTaskCompleted",
        "9 WorkflowExecutionSignaled",
        "10 WorkflowTaskScheduled",
    ]


def test_a_speculative_task_that_gets_lost_is_followed_by_a_normal_one(chain: Chain) -> None:
    since = len(chain.current.history) + 1
    admit(chain)
    assert chain.wake()
    assert chain.current.lines(since) == [
        "6 WorkflowTaskScheduled",
        "7 WorkflowTaskTimedOut",
        "8 WorkflowTaskScheduled",
    ]
    assert len(chain.current.queued) == 1


def test_a_terminated_run_forgets_a_task_that_nobody_has(chain: Chain) -> None:
    since = len(chain.current.history) + 1
    admit(chain)
    chain.terminate()
    assert chain.current.lines(since) == ["6 WorkflowExecutionTerminated"]


def test_a_terminated_run_fails_the_task_that_a_worker_has(asked_chain: Chain) -> None:
    since = len(asked_chain.current.history) + 1
    asked_chain.terminate()
    assert asked_chain.current.lines(since) == [
        "6 WorkflowTaskScheduled",
        "7 WorkflowTaskStarted",
        "8 WorkflowTaskFailed",
        "9 WorkflowExecutionTerminated",
    ]


def test_what_the_worker_does_not_answer_is_rejected(asked_chain: Chain) -> None:
    reply = answer(asked_chain, said=[])
    assert reply.rejected_updates == {SENT: UNPROCESSED}


def test_a_heartbeat_leaves_updates_at_the_worker(asked_chain: Chain) -> None:
    reply = answer(asked_chain, said=[], force_create_new_workflow_task=True)
    assert not reply.rejected_updates
    assert reply.is_heartbeat
    task = asked_chain.current.state.execution.workflow_task
    assert task is not None
    assert not task.is_speculative


def test_a_run_closes_over_updates_that_it_has_not_answered(asked_chain: Chain) -> None:
    reply = answer(asked_chain, complete(), said=[])
    assert not asked_chain.current.state.execution.is_open
    assert not reply.rejected_updates


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(response(), id="answer before acceptance"),
        pytest.param(acceptance("unknown"), id="unknown update"),
        pytest.param(rejection("unknown"), id="unknown update rejected"),
        pytest.param(acceptance(accepted_request_message_id=""), id="no message id"),
        pytest.param(acceptance(accepted_request_sequencing_event_id=0), id="no sequence"),
        pytest.param(Message(id="m", protocol_instance_id=SENT), id="no body"),
        pytest.param(message(SENT, asked(SENT)), id="not a worker's message"),
        pytest.param(message(SENT, Failure()), id="another protocol"),
    ],
)
def test_a_bad_message_refuses_the_completion(asked_chain: Chain, said: Message) -> None:
    assert isinstance(answer(asked_chain, said=[said]).refusal, Refusal)


def test_a_forgotten_update_comes_back_with_its_request(asked_chain: Chain) -> None:
    said = acceptance("lost", accepted_request=asked("lost"))
    answer(asked_chain, said=[said, rejection("gone", rejected_request=asked("gone"))], sent=())
    accepted = asked_chain.current.event("WorkflowExecutionUpdateAccepted")
    assert accepted.accepted_request == asked("lost")
    assert list(asked_chain.current.state.updates) == ["lost"]


def test_without_a_poller_the_task_is_a_normal_one(chain: Chain) -> None:
    admit(chain, may_speculate=False)
    assert chain.current.lines()[-1] == "6 WorkflowTaskScheduled"


def test_limits_of_updates() -> None:
    chain = Chain(Limits(updates_in_flight_max=2, updates_per_execution_max=3))
    chain.start()
    waiting = {name: AdmittedUpdate(request=asked(name)) for name in ("a", "b")}
    with pytest.raises(ResourceExhaustedError):
        admit(chain, waiting)
    chain.poll()
    names = ("a", "b", "c")
    said = [make(name) for name in names for make in (acceptance, response)]
    answer(chain, said=said, sent=names)
    with pytest.raises(FailedPreconditionError):
        admit(chain)


def test_a_large_update_is_refused() -> None:
    chain = Chain(Limits(updates_in_flight_bytes_max=10))
    chain.start()
    with pytest.raises(ResourceExhaustedError):
        admit(chain, {"a": AdmittedUpdate(request=asked("a"))})


def test_a_closed_run_takes_no_update(chain: Chain) -> None:
    chain.terminate()
    with pytest.raises(NotFoundError):
        admit(chain)


def test_many_updates_suggest_to_continue_as_new() -> None:
    chain = Chain(Limits(updates_per_execution_max=2, updates_in_flight_max=0))
    chain.start()
    chain.poll()
    answer(chain, said=[acceptance("a"), acceptance("b")], sent=("a", "b"))
    chain.signal()
    chain.poll()
    assert chain.current.event("WorkflowTaskStarted").suggest_continue_as_new
