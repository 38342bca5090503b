"""Resets: which workflow task to go back to, and what to apply again."""

from collections.abc import Iterable
from uuid import uuid4

from google.protobuf.empty_pb2 import Empty
from temporalio.api.batch.v1 import BatchOperationReset
from temporalio.api.common.v1 import ResetOptions, WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType, ResetReapplyType
from temporalio.api.workflow.v1 import PostResetOperation, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    ResetWorkflowExecutionRequest,
)

from indelible.cli.session import CommandFailedError, Session
from indelible.cli.values import ValueRefusedError
from indelible.cli.verbs.batches import batch_request, start_batch
from indelible.cli.verbs.histories import run_events
from indelible.cli.verbs.messages import enum_of, execution
from indelible.cli.verbs.steering import VERSIONING_MASK, versioning_override

_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
_SCHEDULED = EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED


async def reset(session: Session) -> None:
    """Go back in histories."""
    await _reset(session, ())


async def reset_with_options(session: Session) -> None:
    """Go back, and change the versioning of the new runs."""
    operation = PostResetOperation.UpdateWorkflowOptions(
        workflow_execution_options=WorkflowExecutionOptions(
            versioning_override=versioning_override(session)
        ),
        update_mask=VERSIONING_MASK,
    )
    await _reset(session, (PostResetOperation(update_workflow_options=operation),))


async def _reset(session: Session, afterwards: Iterable[PostResetOperation]) -> None:
    if session.options.workflow_id:
        await _reset_one(session, afterwards)
    else:
        await _reset_many(session, afterwards)


async def _reset_one(session: Session, afterwards: Iterable[PostResetOperation]) -> None:
    options = session.options
    if not options.type and not options.event_id:
        raise ValueRefusedError("one of --type and --event-id is required: back to where?")
    if options.type == "BuildId":
        raise ValueRefusedError("--type BuildId goes with --query, not with --workflow-id")
    reapplied, excluded = _reapply(session)
    wanted = execution(options)
    event_id = options.event_id or 0
    if options.type:
        wanted, event_id = await _place(session, wanted)
    session.output.say(f"Resetting workflow {wanted.workflow_id} to event {event_id}")
    answer = await session.workflows.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=session.namespace,
            workflow_execution=wanted,
            reason=options.reason,
            workflow_task_finish_event_id=event_id,
            request_id=str(uuid4()),
            reset_reapply_type=reapplied,
            reset_reapply_exclude_types=excluded,
            post_reset_operations=afterwards,
            identity=session.identity,
        )
    )
    session.output.message(answer)
    session.output.card({"RunId": answer.run_id})


async def _reset_many(session: Session, afterwards: Iterable[PostResetOperation]) -> None:
    options = session.options
    if not options.type or options.type == "LastContinuedAsNew":
        raise ValueRefusedError(
            "--query needs --type FirstWorkflowTask, LastWorkflowTask or BuildId"
        )
    if not options.query:
        raise ValueRefusedError("one of --workflow-id and --query is required")
    if options.run_id or options.event_id:
        raise ValueRefusedError("--run-id and --event-id go with --workflow-id, not with --query")
    if options.type == "BuildId" and not options.build_id:
        raise ValueRefusedError("--type BuildId needs --build-id")
    reapplied, excluded = _reapply(session)
    how = ResetOptions(reset_reapply_type=reapplied, reset_reapply_exclude_types=excluded)
    if options.type == "FirstWorkflowTask":
        how.first_workflow_task.CopyFrom(Empty())
    elif options.type == "LastWorkflowTask":
        how.last_workflow_task.CopyFrom(Empty())
    else:
        how.build_id = options.build_id
    request = await batch_request(session)
    request.reset_operation.CopyFrom(
        BatchOperationReset(
            identity=session.identity, options=how, post_reset_operations=afterwards
        )
    )
    await start_batch(session, request)


def _reapply(
    session: Session,
) -> tuple[ResetReapplyType.ValueType, list[ResetReapplyExcludeType.ValueType]]:
    options = session.options
    words: list[str] = options.reapply_exclude
    if options.reapply_type != "All":
        if words:
            raise ValueRefusedError("--reapply-type and --reapply-exclude exclude each other")
        number = enum_of(ResetReapplyType, options.reapply_type)
        return ResetReapplyType.ValueType(number), []
    every = [number for number in ResetReapplyExcludeType.values() if number]
    numbers = (
        every if "All" in words else [enum_of(ResetReapplyExcludeType, word) for word in words]
    )
    return (
        ResetReapplyType.RESET_REAPPLY_TYPE_ALL_ELIGIBLE,
        [ResetReapplyExcludeType.ValueType(number) for number in numbers],
    )


async def _place(session: Session, wanted: WorkflowExecution) -> tuple[WorkflowExecution, int]:
    """Return the run and the end of the workflow task that `--type` means."""
    if session.options.type == "LastContinuedAsNew":
        wanted = await _predecessor(session, wanted)
    scheduled = 0
    completed = 0
    is_first = session.options.type == "FirstWorkflowTask"
    async for event in run_events(session, wanted):
        if event.event_type == _COMPLETED and not (is_first and completed):
            completed = event.event_id
        if event.event_type == _SCHEDULED and not (is_first and scheduled):
            scheduled = event.event_id
    if not completed and not scheduled:
        raise CommandFailedError("the history has no workflow task to go back to")
    # A task that was never completed: the event after it was scheduled is its start.
    return wanted, completed or scheduled + 1


async def _predecessor(session: Session, wanted: WorkflowExecution) -> WorkflowExecution:
    answer = await session.workflows.get_workflow_execution_history(
        GetWorkflowExecutionHistoryRequest(
            namespace=session.namespace, execution=wanted, maximum_page_size=1
        )
    )
    first = answer.history.events[0].workflow_execution_started_event_attributes
    if not first.continued_execution_run_id:
        raise CommandFailedError("this workflow did not continue another run as new")
    return WorkflowExecution(
        workflow_id=wanted.workflow_id, run_id=first.continued_execution_run_id
    )
