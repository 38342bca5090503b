"""The choice that many commands have: one workflow, or a batch operation on what a query finds."""

from uuid import uuid4

from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    StartBatchOperationRequest,
)

from indelible.cli.session import Session
from indelible.cli.values import ValueRefusedError


def is_single(session: Session, *, allowed: tuple[str, ...] = ()) -> bool:
    """Return whether one workflow is meant, and not a query. Raises `ValueRefusedError`.

    `allowed` are options that mean something for one workflow as well.
    """
    options = session.options
    if options.workflow_id:
        if options.query:
            raise ValueRefusedError("--workflow-id and --query exclude each other")
        for name in ("reason", "yes", "rps"):
            if getattr(options, name) and name not in allowed:
                raise ValueRefusedError(f"--{name} goes with --query, not with --workflow-id")
        return True
    if not options.query:
        raise ValueRefusedError("one of --workflow-id and --query is required")
    if options.run_id:
        raise ValueRefusedError("--run-id goes with --workflow-id, not with --query")
    return False


async def batch_request(session: Session) -> StartBatchOperationRequest:
    """Return the request of a batch operation without its operation, after asking the person."""
    options = session.options
    question = f"Start a batch operation on what the query {options.query!r} finds?"
    if not options.yes:
        counted = await session.workflows.count_workflow_executions(
            CountWorkflowExecutionsRequest(namespace=session.namespace, query=options.query)
        )
        question = f"Start a batch operation on about {counted.count} workflows?"
    session.confirm(question)
    return StartBatchOperationRequest(
        namespace=session.namespace,
        job_id=str(uuid4()),
        visibility_query=options.query,
        reason=session.reason(),
        max_operations_per_second=getattr(options, "rps", None) or 0.0,
    )


async def start_batch(session: Session, request: StartBatchOperationRequest) -> None:
    """Start a batch operation and tell its id."""
    await session.workflows.start_batch_operation(request)
    session.output.document({"batchJobId": request.job_id})
    session.output.say(f"Started batch job {request.job_id}")
    session.output.say(f"  indelible batch describe --follow --job-id {request.job_id}")
