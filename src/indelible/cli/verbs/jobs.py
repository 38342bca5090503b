"""Batch jobs: how far they are, and their end."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from temporalio.api.batch.v1 import BatchOperationInfo
from temporalio.api.enums.v1 import BatchOperationState, BatchOperationType
from temporalio.api.workflowservice.v1 import (
    DescribeBatchOperationRequest,
    DescribeBatchOperationResponse,
    ListBatchOperationsRequest,
    StopBatchOperationRequest,
)

from indelible.cli.output import Color, Output
from indelible.cli.session import Session
from indelible.cli.verbs.listing import page_size, print_list
from indelible.cli.verbs.messages import short_name, status_text, when

_SECONDS_BETWEEN_LOOKS: Final = 0.5
_BAR_WIDTH: Final = 40
_FAILED: Final = 1


async def describe(session: Session) -> int:
    """Show how far a job is. Followed, the exit code tells whether it completed."""
    options, output = session.options, session.output
    answer = await _asked(session)
    drawn = 0
    while options.follow and answer.state == BatchOperationState.BATCH_OPERATION_STATE_RUNNING:
        if output.is_live:
            drawn = output.overwrite([_bar(output, answer)], drawn)
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        answer = await _asked(session)
    if drawn:
        output.overwrite([_bar(output, answer)], drawn, is_last=True)
    output.now = datetime.now(UTC)  # It has been followed: the end lies before the moment, too.
    output.message(answer)
    total = answer.total_operation_count
    output.card(
        {
            "Type": short_name(BatchOperationType, answer.operation_type),
            "State": status_text(output, BatchOperationState, answer.state),
            "StartTime": when(answer.start_time),
            "CloseTime": when(answer.close_time),
            "CompletedCount": f"{answer.complete_operation_count}/{total}",
            "FailureCount": f"{answer.failure_operation_count}/{total}",
            "Identity": answer.identity,
            "Reason": answer.reason,
        }
    )
    is_failed = answer.state == BatchOperationState.BATCH_OPERATION_STATE_FAILED
    return _FAILED if options.follow and is_failed else 0


async def _asked(session: Session) -> DescribeBatchOperationResponse:
    return await session.workflows.describe_batch_operation(
        DescribeBatchOperationRequest(namespace=session.namespace, job_id=session.options.job_id)
    )


def _bar(output: Output, answer: DescribeBatchOperationResponse) -> str:
    total = answer.total_operation_count
    over = answer.complete_operation_count + answer.failure_operation_count
    filled = _BAR_WIDTH * over // total if total else 0
    bar = output.colored("█" * filled, Color.GREEN) + "░" * (_BAR_WIDTH - filled)
    failed = answer.failure_operation_count
    told = f", {output.colored(f'{failed} failed', Color.RED)}" if failed else ""
    return f"  {bar} {over}/{total}{told}"


async def list_jobs(session: Session) -> None:
    """List jobs."""

    async def page(token: bytes) -> tuple[Iterable[BatchOperationInfo], bytes]:
        answer = await session.workflows.list_batch_operations(
            ListBatchOperationsRequest(
                namespace=session.namespace,
                page_size=page_size(session),
                next_page_token=token,
            )
        )
        return answer.operation_info, answer.next_page_token

    await print_list(
        session,
        page,
        ("JobId", "State", "StartTime", "CloseTime"),
        lambda job: (
            job.job_id,
            status_text(session.output, BatchOperationState, job.state),
            when(job.start_time),
            when(job.close_time),
        ),
    )


async def terminate(session: Session) -> None:
    """End a job."""
    options = session.options
    await session.workflows.stop_batch_operation(
        StopBatchOperationRequest(
            namespace=session.namespace,
            job_id=options.job_id,
            reason=options.reason,
            identity=session.identity,
        )
    )
    session.output.say(f"Batch job {options.job_id} terminated")
