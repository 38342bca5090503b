"""Nexus operations without a workflow: started, waited for, looked at."""

from collections.abc import Iterable
from typing import Final
from uuid import uuid4

from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import (
    NexusOperationExecutionStatus,
    NexusOperationIdConflictPolicy,
    NexusOperationIdReusePolicy,
    NexusOperationWaitStage,
    PendingNexusOperationState,
)
from temporalio.api.nexus.v1 import NexusOperationExecutionInfo, NexusOperationExecutionListInfo
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.api.workflowservice.v1 import (
    CountNexusOperationExecutionsRequest,
    DescribeNexusOperationExecutionRequest,
    ListNexusOperationExecutionsRequest,
    PollNexusOperationExecutionRequest,
    StartNexusOperationExecutionRequest,
)

from indelible.cli.output import Output
from indelible.cli.session import Session
from indelible.cli.values import Json, ValueRefusedError
from indelible.cli.verbs import standalone
from indelible.cli.verbs.listing import page_size, print_count, print_list
from indelible.cli.verbs.messages import enum_of, how_long, short_name, span_of, status_text, when
from indelible.cli.verbs.payloads import (
    failure_text,
    input_payloads,
    json_payload,
    search_attributes,
    shown_values,
)


# ------------------------------------------------------------------------- started, waited for
async def start(session: Session) -> None:
    """Start an operation."""
    await standalone.start(session, _KIND)


async def execute(session: Session) -> int:
    """Start an operation and wait for its result. The exit code tells whether it completed."""
    return await standalone.execute(session, _KIND)


async def result(session: Session) -> int:
    """Wait for the result of an operation. The exit code tells whether it completed."""
    return await standalone.result(session, _KIND)


def _running(session: Session, run_id: str) -> dict[str, Json]:
    options = session.options
    return {
        "endpoint": options.endpoint,
        "service": options.service,
        "operation": options.operation,
        "operationId": options.operation_id,
        "runId": run_id,
        "namespace": session.namespace,
    }


async def _begin(session: Session) -> str:
    options = session.options
    summary = options.static_summary
    answer = await session.workflows.start_nexus_operation_execution(
        StartNexusOperationExecutionRequest(
            namespace=session.namespace,
            identity=session.identity,
            request_id=str(uuid4()),
            operation_id=options.operation_id,
            endpoint=options.endpoint,
            service=options.service,
            operation=options.operation,
            schedule_to_close_timeout=span_of(options.schedule_to_close_timeout),
            schedule_to_start_timeout=span_of(options.schedule_to_start_timeout),
            start_to_close_timeout=span_of(options.start_to_close_timeout),
            input=_argument(session),
            id_reuse_policy=NexusOperationIdReusePolicy.ValueType(
                enum_of(NexusOperationIdReusePolicy, options.id_reuse_policy)
            ),
            id_conflict_policy=NexusOperationIdConflictPolicy.ValueType(
                enum_of(NexusOperationIdConflictPolicy, options.id_conflict_policy)
            ),
            search_attributes=(
                search_attributes(options.search_attribute) if options.search_attribute else None
            ),
            user_metadata=UserMetadata(summary=json_payload(summary)) if summary else None,
        )
    )
    return answer.run_id


def _argument(session: Session) -> Payload | None:
    payloads = input_payloads(session.options).payloads
    if len(payloads) > 1:
        raise ValueRefusedError(f"an operation takes one argument, not {len(payloads)}")
    return payloads[0] if payloads else None


async def _outcome(session: Session, run_id: str) -> standalone.Outcome:
    operation_id: str = session.options.operation_id
    request = PollNexusOperationExecutionRequest(
        namespace=session.namespace,
        operation_id=operation_id,
        run_id=run_id,
        wait_stage=NexusOperationWaitStage.NEXUS_OPERATION_WAIT_STAGE_CLOSED,
    )
    answer = await standalone.answered(
        lambda: session.workflows.poll_nexus_operation_execution(request),
        lambda answer: answer.WhichOneof("outcome"),
    )
    return standalone.Outcome(
        ids={"operationId": operation_id, "runId": run_id or answer.run_id},
        result=answer.result,
        failure=answer.failure if answer.HasField("failure") else None,
    )


_KIND: Final = standalone.Kind(
    title="Started operation:", begin=_begin, running=_running, outcome=_outcome
)


# ------------------------------------------------------------------------------------ looked at
async def describe(session: Session) -> None:
    """Show an operation."""
    options, output = session.options, session.output
    answer = await session.workflows.describe_nexus_operation_execution(
        DescribeNexusOperationExecutionRequest(
            namespace=session.namespace,
            operation_id=options.operation_id,
            run_id=options.run_id or "",
        )
    )
    output.message(answer.info)
    if options.raw:
        output.say(str(output.json_of(answer.info)))
        return
    _print(output, answer.info)


def _print(output: Output, known: NexusOperationExecutionInfo) -> None:
    summary = known.user_metadata.summary
    output.card(
        {
            "OperationId": known.operation_id,
            "RunId": known.run_id,
            "Endpoint": known.endpoint,
            "Service": known.service,
            "Operation": known.operation,
            "Status": status_text(output, NexusOperationExecutionStatus, known.status),
            "State": short_name(PendingNexusOperationState, known.state) if known.state else None,
            "Attempt": known.attempt,
            "ScheduleToCloseTimeout": how_long(known.schedule_to_close_timeout),
            "ScheduleToStartTimeout": how_long(known.schedule_to_start_timeout),
            "StartToCloseTimeout": how_long(known.start_to_close_timeout),
            "ScheduleTime": when(known.schedule_time),
            "ExpirationTime": when(known.expiration_time),
            "CloseTime": when(known.close_time),
            "ExecutionDuration": how_long(known.execution_duration),
            "LastAttemptCompleteTime": when(known.last_attempt_complete_time),
            "LastAttemptFailure": failure_text(known.last_attempt_failure),
            "NextAttemptScheduleTime": when(known.next_attempt_schedule_time),
            "BlockedReason": known.blocked_reason,
            "OperationToken": known.operation_token,
            "CancellationReason": known.cancellation_info.reason,
            "Identity": known.identity,
            "Summary": shown_values(Payloads(payloads=[summary])) if summary.ByteSize() else None,
        }
    )


async def list_operations(session: Session) -> None:
    """List operations."""

    async def page(token: bytes) -> tuple[Iterable[NexusOperationExecutionListInfo], bytes]:
        answer = await session.workflows.list_nexus_operation_executions(
            ListNexusOperationExecutionsRequest(
                namespace=session.namespace,
                page_size=page_size(session),
                next_page_token=token,
                query=session.options.query or "",
            )
        )
        return answer.operations, answer.next_page_token

    await print_list(
        session,
        page,
        ("Status", "OperationId", "Endpoint", "Service", "Operation", "StartTime"),
        lambda one: (
            status_text(session.output, NexusOperationExecutionStatus, one.status),
            one.operation_id,
            one.endpoint,
            one.service,
            one.operation,
            when(one.schedule_time),
        ),
    )


async def count(session: Session) -> None:
    """Count operations."""
    answer = await session.workflows.count_nexus_operation_executions(
        CountNexusOperationExecutionsRequest(
            namespace=session.namespace, query=session.options.query or ""
        )
    )
    print_count(session.output, answer)
