"""Activities without a workflow: started, looked at, waited for."""

from collections.abc import Iterable
from typing import Final
from uuid import uuid4

from temporalio.api.activity.v1 import ActivityExecutionInfo, ActivityExecutionListInfo
from temporalio.api.common.v1 import ActivityType
from temporalio.api.enums.v1 import (
    ActivityExecutionStatus,
    ActivityIdConflictPolicy,
    ActivityIdReusePolicy,
    PendingActivityState,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    CountActivityExecutionsRequest,
    DescribeActivityExecutionRequest,
    ListActivityExecutionsRequest,
    PollActivityExecutionRequest,
    StartActivityExecutionRequest,
)

from indelible.cli.output import Color, Output
from indelible.cli.session import Session
from indelible.cli.values import Json
from indelible.cli.verbs.listing import page_size, print_count, print_list
from indelible.cli.verbs.messages import (
    enum_of,
    how_long,
    priority,
    retry_policy,
    short_name,
    span_of,
    user_metadata,
    when,
)
from indelible.cli.verbs.payloads import (
    failure_text,
    header,
    input_payloads,
    search_attributes,
    shown_values,
    value_of_all,
)

_FAILED: Final = 1
_COLORS: Final = {
    "Running": Color.BLUE,
    "Completed": Color.GREEN,
    "Failed": Color.RED,
    "TimedOut": Color.RED,
    "Terminated": Color.RED,
    "Canceled": Color.YELLOW,
}


async def start(session: Session) -> None:
    """Start an activity."""
    session.output.record(_running(session, await _started(session)), "Running execution:")


async def execute(session: Session) -> int:
    """Start an activity and wait for its result. The exit code tells whether it completed."""
    run_id = await _started(session)
    if not session.output.is_json:
        session.output.record(_running(session, run_id), "Running execution:")
    return await _print_outcome(session, run_id)


async def result(session: Session) -> int:
    """Wait for an activity's result. The exit code tells whether it completed."""
    return await _print_outcome(session, session.options.run_id or "")


def _running(session: Session, run_id: str) -> dict[str, Json]:
    return {
        "activityId": session.options.activity_id,
        "runId": run_id,
        "namespace": session.namespace,
    }


async def _started(session: Session) -> str:
    options = session.options
    answer = await session.workflows.start_activity_execution(
        StartActivityExecutionRequest(
            namespace=session.namespace,
            identity=session.identity,
            request_id=str(uuid4()),
            activity_id=options.activity_id,
            activity_type=ActivityType(name=options.type),
            task_queue=TaskQueue(name=options.task_queue),
            schedule_to_close_timeout=span_of(options.schedule_to_close_timeout),
            schedule_to_start_timeout=span_of(options.schedule_to_start_timeout),
            start_to_close_timeout=span_of(options.start_to_close_timeout),
            heartbeat_timeout=span_of(options.heartbeat_timeout),
            start_delay=span_of(options.start_delay),
            retry_policy=retry_policy(options),
            input=input_payloads(options),
            id_reuse_policy=ActivityIdReusePolicy.ValueType(
                enum_of(ActivityIdReusePolicy, options.id_reuse_policy)
            ),
            id_conflict_policy=ActivityIdConflictPolicy.ValueType(
                enum_of(ActivityIdConflictPolicy, options.id_conflict_policy)
            ),
            search_attributes=(
                search_attributes(options.search_attribute) if options.search_attribute else None
            ),
            header=header(options.headers) if options.headers else None,
            user_metadata=user_metadata(options),
            priority=priority(options),
        )
    )
    return answer.run_id


async def _print_outcome(session: Session, run_id: str) -> int:
    output = session.output
    request = PollActivityExecutionRequest(
        namespace=session.namespace, activity_id=session.options.activity_id, run_id=run_id
    )
    while True:
        # The server answers after its long poll in any case, then it is asked again.
        answer = await session.workflows.poll_activity_execution(request)
        if answer.HasField("outcome"):
            break
    outcome = answer.outcome
    is_failed = outcome.HasField("failure")
    document: dict[str, Json] = {
        "activityId": request.activity_id,
        "runId": run_id,
        "status": "FAILED" if is_failed else "COMPLETED",
    }
    if is_failed:
        document["failure"] = output.json_of(outcome.failure)
    else:
        document["result"] = (
            value_of_all(outcome.result) if output.is_short else output.json_of(outcome.result)
        )
    output.document(document)
    output.title("Results:")
    output.card(
        {
            "Status": output.colored(
                "FAILED" if is_failed else "COMPLETED", Color.RED if is_failed else Color.GREEN
            ),
            "Result": shown_values(outcome.result),
            "Failure": failure_text(outcome.failure) if is_failed else "",
        }
    )
    return _FAILED if is_failed else 0


# ------------------------------------------------------------------------------------ looked at
async def describe(session: Session) -> None:
    """Show an activity."""
    options, output = session.options, session.output
    answer = await session.workflows.describe_activity_execution(
        DescribeActivityExecutionRequest(
            namespace=session.namespace,
            activity_id=options.activity_id,
            run_id=options.run_id or "",
            include_last_failure=True,
        )
    )
    output.message(answer)
    if options.raw:
        output.say(str(output.json_of(answer)))
        return
    _print_activity(output, answer.info)


def _print_activity(output: Output, known: ActivityExecutionInfo) -> None:
    run_state = short_name(PendingActivityState, known.run_state) if known.run_state else ""
    output.card(
        {
            "ActivityId": known.activity_id,
            "RunId": known.run_id,
            "Type": known.activity_type.name,
            "Status": _status(output, known.status),
            "RunState": run_state,
            "TaskQueue": known.task_queue,
            "ScheduleToCloseTimeout": how_long(known.schedule_to_close_timeout),
            "ScheduleToStartTimeout": how_long(known.schedule_to_start_timeout),
            "StartToCloseTimeout": how_long(known.start_to_close_timeout),
            "HeartbeatTimeout": how_long(known.heartbeat_timeout),
            "StartDelay": how_long(known.start_delay),
            "ScheduleTime": when(known.schedule_time),
            "LastStartedTime": when(known.last_started_time),
            "CloseTime": when(known.close_time),
            "ExecutionDuration": how_long(known.execution_duration),
            "Attempt": known.attempt,
            "LastFailure": failure_text(known.last_failure),
            "LastWorkerIdentity": known.last_worker_identity,
            "LastAttemptCompleteTime": when(known.last_attempt_complete_time),
            "StateTransitionCount": known.state_transition_count,
        }
    )


def _status(output: Output, status: int) -> str:
    name = short_name(ActivityExecutionStatus, status)
    return output.colored(name, _COLORS.get(name))


async def list_activities(session: Session) -> None:
    """List activities."""

    async def page(token: bytes) -> tuple[Iterable[ActivityExecutionListInfo], bytes]:
        answer = await session.workflows.list_activity_executions(
            ListActivityExecutionsRequest(
                namespace=session.namespace,
                page_size=page_size(session),
                next_page_token=token,
                query=session.options.query or "",
            )
        )
        return answer.executions, answer.next_page_token

    await print_list(
        session,
        page,
        ("Status", "ActivityId", "Type", "StartTime"),
        lambda one: (
            _status(session.output, one.status),
            one.activity_id,
            one.activity_type.name,
            when(one.schedule_time),
        ),
    )


async def count(session: Session) -> None:
    """Count activities."""
    answer = await session.workflows.count_activity_executions(
        CountActivityExecutionsRequest(
            namespace=session.namespace, query=session.options.query or ""
        )
    )
    print_count(session.output, answer)
