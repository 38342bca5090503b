"""StartActivityExecution: an activity begins, or the one that has the id is meant (semantics 7.11).

Owns the id policies. Requests are complete and checked when they come here.
"""

from msgspec.structs import replace
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.enums.v1 import ActivityIdConflictPolicy
from temporalio.api.errordetails.v1 import ActivityExecutionAlreadyStartedFailure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import StartActivityExecutionRequest

from indelible.base.activity_options import effective_timeouts, given_timeouts
from indelible.base.attached_links import attached_links
from indelible.base.errors import AlreadyExistsError
from indelible.base.id_policies import IdDecision, decide
from indelible.base.ids import NamespaceId, RunId
from indelible.base.instants import Instant, after, duration
from indelible.base.messages import present_bytes
from indelible.base.owed_callbacks import attach_callbacks
from indelible.engine.activity.state import (
    ActivityCore,
    ActivityRequest,
    ActivityState,
    ActivityStatus,
)
from indelible.engine.activity.step import ActivityStep

_USE_EXISTING = ActivityIdConflictPolicy.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING


def decide_on_id(
    current: ActivityState | None, request: StartActivityExecutionRequest
) -> IdDecision:
    """Return what to do; raise `AlreadyExistsError` if the policies forbid it."""
    if current is None:
        return IdDecision.CREATE
    core = current.core
    decision = decide(
        is_same_request=core.start_request_id == request.request_id,
        is_open=core.is_open,
        has_succeeded=core.status is ActivityStatus.COMPLETED,
        may_use_existing=request.id_conflict_policy == _USE_EXISTING,
        reuse=request.id_reuse_policy,
    )
    if decision is not None:
        return decision
    raise AlreadyExistsError(
        "activity execution already started",
        ActivityExecutionAlreadyStartedFailure(
            start_request_id=core.start_request_id, run_id=core.run_id
        ),
    )


def new_activity(
    request: StartActivityExecutionRequest,
    *,
    namespace_id: NamespaceId,
    run_id: RunId,
    now: Instant,
) -> ActivityState:
    """Return the state of an activity before its first step."""
    timeouts = effective_timeouts(given_timeouts(request))
    delay = duration(request.start_delay)
    attributes = request.search_attributes.indexed_fields
    return ActivityState(
        core=ActivityCore(
            namespace_id=namespace_id,
            activity_id=request.activity_id,
            run_id=run_id,
            activity_type=request.activity_type.name,
            task_queue=request.task_queue.name,
            created_at=now,
            schedule_to_close_timeout=timeouts.schedule_to_close,
            schedule_to_start_timeout=timeouts.schedule_to_start,
            start_to_close_timeout=timeouts.start_to_close,
            heartbeat_timeout=timeouts.heartbeat,
            retry_policy=request.retry_policy.SerializeToString(),
            priority=present_bytes(request, "priority"),
            start_delay=delay,
            start_request_id=request.request_id,
            scheduled_at=after(now, delay),
        ),
        request=ActivityRequest(
            input=present_bytes(request, "input"),
            header=present_bytes(request, "header"),
            user_metadata=present_bytes(request, "user_metadata"),
            links=tuple(dict.fromkeys(link.SerializeToString() for link in request.links)),
            search_attributes={
                name: attributes[name].SerializeToString() for name in sorted(attributes)
            },
            original_options=_options(request).SerializeToString(),
        ),
    )


def _options(request: StartActivityExecutionRequest) -> ActivityOptions:
    """Return what was asked for, as it was: a restoration fills in the rest again."""
    return ActivityOptions(
        task_queue=TaskQueue(name=request.task_queue.name),
        schedule_to_close_timeout=request.schedule_to_close_timeout,
        schedule_to_start_timeout=request.schedule_to_start_timeout,
        start_to_close_timeout=request.start_to_close_timeout,
        heartbeat_timeout=request.heartbeat_timeout,
        retry_policy=request.retry_policy,
        priority=request.priority,
        start_delay=request.start_delay,
    )


def begin_activity(step: ActivityStep, request: StartActivityExecutionRequest) -> None:
    """Put the first attempt into its queue, now or after the start delay."""
    _attach_callbacks(step, request)
    if step.core.start_delay:
        step.change(is_backing_off=True)
    else:
        step.dispatch()


def attach(step: ActivityStep, request: StartActivityExecutionRequest) -> None:
    """Attach what a start that found the activity running wants attached.

    Raises `FailedPreconditionError` for too many callbacks or links.
    """
    options = request.on_conflict_options
    if options.attach_completion_callbacks:
        _attach_callbacks(step, request)
    if options.attach_links:
        known = step.state.request.links
        links = attached_links(known, request.links, step.limits, to="an activity")
        if links != known:
            step.change_request(replace(step.state.request, links=links))


def _attach_callbacks(step: ActivityStep, request: StartActivityExecutionRequest) -> None:
    attach_callbacks(
        step,
        request.completion_callbacks,
        request_id=request.request_id,
        to="an activity",
    )
