"""Lists and counts, page by page.

Owns the paging that every list has: JSON one by one, tables one a page, never more than `--limit`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from google.protobuf.message import Message
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    CountActivityExecutionsResponse,
    CountNexusOperationExecutionsResponse,
    CountWorkflowExecutionsRequest,
    CountWorkflowExecutionsResponse,
    ListArchivedWorkflowExecutionsRequest,
    ListWorkflowExecutionsRequest,
)

from indelible.cli.output import Output, Shown
from indelible.cli.session import Session
from indelible.cli.verbs.messages import status_text, when
from indelible.cli.verbs.payloads import value_of

Item = TypeVar("Item", bound=Message)
PAGE_MAX = 1_000


async def list_workflows(session: Session) -> None:
    """List workflows."""
    options = session.options

    async def page(token: bytes) -> tuple[Iterable[WorkflowExecutionInfo], bytes]:
        if options.archived:
            archived = await session.workflows.list_archived_workflow_executions(
                ListArchivedWorkflowExecutionsRequest(
                    namespace=session.namespace,
                    query=options.query or "",
                    page_size=page_size(session),
                    next_page_token=token,
                )
            )
            return archived.executions, archived.next_page_token
        answer = await session.workflows.list_workflow_executions(
            ListWorkflowExecutionsRequest(
                namespace=session.namespace,
                query=options.query or "",
                page_size=page_size(session),
                next_page_token=token,
            )
        )
        return answer.executions, answer.next_page_token

    def row(run: WorkflowExecutionInfo) -> Sequence[Shown]:
        return (
            status_text(session.output, WorkflowExecutionStatus, run.status),
            run.execution.workflow_id,
            run.type.name,
            when(run.start_time),
        )

    await print_list(session, page, ("Status", "WorkflowId", "Type", "StartTime"), row)


async def count_workflows(session: Session) -> None:
    """Count workflows."""
    answer = await session.workflows.count_workflow_executions(
        CountWorkflowExecutionsRequest(
            namespace=session.namespace, query=session.options.query or ""
        )
    )
    print_count(session.output, answer)


# ------------------------------------------------------------------------------ for every list
def page_size(session: Session) -> int:
    """Return how many to ask for at once; 0 lets the server decide."""
    limit = session.options.limit or 0
    size: int = getattr(session.options, "page_size", None) or 0
    return limit if limit and (not size or limit < size) and limit < PAGE_MAX else size


async def pages(
    page: Callable[[bytes], Awaitable[tuple[Iterable[Item], bytes]]], limit: int
) -> AsyncIterator[list[Item]]:
    """Yield page after page, together never more than `limit` items; 0 means all."""
    token = b""
    count = 0
    while True:
        items, token = await page(token)
        kept = list(items)[: limit - count] if limit else list(items)
        count += len(kept)
        if kept:
            yield kept
        if not token or (limit and count >= limit):
            return


async def print_list(
    session: Session,
    page: Callable[[bytes], Awaitable[tuple[Iterable[Item], bytes]]],
    headings: Sequence[str],
    row: Callable[[Item], Sequence[Shown]],
) -> None:
    """Print a list in the form that was asked for."""
    output = session.output
    has_head = True
    with output.listing():
        async for items in pages(page, session.options.limit or 0):
            for item in items:
                output.message(item)
            output.table(headings, map(row, items), has_head=has_head)
            has_head = False


def print_count(
    output: Output,
    answer: CountWorkflowExecutionsResponse
    | CountActivityExecutionsResponse
    | CountNexusOperationExecutionsResponse,
) -> None:
    """Print a count with its groups."""
    for group in answer.groups:
        for value in group.group_values:
            # The type would keep the value from being written short.
            value.metadata.pop("type", None)
    output.message(answer)
    output.say(f"Total: {answer.count}")
    for group in answer.groups:
        values = ", ".join(str(value_of(value)) for value in group.group_values)
        output.say(f"  {group.count:>8}  {values}")
