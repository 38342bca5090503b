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

from indelible.cli.output import Output
from indelible.cli.session import Session
from indelible.cli.values import Json
from indelible.cli.verbs import standalone
from indelible.cli.verbs.listing import page_size, print_count, print_list
from indelible.cli.verbs.messages import (
    enum_of,
    how_long,
    priority,
    retry_policy,
    short_name,
    span_of,
    status_text,
    user_metadata,
    when,
)
from indelible.cli.verbs.payloads import (
    failure_text,
    header,
    input_payloads,
    search_attributes,
)


async def start(session: Session) -> None:
    """Start an activity."""
    await standalone.start(session, _KIND)


async def execute(session: Session) -> int:
    """Start an activity and wait for its result. The exit code tells whether it completed."""
    return await standalone.execute(session, _KIND)


async def result(session: Session) -> int:
    """Wait for an activity's result. The exit code tells whether it completed."""
    return await standalone.result(session, _KIND)


def _running(session: Session, run_id: str) -> dict[str, Json]:
    return {
        "activityId": session.options.activity_id,
        "runId": run_id,
        "namespace": session.namespace,
    }


async def _begin(session: Session) -> str:
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


async def _outcome(session: Session, run_id: str) -> standalone.Outcome:
    activity_id: str = session.options.activity_id
    request = PollActivityExecutionRequest(
        namespace=session.namespace, activity_id=activity_id, run_id=run_id
    )
    answer = await standalone.answered(
        lambda: session.workflows.poll_activity_execution(request),
        lambda answer: answer.HasField("outcome"),
    )
    outcome = answer.outcome
    return standalone.Outcome(
        ids={"activityId": activity_id, "runId": run_id},
        result=outcome.result,
        failure=outcome.failure if outcome.HasField("failure") else None,
    )


_KIND: Final = standalone.Kind(
    title="Running execution:", begin=_begin, running=_running, outcome=_outcome
)


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
            "Status": status_text(output, ActivityExecutionStatus, known.status),
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
            status_text(session.output, ActivityExecutionStatus, one.status),
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
