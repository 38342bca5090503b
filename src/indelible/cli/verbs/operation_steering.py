"""What is asked of Nexus operations without a workflow."""

from uuid import uuid4

from temporalio.api.workflowservice.v1 import (
    RequestCancelNexusOperationExecutionRequest,
    TerminateNexusOperationExecutionRequest,
)

from indelible.cli.session import Session


async def cancel(session: Session) -> None:
    """Ask an operation to cancel."""
    options = session.options
    await session.workflows.request_cancel_nexus_operation_execution(
        RequestCancelNexusOperationExecutionRequest(
            namespace=session.namespace,
            operation_id=options.operation_id,
            run_id=options.run_id or "",
            identity=session.identity,
            request_id=str(uuid4()),
            reason=options.reason or "",
        )
    )
    session.output.say("Cancellation requested")


async def terminate(session: Session) -> None:
    """End an operation at once."""
    options = session.options
    await session.workflows.terminate_nexus_operation_execution(
        TerminateNexusOperationExecutionRequest(
            namespace=session.namespace,
            operation_id=options.operation_id,
            run_id=options.run_id or "",
            identity=session.identity,
            request_id=str(uuid4()),
            reason=session.reason(),
        )
    )
    session.output.say("Operation terminated")
