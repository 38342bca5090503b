"""StartNexusOperationExecution: an operation begins, or the one that has the id is meant.

Requests are complete and checked when they come here (semantics 9.6).
"""

from temporalio.api.enums.v1 import NexusOperationIdConflictPolicy
from temporalio.api.errordetails.v1 import NexusOperationExecutionAlreadyStartedFailure
from temporalio.api.workflowservice.v1 import StartNexusOperationExecutionRequest

from indelible.base.attached_links import attached_links
from indelible.base.errors import AlreadyExistsError
from indelible.base.id_policies import IdDecision, decide
from indelible.base.ids import NamespaceId, RunId
from indelible.base.instants import Instant, duration
from indelible.base.messages import present_bytes
from indelible.base.owed_callbacks import attach_callbacks
from indelible.engine.nexus_operation.state import (
    OperationCore,
    OperationRequest,
    OperationState,
    OperationStatus,
)
from indelible.engine.nexus_operation.step import OperationStep

_USE_EXISTING = NexusOperationIdConflictPolicy.NEXUS_OPERATION_ID_CONFLICT_POLICY_USE_EXISTING


def decide_on_id(
    current: OperationState | None, request: StartNexusOperationExecutionRequest
) -> IdDecision:
    """Return what to do; raise `AlreadyExistsError` if the policies forbid it."""
    if current is None:
        return IdDecision.CREATE
    core = current.core
    decision = decide(
        is_same_request=core.start_request_id == request.request_id,
        is_open=core.is_open,
        has_succeeded=core.status is OperationStatus.SUCCEEDED,
        may_use_existing=request.id_conflict_policy == _USE_EXISTING,
        reuse=request.id_reuse_policy,
    )
    if decision is not None:
        return decision
    raise AlreadyExistsError(
        "nexus operation execution already started: "
        f"request_id={core.start_request_id}, run_id={core.run_id}",
        NexusOperationExecutionAlreadyStartedFailure(
            start_request_id=core.start_request_id, run_id=core.run_id
        ),
    )


def new_operation(
    request: StartNexusOperationExecutionRequest,
    *,
    namespace_id: NamespaceId,
    run_id: RunId,
    endpoint_id: str,
    request_id: str,
    now: Instant,
) -> OperationState:
    """Return the state of an operation before its first step.

    `request_id` is a fresh one, for the calls to the handler.
    """
    attributes = request.search_attributes.indexed_fields
    return OperationState(
        core=OperationCore(
            namespace_id=namespace_id,
            operation_id=request.operation_id,
            run_id=run_id,
            endpoint=request.endpoint,
            endpoint_id=endpoint_id,
            service=request.service,
            operation=request.operation,
            request_id=request_id,
            start_request_id=request.request_id,
            identity=request.identity,
            schedule_to_close_timeout=duration(request.schedule_to_close_timeout),
            schedule_to_start_timeout=duration(request.schedule_to_start_timeout),
            start_to_close_timeout=duration(request.start_to_close_timeout),
            scheduled_at=now,
        ),
        request=OperationRequest(
            input=present_bytes(request, "input"),
            header=dict(request.nexus_header),
            user_metadata=present_bytes(request, "user_metadata"),
            search_attributes={
                name: attributes[name].SerializeToString() for name in sorted(attributes)
            },
            links=tuple(dict.fromkeys(link.SerializeToString() for link in request.links)),
        ),
    )


def begin_operation(step: OperationStep, request: StartNexusOperationExecutionRequest) -> None:
    """Have the handler called; raise `FailedPreconditionError` for too many callbacks."""
    _attach_callbacks(step, request)
    step.call_start()


def attach(step: OperationStep, request: StartNexusOperationExecutionRequest) -> None:
    """Attach what a start that found the operation running wants attached.

    Raises `FailedPreconditionError` for too many callbacks or links.
    """
    options = request.on_conflict_options
    if options.attach_completion_callbacks:
        _attach_callbacks(step, request)
    if options.attach_links:
        links = attached_links(
            step.state.request.links, request.links, step.limits, to="a nexus operation"
        )
        step.keep_links(links)


def _attach_callbacks(step: OperationStep, request: StartNexusOperationExecutionRequest) -> None:
    attach_callbacks(
        step,
        request.completion_callbacks,
        request_id=request.request_id,
        to="a nexus operation",
    )
