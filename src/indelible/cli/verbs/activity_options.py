"""What operators change about activities, in workflows and without: pause, reset, options.

Owns the choice between one activity and a batch operation on those of all workflows that a query
finds.
"""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.batch.v1 import (
    BatchOperationResetActivities,
    BatchOperationUnpauseActivities,
    BatchOperationUpdateActivityOptions,
)
from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PauseActivityExecutionRequest,
    ResetActivityExecutionRequest,
    UnpauseActivityExecutionRequest,
    UpdateActivityExecutionOptionsRequest,
)

from indelible.cli.session import Session
from indelible.cli.values import Json, ValueRefusedError
from indelible.cli.verbs.batches import batch_request, is_single, start_batch
from indelible.cli.verbs.messages import span_of

_SPANS = (
    "schedule_to_close_timeout",
    "schedule_to_start_timeout",
    "start_to_close_timeout",
    "heartbeat_timeout",
    "start_delay",
)
_RETRY = ("initial_interval", "maximum_interval", "backoff_coefficient", "maximum_attempts")


async def pause(session: Session) -> None:
    """Pause an activity."""
    options = session.options
    await session.workflows.pause_activity_execution(
        PauseActivityExecutionRequest(
            namespace=session.namespace,
            workflow_id=options.workflow_id or "",
            activity_id=options.activity_id,
            run_id=options.run_id or "",
            identity=session.identity,
            reason=options.reason or "",
            resource_id=_resource(session),
        )
    )
    session.output.say("Activity paused")


async def unpause(session: Session) -> None:
    """Let a paused activity go on."""
    options = session.options
    if _is_one(session):
        await session.workflows.unpause_activity_execution(
            UnpauseActivityExecutionRequest(
                namespace=session.namespace,
                workflow_id=options.workflow_id or "",
                activity_id=options.activity_id,
                run_id=options.run_id or "",
                identity=session.identity,
                reason=options.reason or "",
                jitter=span_of(options.jitter),
                resource_id=_resource(session),
            )
        )
        session.output.say("Activity goes on")
        return
    request = await batch_request(session)
    request.unpause_activities_operation.CopyFrom(
        BatchOperationUnpauseActivities(
            identity=session.identity, jitter=span_of(options.jitter), match_all=True
        )
    )
    await start_batch(session, request)


async def reset(session: Session) -> None:
    """Begin an activity anew."""
    options = session.options
    keeps_paused, restores = bool(options.keep_paused), bool(options.restore_original_options)
    if _is_one(session):
        await session.workflows.reset_activity_execution(
            ResetActivityExecutionRequest(
                namespace=session.namespace,
                workflow_id=options.workflow_id or "",
                activity_id=options.activity_id,
                run_id=options.run_id or "",
                identity=session.identity,
                keep_paused=keeps_paused,
                jitter=span_of(options.jitter),
                restore_original_options=restores,
                resource_id=_resource(session),
            )
        )
        session.output.document({"keepPaused": keeps_paused})
        session.output.say("Activity begins anew")
        return
    request = await batch_request(session)
    request.reset_activities_operation.CopyFrom(
        BatchOperationResetActivities(
            identity=session.identity,
            reset_heartbeat=True,
            keep_paused=keeps_paused,
            jitter=span_of(options.jitter),
            restore_original_options=restores,
            match_all=True,
        )
    )
    await start_batch(session, request)


async def update_options(session: Session) -> None:
    """Change timeouts, retries or the task queue of an activity."""
    options = session.options
    if options.start_delay is not None and (options.workflow_id or options.query):
        raise ValueRefusedError("--start-delay is for activities without a workflow")
    changed, mask = _changed(session)
    restores = bool(options.restore_original_options)
    if not mask.paths and not restores:
        raise ValueRefusedError("nothing to change was given")
    if _is_one(session):
        answer = await session.workflows.update_activity_execution_options(
            UpdateActivityExecutionOptionsRequest(
                namespace=session.namespace,
                workflow_id=options.workflow_id or "",
                activity_id=options.activity_id,
                run_id=options.run_id or "",
                identity=session.identity,
                activity_options=changed,
                update_mask=mask,
                restore_original=restores,
                resource_id=_resource(session),
            )
        )
        _print(session, answer.activity_options)
        return
    request = await batch_request(session)
    request.update_activity_options_operation.CopyFrom(
        BatchOperationUpdateActivityOptions(
            identity=session.identity,
            match_all=True,
            activity_options=changed,
            update_mask=mask,
            restore_original=restores,
        )
    )
    await start_batch(session, request)


def _changed(session: Session) -> tuple[ActivityOptions, FieldMask]:
    options = session.options
    changed, paths = ActivityOptions(), list[str]()
    if options.task_queue:
        changed.task_queue.CopyFrom(TaskQueue(name=options.task_queue))
        paths.append("task_queue.name")
    for name in _SPANS:
        span = span_of(getattr(options, name))
        if span is not None:
            getattr(changed, name).CopyFrom(span)
            paths.append(name)
    retry: dict[str, object] = {
        name: getattr(options, f"retry_{name}")
        for name in _RETRY
        if getattr(options, f"retry_{name}") is not None
    }
    if retry:
        changed.retry_policy.CopyFrom(RetryPolicy(**retry))  # pyright: ignore[reportArgumentType]
        paths += [f"retry_policy.{name}" for name in retry]
    return changed, FieldMask(paths=paths)


def _is_one(session: Session) -> bool:
    """Return whether one activity is meant, in a workflow or without."""
    options = session.options
    if not options.query and not options.activity_id:
        raise ValueRefusedError("one of --activity-id and --query is required")
    if not options.workflow_id and not options.query:
        return True
    is_of_one_workflow = is_single(session)
    if is_of_one_workflow and not options.activity_id:
        raise ValueRefusedError("--activity-id is required: which one of the workflow?")
    return is_of_one_workflow


def _resource(session: Session) -> str:
    options = session.options
    if options.workflow_id:
        return f"workflow:{options.workflow_id}"
    return f"activity:{options.activity_id}"


def _print(session: Session, options: ActivityOptions) -> None:
    retry = options.retry_policy
    spans: dict[str, Duration] = {
        "ScheduleToCloseTimeout": options.schedule_to_close_timeout,
        "ScheduleToStartTimeout": options.schedule_to_start_timeout,
        "StartToCloseTimeout": options.start_to_close_timeout,
        "HeartbeatTimeout": options.heartbeat_timeout,
        "StartDelay": options.start_delay,
        "InitialInterval": retry.initial_interval,
        "MaximumInterval": retry.maximum_interval,
    }
    coefficient = retry.backoff_coefficient
    # The reference writes these in nanoseconds.
    document: dict[str, Json] = {
        "TaskQueue": options.task_queue.name,
        **{name: span.ToNanoseconds() for name, span in spans.items()},
        "BackoffCoefficient": int(coefficient) if coefficient.is_integer() else coefficient,
        "MaximumAttempts": retry.maximum_attempts,
    }
    session.output.document(document)
    session.output.card({**document, **{n: span.ToTimedelta() for n, span in spans.items()}})
