"""What workers do with a standalone activity: take it, report on it, end it (semantics 7.2 to 7.6).

Owns the decisions about one attempt; a retry, a timeout and a report of failure meet here.
"""

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import RetryState
from temporalio.api.failure.v1 import CanceledFailureInfo, Failure
from temporalio.api.workflowservice.v1 import (
    RecordActivityTaskHeartbeatRequest,
    RecordActivityTaskHeartbeatResponse,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
)

from indelible.base.activity_attempts import next_attempt
from indelible.base.errors import InvalidArgumentError, NotFoundError
from indelible.base.failures import kept_failure
from indelible.base.instants import NEVER, elapsed
from indelible.base.task_token import ActivityById, ActivityTaskToken
from indelible.engine.activity.resets import begin_anew_after
from indelible.engine.activity.state import ActivityOutcome, ActivityStatus
from indelible.engine.activity.step import ActivityStep
from indelible.engine.activity.tasks import ActivityExecutionDispatch

ActivityTarget = ActivityTaskToken | ActivityById
"""The attempt that a worker has, or whatever attempt there is."""


def start_attempt(
    step: ActivityStep,
    task: ActivityExecutionDispatch,
    *,
    identity: str,
    request_id: str,
    sdk_name: str,
    sdk_version: str,
) -> bool:
    """Give the current attempt to a worker; False if the task is obsolete.

    A repeated delivery with the same `request_id` gets the same answer and changes nothing.
    """
    core = step.core
    if core.is_open and core.is_started:
        return bool(request_id) and core.attempt_request_id == request_id
    if core.status is not ActivityStatus.SCHEDULED or core.dispatch_task_id != task.task_id:
        return False
    step.release()
    step.move(
        "start",
        started_at=step.now,
        last_started_at=step.now,
        attempt_request_id=request_id,
        last_worker_identity=identity,
        last_sdk_name=sdk_name,
        last_sdk_version=sdk_version,
    )
    return True


def _check_target(step: ActivityStep, target: ActivityTarget, *, is_start_needed: bool) -> None:
    """Raise `NotFoundError` unless the target names the attempt that there is."""
    core = step.core
    is_by_id = isinstance(target, ActivityById)
    if is_by_id and core.is_open and not is_start_needed:
        return
    if not core.is_open or not core.is_started:
        raise _not_found()
    if isinstance(target, ActivityTaskToken) and (target.attempt, target.reset_count) != (
        core.attempt,
        core.reset_count,
    ):
        raise _not_found()


def _not_found() -> NotFoundError:
    return NotFoundError("activity task not found")


def complete(
    step: ActivityStep, request: RespondActivityTaskCompletedRequest, target: ActivityTarget
) -> None:
    """Close with a result, even if a cancellation was requested; by id even before a start."""
    _check_target(step, target, is_start_needed=False)
    if not step.core.is_started:
        step.change(last_started_at=step.now)
    step.change(last_attempt_completed_at=step.now, last_worker_identity=request.identity)
    step.close("complete", ActivityOutcome(result=request.result.SerializeToString()))


def fail(
    step: ActivityStep, request: RespondActivityTaskFailedRequest, target: ActivityTarget
) -> None:
    """Schedule the next attempt, or close."""
    _check_target(step, target, is_start_needed=True)
    if request.HasField("last_heartbeat_details"):
        _keep_heartbeat(step, request.last_heartbeat_details)
    failure = request.failure
    retry_state = retry(step, failure)
    if retry_state == RetryState.RETRY_STATE_IN_PROGRESS:
        return
    if not request.HasField("failure"):
        # Whoever polls for the outcome must be able to tell it from none.
        failure = Failure(message="activity task failed without failure details")
    step.change(last_worker_identity=request.identity)
    end_attempt(step, failure)
    step.close(
        "fail", ActivityOutcome(failure=failure.SerializeToString(), retry_state=retry_state)
    )


def retry(step: ActivityStep, failure: Failure) -> "RetryState.ValueType":
    """Schedule the next attempt after a failure, or return why there is none."""
    core = step.core
    if core.status is ActivityStatus.RESET_REQUESTED:
        begin_anew_after(step, failure)
        return RetryState.RETRY_STATE_IN_PROGRESS
    decision = next_attempt(core, failure, now=step.now)
    if not decision.is_granted:
        return decision.state
    step.keep_failure(kept_failure(failure, step.limits.last_failure_bytes_max))
    step.move(
        "retry",
        attempt=core.attempt + 1,
        started_at=NEVER,
        attempt_request_id="",
        last_attempt_completed_at=step.now,
        retry_interval=elapsed(step.now, decision.at),
        is_interval_given=failure.application_failure_info.HasField("next_retry_delay"),
    )
    if step.core.status is ActivityStatus.SCHEDULED:
        step.schedule(decision.at)
    return decision.state


def end_attempt(step: ActivityStep, failure: Failure) -> None:
    """Note the failure of the last attempt, in full."""
    step.keep_failure(failure.SerializeToString())
    step.change(last_attempt_completed_at=step.now)


def report_canceled(
    step: ActivityStep, request: RespondActivityTaskCanceledRequest, target: ActivityTarget
) -> None:
    """Close an activity that was asked to stop; `InvalidArgumentError` if it was not (trap 28)."""
    _check_target(step, target, is_start_needed=True)
    if not step.core.is_cancel_requested:
        raise InvalidArgumentError(
            "unable to mark activity as canceled without activity being request canceled first"
        )
    step.change(last_attempt_completed_at=step.now, last_worker_identity=request.identity)
    cancel(step, request.details if request.HasField("details") else None)


def cancel(step: ActivityStep, details: Payloads | None) -> None:
    """Close as canceled."""
    failure = Failure(
        message="Activity canceled",
        canceled_failure_info=CanceledFailureInfo(
            details=details, identity=step.core.cancel_identity
        ),
    )
    step.close("cancel", ActivityOutcome(failure=failure.SerializeToString()))


def record_heartbeat(
    step: ActivityStep, request: RecordActivityTaskHeartbeatRequest, target: ActivityTarget
) -> RecordActivityTaskHeartbeatResponse:
    """Note that an attempt is alive; tell its worker whether to stop."""
    _check_target(step, target, is_start_needed=True)
    _keep_heartbeat(step, request.details)
    core = step.core
    return RecordActivityTaskHeartbeatResponse(
        cancel_requested=core.is_cancel_requested,
        activity_paused=core.status is ActivityStatus.PAUSE_REQUESTED,
        activity_reset=core.status is ActivityStatus.RESET_REQUESTED,
    )


def _keep_heartbeat(step: ActivityStep, details: Payloads) -> None:
    step.keep_heartbeat(details.SerializeToString())
    step.change(last_heartbeat_at=step.now, heartbeat_count=step.core.heartbeat_count + 1)
