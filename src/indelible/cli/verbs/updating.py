"""Updates: sent, looked at, waited for."""

from uuid import uuid4

from temporalio.api.common.v1 import Header
from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage
from temporalio.api.failure.v1 import Failure
from temporalio.api.update.v1 import Input, Meta, Outcome, Request, UpdateRef, WaitPolicy
from temporalio.api.workflowservice.v1 import (
    PollWorkflowExecutionUpdateRequest,
    PollWorkflowExecutionUpdateResponse,
    UpdateWorkflowExecutionRequest,
    UpdateWorkflowExecutionResponse,
)

from indelible.cli.session import CommandFailedError, Session
from indelible.cli.values import Json
from indelible.cli.verbs.messages import execution, short_name
from indelible.cli.verbs.payloads import failure_text, header, input_payloads, value_of_all

_Stage = UpdateWorkflowExecutionLifecycleStage
_ACCEPTED = _Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
_COMPLETED = _Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED


async def start(session: Session) -> None:
    """Send an update and wait until it is accepted."""
    answer = await _sent(session, _ACCEPTED)
    if answer.outcome.HasField("failure"):
        raise failed_update(answer.outcome)
    session.output.record({"name": session.options.name, "updateId": answer.update_ref.update_id})


async def execute(session: Session) -> None:
    """Send an update and wait for its result."""
    answer = await _sent(session, _COMPLETED)
    outcome = answer.outcome
    if answer.stage < _COMPLETED:
        outcome = (await _polled(session, answer.update_ref, _COMPLETED)).outcome
    if outcome.HasField("failure"):
        raise failed_update(outcome)
    session.output.record(
        {
            "name": session.options.name,
            "updateId": answer.update_ref.update_id,
            "result": value_of_all(outcome.success),
        }
    )


async def result(session: Session) -> None:
    """Wait for the result of an update."""
    answer = await _polled(session, _reference(session), _COMPLETED)
    record: dict[str, Json] = {"updateId": session.options.update_id}
    if answer.outcome.HasField("failure"):
        record["failure"] = _shown_failure(session, answer.outcome.failure)
        session.output.record(record)
        raise CommandFailedError("the update failed")
    record["result"] = value_of_all(answer.outcome.success)
    session.output.record(record)


async def describe(session: Session) -> None:
    """Show how far an update is."""
    answer = await session.workflows.poll_workflow_execution_update(
        PollWorkflowExecutionUpdateRequest(
            namespace=session.namespace,
            update_ref=_reference(session),
            identity=session.identity,
        )
    )
    record: dict[str, Json] = {"updateId": session.options.update_id}
    if answer.outcome.HasField("success"):
        record["result"] = value_of_all(answer.outcome.success)
    if answer.outcome.HasField("failure"):
        failure = answer.outcome.failure
        record["failure"] = (
            session.output.json_of(failure) if session.output.is_json else failure.message
        )
    record["stage"] = short_name(_Stage, answer.stage)
    session.output.record(record)


def failed_update(outcome: Outcome) -> CommandFailedError:
    """Return the error for an update that failed or was rejected."""
    return CommandFailedError(f"the update failed: {failure_text(outcome.failure)}")


def _shown_failure(session: Session, failure: Failure) -> Json:
    if not session.output.is_json:
        return failure.message
    kind = failure.application_failure_info.type
    shown: dict[str, Json] = {"message": failure.message}
    if kind:
        shown["message"] = f"{failure.message} (type: {kind}, retryable: {_retryable(failure)})"
        shown["type"] = kind
    details = value_of_all(failure.application_failure_info.details)
    return {**shown, "details": details} if details is not None else shown


def _retryable(failure: Failure) -> str:
    return "false" if failure.application_failure_info.non_retryable else "true"


async def _sent(session: Session, stage: _Stage.ValueType) -> UpdateWorkflowExecutionResponse:
    options = session.options
    request = UpdateWorkflowExecutionRequest(
        namespace=session.namespace,
        workflow_execution=execution(options),
        first_execution_run_id=options.first_execution_run_id or "",
        wait_policy=WaitPolicy(lifecycle_stage=stage),
        request=Request(
            meta=Meta(update_id=options.update_id or str(uuid4()), identity=session.identity),
            input=Input(
                header=header(options.headers) if options.headers else Header(),
                name=options.name,
                args=input_payloads(options),
            ),
        ),
    )
    while True:
        # The server answers after its long poll in any case, then it is asked again.
        answer = await session.workflows.update_workflow_execution(request)
        if answer.stage >= _ACCEPTED:
            return answer


def _reference(session: Session) -> UpdateRef:
    options = session.options
    return UpdateRef(workflow_execution=execution(options), update_id=options.update_id)


async def _polled(
    session: Session, reference: UpdateRef, stage: _Stage.ValueType
) -> PollWorkflowExecutionUpdateResponse:
    request = PollWorkflowExecutionUpdateRequest(
        namespace=session.namespace,
        update_ref=reference,
        identity=session.identity,
        wait_policy=WaitPolicy(lifecycle_stage=stage),
    )
    while True:
        answer = await session.workflows.poll_workflow_execution_update(request)
        if answer.stage >= stage:
            return answer
