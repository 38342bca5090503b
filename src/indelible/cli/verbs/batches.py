"""The choice that many commands have: a single one, or a batch operation on what a query finds."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import uuid4

import msgspec
from temporalio.api.workflowservice.v1 import (
    CountActivityExecutionsRequest,
    CountWorkflowExecutionsRequest,
    StartBatchOperationRequest,
)

from indelible.cli.session import Session
from indelible.cli.values import ValueRefusedError


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a command is about, one by one or many at once."""

    name: str
    plural: str
    count: Callable[[Session, str], Awaitable[int]]
    """How many a query finds."""


async def _workflow_count(session: Session, query: str) -> int:
    request = CountWorkflowExecutionsRequest(namespace=session.namespace, query=query)
    return (await session.workflows.count_workflow_executions(request)).count


async def _activity_count(session: Session, query: str) -> int:
    request = CountActivityExecutionsRequest(namespace=session.namespace, query=query)
    return (await session.workflows.count_activity_executions(request)).count


WORKFLOWS: Final = Subject(name="workflow", plural="workflows", count=_workflow_count)
ACTIVITIES: Final = Subject(name="activity", plural="activities", count=_activity_count)


def is_single(
    session: Session, subject: Subject = WORKFLOWS, *, allowed: tuple[str, ...] = ()
) -> bool:
    """Return whether one is meant, and not a query. Raises `ValueRefusedError`.

    `allowed` are options that mean something for a single one as well.
    """
    options = session.options
    if getattr(options, f"{subject.name}_id"):
        if options.query:
            raise ValueRefusedError(f"--{subject.name}-id and --query exclude each other")
        for name in ("reason", "yes", "rps"):
            if getattr(options, name) and name not in allowed:
                raise ValueRefusedError(f"--{name} goes with --query, not with --{subject.name}-id")
        return True
    if not options.query:
        raise ValueRefusedError(f"one of --{subject.name}-id and --query is required")
    if options.run_id:
        raise ValueRefusedError(f"--run-id goes with --{subject.name}-id, not with --query")
    return False


async def batch_request(
    session: Session, subject: Subject = WORKFLOWS
) -> StartBatchOperationRequest:
    """Return the request of a batch operation without its operation, after asking the person."""
    options = session.options
    question = f"Start a batch operation on what the query {options.query!r} finds?"
    if not options.yes:
        count = await subject.count(session, options.query)
        question = f"Start a batch operation on about {count} {subject.plural}?"
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
