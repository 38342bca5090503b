"""What a request that starts a workflow must be, and what it means where it says nothing.

Owns the validation of StartWorkflowExecution and SignalWithStartWorkflowExecution, in the
reference's order (semantics 2.1), and their defaults. Changes the request in place; what comes out
is complete. Must not know the runs that exist.
"""

from typing import Final

import msgspec
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy, WorkflowIdReusePolicy
from temporalio.api.workflowservice.v1 import (
    SignalWithStartWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.instants import Instant, duration, duration_message
from indelible.base.limits import Limits
from indelible.base.retry_policies import (
    complete_retry_policy,
    retry_policy_fault,
)
from indelible.base.time_zones import UtcOffset
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.search_attributes import add_types, check_search_attributes
from indelible.engine.workflow.rules.cron import cron_fault
from indelible.engine.workflow.rules.start_options import run_timeout_within, task_timeout_within
from indelible.services.frontend.callbacks import complete_callbacks
from indelible.services.frontend.time_skipping import complete_time_skipping
from indelible.services.frontend.validation import (
    check_blob,
    check_given_id,
    check_identity,
    check_length,
    check_links,
    check_priority,
    check_user_metadata,
    check_user_task_queue,
    check_workflow_id,
    checked_duration,
    drop_repeated_links,
)
from indelible.services.frontend.versioning_overrides import check_versioning_override

StartRequest = StartWorkflowExecutionRequest | SignalWithStartWorkflowExecutionRequest


class StartRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is completed with."""

    limits: Limits
    now: Instant
    utc_offset: UtcOffset
    fresh_request_id: str
    """For a request that has none."""


_ALLOW_DUPLICATE: Final = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
_REJECT_DUPLICATE: Final = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
_TERMINATE_IF_RUNNING: Final = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING
_FAIL: Final = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL
_USE_EXISTING: Final = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
_TERMINATE_EXISTING: Final = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING


def complete_start(
    request: StartWorkflowExecutionRequest,
    *,
    namespace: Namespace,
    rules: StartRules,
) -> None:
    """Check a request to start a workflow and fill in its defaults.

    Raises `InvalidArgumentError`, or `UnimplementedError` for what is not built or not enabled.
    """
    limits = rules.limits
    _default_policies(request, _FAIL)
    check_workflow_id(request.workflow_id)
    _complete_retry_policy(request)
    _check_start_delay(request)
    _check_cron(request.cron_schedule, rules)
    if not request.workflow_type.name:
        raise InvalidArgumentError("WorkflowType is not set on request.")
    check_length(request.workflow_type.name, "WorkflowType")
    check_user_task_queue(request.task_queue, is_set=request.HasField("task_queue"))
    _complete_timeouts(request, limits)
    request.request_id = request.request_id or rules.fresh_request_id
    check_length(request.request_id, "RequestId")
    _check_policies(request)
    _check_on_conflict(request)
    _complete_search_attributes(request, namespace, limits)
    check_priority(request.priority)
    complete_callbacks(request.completion_callbacks, limits)
    check_links(request.links, limits)
    drop_repeated_links(request)
    _complete_options(request, limits)
    _check_sizes(request, limits)


def complete_signal_with_start(
    request: SignalWithStartWorkflowExecutionRequest,
    *,
    namespace: Namespace,
    rules: StartRules,
) -> None:
    """Check a signal-with-start request and fill in its defaults, as `complete_start`."""
    limits = rules.limits
    _check_cron(request.cron_schedule, rules)
    check_workflow_id(request.workflow_id)
    _check_name(request.signal_name, "signal", "signal name")
    _check_name(request.workflow_type.name, "workflow type", "workflow type name")
    check_user_task_queue(request.task_queue, is_set=request.HasField("task_queue"))
    request.request_id = request.request_id or rules.fresh_request_id
    _check_name(request.request_id, "request ID", "Request ID")
    _complete_timeouts(request, limits)
    _complete_retry_policy(request)
    _check_start_delay(request)
    _check_policies(request)
    if request.workflow_id_conflict_policy == _FAIL:
        raise InvalidArgumentError(
            "Invalid WorkflowIDConflictPolicy: WORKFLOW_ID_CONFLICT_POLICY_FAIL is not supported "
            "for this operation."
        )
    _default_policies(request, _USE_EXISTING)
    _complete_search_attributes(request, namespace, limits)
    check_priority(request.priority)
    check_links(request.links, limits)
    _complete_options(request, limits)
    _check_sizes(request, limits)
    check_blob(request.signal_input, limits.blob_bytes_max)


def _default_policies(
    request: StartRequest, conflict_policy: WorkflowIdConflictPolicy.ValueType
) -> None:
    if not request.workflow_id_conflict_policy:
        if request.workflow_id_reuse_policy == _TERMINATE_IF_RUNNING:
            # The deprecated policy says in one word what takes two now.
            request.workflow_id_conflict_policy = _TERMINATE_EXISTING
            request.workflow_id_reuse_policy = _ALLOW_DUPLICATE
        else:
            request.workflow_id_conflict_policy = conflict_policy
    if not request.workflow_id_reuse_policy:
        request.workflow_id_reuse_policy = _ALLOW_DUPLICATE


def _check_policies(request: StartRequest) -> None:
    reuse, conflict = request.workflow_id_reuse_policy, request.workflow_id_conflict_policy
    if reuse not in WorkflowIdReusePolicy.values():
        raise InvalidArgumentError(f"Invalid WorkflowIDReusePolicy: {reuse}")
    if conflict not in WorkflowIdConflictPolicy.values():
        raise InvalidArgumentError(f"Invalid WorkflowIDConflictPolicy: {conflict}")
    if conflict and reuse == _TERMINATE_IF_RUNNING:
        raise InvalidArgumentError(
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot "
            "be used together with a WorkflowIDConflictPolicy"
        )
    if conflict == _TERMINATE_EXISTING and reuse == _REJECT_DUPLICATE:
        raise InvalidArgumentError(
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be "
            "used together with WorkflowIdConflictPolicy "
            "WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING"
        )


def _check_on_conflict(request: StartWorkflowExecutionRequest) -> None:
    options = request.on_conflict_options
    if options.attach_completion_callbacks and not options.attach_request_id:
        raise InvalidArgumentError(
            "attaching request ID is required for attaching completion callbacks"
        )


def _complete_retry_policy(request: StartRequest) -> None:
    if not request.HasField("retry_policy"):
        return  # A workflow without a policy is not retried.
    policy = complete_retry_policy(request.retry_policy)
    fault = retry_policy_fault(policy)
    if fault is not None:
        raise InvalidArgumentError(fault)
    request.retry_policy.CopyFrom(policy)


def _check_start_delay(request: StartRequest) -> None:
    if request.cron_schedule and request.HasField("workflow_start_delay"):
        raise InvalidArgumentError("CronSchedule and WorkflowStartDelay may not be used together.")
    checked_duration(request.workflow_start_delay, "WorkflowStartDelaySeconds")


def _check_cron(schedule: str, rules: StartRules) -> None:
    fault = cron_fault(schedule, now=rules.now, utc_offset=rules.utc_offset)
    if fault is not None:
        raise InvalidArgumentError(fault)


def _complete_timeouts(request: StartRequest, limits: Limits) -> None:
    execution = checked_duration(
        request.workflow_execution_timeout, "WorkflowExecutionTimeoutSeconds"
    )
    run = checked_duration(request.workflow_run_timeout, "WorkflowRunTimeoutSeconds")
    task = checked_duration(request.workflow_task_timeout, "WorkflowTaskTimeoutSeconds")
    run = run_timeout_within(run, execution)
    task = task_timeout_within(task, run, limits)
    # What the client left out stays out, as the started event shows; the task's timeout is trap 72.
    if execution != duration(request.workflow_execution_timeout):
        request.workflow_execution_timeout.CopyFrom(duration_message(execution))
    if run != duration(request.workflow_run_timeout):
        request.workflow_run_timeout.CopyFrom(duration_message(run))
    request.workflow_task_timeout.CopyFrom(duration_message(task))


def _complete_search_attributes(
    request: StartRequest, namespace: Namespace, limits: Limits
) -> None:
    attributes, custom = request.search_attributes, namespace.search_attributes
    check_search_attributes(attributes, custom=custom, namespace=namespace.name, limits=limits)
    if attributes.indexed_fields:
        # Whoever reads the started event finds the types there (trap 60).
        add_types(attributes, custom)


def _complete_options(request: StartRequest, limits: Limits) -> None:
    if request.HasField("time_skipping_config"):
        complete_time_skipping(request.time_skipping_config, limits)
    if request.HasField("versioning_override"):
        check_versioning_override(request.versioning_override)


def _check_sizes(request: StartRequest, limits: Limits) -> None:
    check_identity(request.identity)
    check_user_metadata(request.user_metadata, limits)
    check_blob(request.input, limits.blob_bytes_max)
    if request.memo.ByteSize() > limits.memo_bytes_max:
        raise InvalidArgumentError("Memo size exceeds limit.")


def _check_name(text: str, unset: str, words: str) -> None:
    if not text:
        raise InvalidArgumentError(f"{unset} not set")
    check_given_id(text, words)
