"""What is asked of activities without a workflow, and answers in place of a worker."""

from uuid import uuid4

from temporalio.api.batch.v1 import (
    BatchOperationCancelActivities,
    BatchOperationDeleteActivities,
    BatchOperationTerminateActivities,
)
from temporalio.api.common.v1 import Payloads
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.workflowservice.v1 import (
    DeleteActivityExecutionRequest,
    RequestCancelActivityExecutionRequest,
    RespondActivityTaskCompletedByIdRequest,
    RespondActivityTaskFailedByIdRequest,
    TerminateActivityExecutionRequest,
)

from indelible.cli.session import Session
from indelible.cli.verbs.batches import ACTIVITIES, batch_request, is_single, start_batch
from indelible.cli.verbs.payloads import written_payload


async def cancel(session: Session) -> None:
    """Ask activities to cancel."""
    options = session.options
    if is_single(session, ACTIVITIES, allowed=("reason",)):
        await session.workflows.request_cancel_activity_execution(
            RequestCancelActivityExecutionRequest(
                namespace=session.namespace,
                activity_id=options.activity_id,
                run_id=options.run_id or "",
                identity=session.identity,
                request_id=str(uuid4()),
                reason=options.reason or "",
            )
        )
        session.output.say("Cancellation requested")
        return
    request = await batch_request(session, ACTIVITIES)
    request.cancel_activities_operation.CopyFrom(
        BatchOperationCancelActivities(identity=session.identity, reason=options.reason or "")
    )
    await start_batch(session, request)


async def terminate(session: Session) -> None:
    """End activities at once."""
    options = session.options
    if is_single(session, ACTIVITIES, allowed=("reason",)):
        await session.workflows.terminate_activity_execution(
            TerminateActivityExecutionRequest(
                namespace=session.namespace,
                activity_id=options.activity_id,
                run_id=options.run_id or "",
                identity=session.identity,
                request_id=str(uuid4()),
                reason=session.reason(),
            )
        )
        session.output.say("Activity terminated")
        return
    request = await batch_request(session, ACTIVITIES)
    request.terminate_activities_operation.CopyFrom(
        BatchOperationTerminateActivities(identity=session.identity, reason=session.reason())
    )
    await start_batch(session, request)


async def delete(session: Session) -> None:
    """Delete activities."""
    options = session.options
    if is_single(session, ACTIVITIES, allowed=("reason", "yes")):
        session.confirm(f"Delete activity {options.activity_id}?")
        await session.workflows.delete_activity_execution(
            DeleteActivityExecutionRequest(
                namespace=session.namespace,
                activity_id=options.activity_id,
                run_id=options.run_id or "",
            )
        )
        session.output.say("Activity deleted")
        return
    request = await batch_request(session, ACTIVITIES)
    request.delete_activities_operation.CopyFrom(BatchOperationDeleteActivities())
    await start_batch(session, request)


# --------------------------------------------------------------------- in place of the worker
async def complete(session: Session) -> None:
    """Complete an activity."""
    options = session.options
    await session.workflows.respond_activity_task_completed_by_id(
        RespondActivityTaskCompletedByIdRequest(
            namespace=session.namespace,
            workflow_id=options.workflow_id or "",
            run_id=options.run_id or "",
            activity_id=options.activity_id,
            result=Payloads(payloads=[written_payload(options.result, "--result")]),
            identity=session.identity,
        )
    )
    session.output.say("Activity completed")


async def fail(session: Session) -> None:
    """Fail an activity."""
    options = session.options
    details = [written_payload(options.detail, "--detail")] if options.detail else []
    await session.workflows.respond_activity_task_failed_by_id(
        RespondActivityTaskFailedByIdRequest(
            namespace=session.namespace,
            workflow_id=options.workflow_id or "",
            run_id=options.run_id or "",
            activity_id=options.activity_id,
            failure=Failure(
                message=options.reason or "",
                source="CLI",
                application_failure_info=ApplicationFailureInfo(
                    non_retryable=True, details=Payloads(payloads=details) if details else None
                ),
            ),
            identity=session.identity,
        )
    )
    session.output.say("Activity failed")
