"""Workflows started: alone, with a signal, with an update.

Owns the request that all of them share.
"""

import time
from argparse import Namespace
from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import (
    UpdateWorkflowExecutionLifecycleStage,
    WorkflowIdConflictPolicy,
    WorkflowIdReusePolicy,
)
from temporalio.api.errordetails.v1 import WorkflowExecutionAlreadyStartedFailure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.update.v1 import Input, Meta, Request, WaitPolicy
from temporalio.api.workflowservice.v1 import (
    ExecuteMultiOperationRequest,
    SignalWithStartWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
    UpdateWorkflowExecutionRequest,
    UpdateWorkflowExecutionResponse,
)
from temporalio.service import RPCError

from indelible.cli.session import CommandFailedError, Session
from indelible.cli.values import Json, ValueRefusedError
from indelible.cli.verbs import histories
from indelible.cli.verbs.messages import enum_of, priority, span_of, user_metadata
from indelible.cli.verbs.payloads import (
    header,
    input_payloads,
    memo,
    search_attributes,
    value_of_all,
)
from indelible.cli.verbs.updating import failed_update

_STAGES = UpdateWorkflowExecutionLifecycleStage


def start_request(session: Session) -> StartWorkflowExecutionRequest:
    """Return the request that the options of a start ask for."""
    options = session.options
    return StartWorkflowExecutionRequest(
        namespace=session.namespace,
        workflow_id=options.workflow_id or str(uuid4()),
        workflow_type=WorkflowType(name=options.type),
        task_queue=TaskQueue(name=options.task_queue),
        input=input_payloads(options),
        workflow_execution_timeout=span_of(options.execution_timeout),
        workflow_run_timeout=span_of(options.run_timeout),
        workflow_task_timeout=span_of(options.task_timeout),
        identity=session.identity,
        request_id=str(uuid4()),
        workflow_id_reuse_policy=_reuse(options),
        workflow_id_conflict_policy=_conflict(options),
        cron_schedule=options.cron or "",
        memo=memo(options.memo) if options.memo else None,
        search_attributes=(
            search_attributes(options.search_attribute) if options.search_attribute else None
        ),
        header=header(options.headers) if options.headers else None,
        workflow_start_delay=span_of(options.start_delay),
        user_metadata=user_metadata(options),
        priority=priority(options),
    )


def _reuse(options: Namespace) -> WorkflowIdReusePolicy.ValueType:
    return WorkflowIdReusePolicy.ValueType(enum_of(WorkflowIdReusePolicy, options.id_reuse_policy))


def _conflict(options: Namespace) -> WorkflowIdConflictPolicy.ValueType:
    return WorkflowIdConflictPolicy.ValueType(
        enum_of(WorkflowIdConflictPolicy, options.id_conflict_policy)
    )


async def start(session: Session) -> None:
    """Start a workflow."""
    request, run_id = await _started(session)
    session.output.record(_running(session, request, run_id), "Running execution:")


async def execute(session: Session) -> int:
    """Start a workflow and wait for its result. The exit code tells whether it completed."""
    began = time.monotonic()
    request, run_id = await _started(session)
    execution = WorkflowExecution(workflow_id=request.workflow_id, run_id=run_id)
    output = session.output
    output_is_text = not output.is_json
    if output_is_text:
        output.record(_running(session, request, run_id), "Running execution:")
        output.say()
        close = await histories.follow(session, execution, is_detailed=session.options.detailed)
    else:
        close = await histories.close_event(session, execution)
    millis = int((time.monotonic() - began) * 1_000)
    document: dict[str, Json] = {
        "workflowId": request.workflow_id,
        "runId": run_id,
        "type": request.workflow_type.name,
        "namespace": session.namespace,
        "taskQueue": request.task_queue.name,
        "durationMillis": millis,
    }
    if output.is_json and session.options.detailed:
        document["history"] = await histories.history_json(session, execution)
    return histories.print_result(session, close, document)


async def _started(session: Session) -> tuple[StartWorkflowExecutionRequest, str]:
    request = start_request(session)
    try:
        answer = await session.workflows.start_workflow_execution(request)
    except RPCError as error:
        run_id = _existing_run(error)
        if session.options.fail_existing or not run_id:
            raise
        # Without --fail-existing a start leads to the run that there is, as with the SDKs.
        return request, run_id
    return request, answer.run_id


def _existing_run(error: RPCError) -> str:
    found = WorkflowExecutionAlreadyStartedFailure()
    is_there = any(detail.Unpack(found) for detail in error.grpc_status.details)
    return found.run_id if is_there else ""


def _running(
    session: Session, request: StartWorkflowExecutionRequest, run_id: str
) -> dict[str, Json]:
    return {
        "workflowId": request.workflow_id,
        "runId": run_id,
        "type": request.workflow_type.name,
        "namespace": session.namespace,
        "taskQueue": request.task_queue.name,
    }


async def signal_with_start(session: Session) -> None:
    """Send a signal, starting the workflow if need be."""
    options = session.options
    start = start_request(session)
    _demand_id(options)
    request = SignalWithStartWorkflowExecutionRequest(
        namespace=start.namespace,
        workflow_id=start.workflow_id,
        workflow_type=start.workflow_type,
        task_queue=start.task_queue,
        input=start.input,
        workflow_execution_timeout=start.workflow_execution_timeout,
        workflow_run_timeout=start.workflow_run_timeout,
        workflow_task_timeout=start.workflow_task_timeout,
        identity=start.identity,
        request_id=start.request_id,
        workflow_id_reuse_policy=_reuse(options),
        workflow_id_conflict_policy=_conflict(options),
        signal_name=options.signal_name,
        signal_input=input_payloads(options, "signal_"),
        cron_schedule=start.cron_schedule,
    )
    # What is not set must stay so: a copy of an empty message would be one.
    for name in (
        "memo",
        "search_attributes",
        "header",
        "workflow_start_delay",
        "user_metadata",
        "priority",
    ):
        if start.HasField(name):
            getattr(request, name).CopyFrom(getattr(start, name))
    answer = await session.workflows.signal_with_start_workflow_execution(request)
    record = _running(session, start, answer.run_id)
    del record["taskQueue"]
    session.output.record(record, "Running execution:")


async def start_update_with_start(session: Session) -> None:
    """Send an update, starting the workflow if need be, and wait until it is accepted."""
    record, update = await _updated(
        session, _STAGES.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
    )
    if update.outcome.HasField("failure"):
        raise failed_update(update.outcome)
    session.output.record(record, "Running execution:")


async def execute_update_with_start(session: Session) -> None:
    """Send an update, starting the workflow if need be, and wait for its result."""
    record, update = await _updated(
        session, _STAGES.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
    )
    if update.outcome.HasField("failure"):
        raise failed_update(update.outcome)
    record["updateResult"] = value_of_all(update.outcome.success)
    session.output.record(record, "Running execution:")


async def _updated(
    session: Session, stage: "UpdateWorkflowExecutionLifecycleStage.ValueType"
) -> tuple[dict[str, Json], UpdateWorkflowExecutionResponse]:
    options = session.options
    _demand_id(options)
    if not options.id_conflict_policy:
        raise ValueRefusedError("--id-conflict-policy is required: may the update join a run?")
    start = start_request(session)
    update = UpdateWorkflowExecutionRequest(
        namespace=session.namespace,
        workflow_execution=WorkflowExecution(
            workflow_id=start.workflow_id, run_id=options.run_id or ""
        ),
        first_execution_run_id=options.update_first_execution_run_id or "",
        wait_policy=WaitPolicy(lifecycle_stage=stage),
        request=Request(
            meta=Meta(update_id=options.update_id or str(uuid4()), identity=session.identity),
            input=Input(
                header=start.header if options.headers else None,
                name=options.update_name,
                args=input_payloads(options, "update_"),
            ),
        ),
    )
    operation = ExecuteMultiOperationRequest.Operation
    request = ExecuteMultiOperationRequest(
        namespace=session.namespace,
        operations=[operation(start_workflow=start), operation(update_workflow=update)],
    )
    while True:
        answer = await session.workflows.execute_multi_operation(request)
        started, updated = (one for one in answer.responses)
        response = updated.update_workflow
        if response.stage >= stage:
            break
    record = _running(session, start, started.start_workflow.run_id)
    del record["taskQueue"]
    record["updateName"] = options.update_name
    record["updateId"] = update.request.meta.update_id
    return record, response


def _demand_id(options: Namespace) -> None:
    if not options.workflow_id:
        raise CommandFailedError("--workflow-id is required: which workflow is it to be?")
