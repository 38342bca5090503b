"""Who called an update as an operation is told how it ends."""

import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Callback, Payload, Payloads
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Outcome, Request
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest

from indelible.base.calls import CallState
from indelible.base.nexus_operations import OperationEnd, OperationFailed, OperationSucceeded
from indelible.engine.workflow.requests.admit_update import admit_update
from indelible.engine.workflow.requests.record_callback_result import record_callback_result
from indelible.engine.workflow.requests.respond_workflow_task_completed import (
    CompletionSources,
    respond_workflow_task_completed,
)
from indelible.engine.workflow.rules.callbacks import CLOSED_BEFORE_ANSWER, update_end
from indelible.engine.workflow.rules.updates import AdmittedUpdate, join_update
from tests.engine.workflow.chain import WORKER, Chain, timer
from tests.engine.workflow.test_updates import SENT, acceptance, asked, rejection, response

BOOM = Failure(message="boom")
FIRST = Payload(data=b"first")


def completed(outcome: Outcome) -> HistoryEvent:
    event = HistoryEvent(event_id=9)
    event.workflow_execution_update_completed_event_attributes.outcome.CopyFrom(outcome)
    return event


@pytest.mark.parametrize(
    ("event", "end"),
    [
        (
            completed(Outcome(success=Payloads(payloads=[FIRST, Payload(data=b"second")]))),
            OperationSucceeded(result=FIRST),
        ),
        (completed(Outcome(success=Payloads())), OperationSucceeded(result=None)),
        (completed(Outcome(failure=BOOM)), OperationFailed(failure=BOOM)),
        (None, OperationFailed(failure=CLOSED_BEFORE_ANSWER)),
    ],
)
def test_what_is_told(event: HistoryEvent | None, end: OperationEnd) -> None:
    assert update_end(event) == end


def called() -> Request:
    """Return an update that somebody called as an operation."""
    request = asked(SENT)
    request.request_id = "request"
    callback = request.completion_callbacks.add(nexus=Callback.Nexus(url="temporal://system"))
    callback.links.add().workflow_event.workflow_id = "caller"
    request.links.add().workflow_event.workflow_id = "other"
    return request


def joining(request_id: str) -> Request:
    """Return the same update, asked for by somebody else."""
    request = asked(SENT)
    request.request_id = request_id
    request.completion_callbacks.add(nexus=Callback.Nexus(url="temporal://system"))
    return request


def settle(
    chain: Chain, *commands: Command, said: list[Message], joined: tuple[Request, ...] = ()
) -> None:
    """Complete the workflow task that brought the update."""
    assert chain.token is not None
    token = chain.token
    request = RespondWorkflowTaskCompletedRequest(commands=commands, identity=WORKER, messages=said)
    sources = CompletionSources(
        find_namespace=lambda _: None,
        refuse_search_attributes=lambda _: None,
        start_event=None,
        updates={SENT: AdmittedUpdate(request=called(), is_sent=True, joined=joined)},
    )
    chain.take(lambda step: respond_workflow_task_completed(step, request, token, sources))


@pytest.fixture
def chain() -> Chain:
    """A run whose worker has been given the update."""
    chain = Chain()
    chain.start()
    chain.work(timer())
    chain.take(lambda step: admit_update(step, called(), {}, may_speculate=True))
    chain.poll()
    return chain


def states(chain: Chain) -> list[tuple[str, CallState]]:
    callbacks = chain.current.state.callbacks.values()
    return [(record.update_id, record.call.state) for record in callbacks]


def test_a_callback_waits_for_the_answer_of_its_update(chain: Chain) -> None:
    settle(chain, said=[acceptance()])
    assert states(chain) == [(SENT, CallState.WAITING)]
    chain.signal()
    chain.poll()
    settle(chain, said=[response()])
    assert states(chain) == [(SENT, CallState.SCHEDULED)]
    assert chain.current.state.execution.is_open


def test_the_accepted_event_points_to_the_caller(chain: Chain) -> None:
    settle(chain, said=[acceptance()])
    name = "workflow_execution_update_accepted_event_attributes"
    (accepted,) = [event for event in chain.current.history if event.HasField(name)]
    assert [link.workflow_event.workflow_id for link in accepted.links] == ["other", "caller"]


def test_an_answer_at_once_is_told_at_once(chain: Chain) -> None:
    settle(chain, said=[acceptance(), response()])
    assert states(chain) == [(SENT, CallState.SCHEDULED)]


def test_a_rejected_update_leaves_no_callback(chain: Chain) -> None:
    settle(chain, said=[rejection()])
    assert states(chain) == []


def test_the_end_of_the_run_is_told_too(chain: Chain) -> None:
    settle(chain, said=[acceptance()])
    chain.terminate()
    assert states(chain) == [(SENT, CallState.SCHEDULED)]


def test_a_call_that_failed_is_repeated_while_the_run_goes_on(chain: Chain) -> None:
    settle(chain, said=[acceptance(), response()])
    (callback_id,) = chain.current.state.callbacks
    chain.take(lambda step: record_callback_result(step, callback_id, 1, BOOM, is_retryable=True))
    assert states(chain) == [(SENT, CallState.BACKING_OFF)]
    chain.wake()
    assert states(chain) == [(SENT, CallState.SCHEDULED)]


def joined_requests(chain: Chain) -> list[str]:
    return [
        one.attached_request_id
        for event in chain.current.history
        for one in event.workflow_execution_options_updated_event_attributes.workflow_update_options
    ]


def test_whoever_joins_before_the_acceptance_is_written_behind_it(chain: Chain) -> None:
    settle(chain, said=[acceptance()], joined=(joining("second"), joining("third")))
    assert joined_requests(chain) == ["second", "third"]
    assert states(chain) == [(SENT, CallState.WAITING)] * 3


def test_a_request_joins_once(chain: Chain) -> None:
    settle(chain, said=[acceptance()], joined=(joining("second"),))
    chain.take(lambda step: join_update(step, joining("second")))
    chain.take(lambda step: join_update(step, joining("request")))
    assert joined_requests(chain) == ["second"]


def test_who_joins_while_the_answer_is_on_its_way_is_called_too(chain: Chain) -> None:
    settle(chain, said=[acceptance()])
    chain.signal()
    chain.poll()
    chain.take(lambda step: join_update(step, joining("late")))
    settle(chain, said=[response()])
    assert states(chain) == [(SENT, CallState.SCHEDULED)] * 2
    assert joined_requests(chain) == ["late"]


def test_a_rejection_forgets_who_joined(chain: Chain) -> None:
    settle(chain, said=[rejection()], joined=(joining("second"),))
    assert (states(chain), joined_requests(chain)) == ([], [])
