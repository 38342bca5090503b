"""Requests that start workflows: what is refused, in which words, and what is filled in."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration as DurationMessage
from msgspec.structs import replace
from temporalio.api.common.v1 import (
    Callback,
    Link,
    Memo,
    Payload,
    Payloads,
    Priority,
    RetryPolicy,
    SearchAttributes,
)
from temporalio.api.enums.v1 import (
    IndexedValueType,
    TaskQueueKind,
    WorkflowIdConflictPolicy,
    WorkflowIdReusePolicy,
)
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    AddSearchAttributesResponse,
)
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import OnConflictOptions
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import StatusCode
from indelible.base.instants import DURATION_MAX, SECOND, duration
from indelible.base.limits import DEFAULT_LIMITS
from tests.services.frontend.world import World

Start = api.StartWorkflowExecutionRequest
SignalWithStart = api.SignalWithStartWorkflowExecutionRequest
MEBIBYTE = 1024 * 1024


def start(change: Callable[[Start], object] = lambda _: None) -> Start:
    request = Start(namespace="default", workflow_id="w")
    request.workflow_type.name = "Type"
    request.task_queue.name = "queue"
    change(request)
    return request


def signal_with_start(
    change: Callable[[SignalWithStart], object] = lambda _: None,
) -> SignalWithStart:
    request = SignalWithStart(namespace="default", workflow_id="w", signal_name="s")
    request.workflow_type.name = "Type"
    request.task_queue.name = "queue"
    change(request)
    return request


def merge(**fields: object) -> Callable[[Start | SignalWithStart], None]:
    """Set fields of a request; messages replace what was there."""

    def change(request: Start | SignalWithStart) -> None:
        for name in fields:
            request.ClearField(name)  # pyright: ignore[reportArgumentType]
        request.MergeFrom(type(request)(**fields))  # pyright: ignore[reportArgumentType]

    return change


def payloads(size: int) -> Payloads:
    return Payloads(payloads=[Payload(data=b"x" * size)])


def negative() -> DurationMessage:
    return DurationMessage(seconds=-1)


BAD_STARTS = [
    (merge(workflow_id=""), "WorkflowId is not set on request."),
    (merge(workflow_id="w" * 1001), "WorkflowId exceeds maximum allowed length (1001/1000)"),
    (merge(workflow_id="ü" * 501), "WorkflowId exceeds maximum allowed length (1002/1000)"),
    (
        merge(retry_policy=RetryPolicy(initial_interval=negative())),
        "invalid InitialInterval set on retry policy: negative duration",
    ),
    (
        merge(retry_policy=RetryPolicy(backoff_coefficient=0.5)),
        "BackoffCoefficient cannot be less than 1 on retry policy.",
    ),
    (
        merge(retry_policy=RetryPolicy(backoff_coefficient=float("nan"))),
        "BackoffCoefficient cannot be less than 1 on retry policy.",
    ),
    (
        merge(
            retry_policy=RetryPolicy(
                initial_interval=DurationMessage(seconds=2),
                maximum_interval=DurationMessage(seconds=1),
            )
        ),
        "MaximumInterval cannot be less than InitialInterval on retry policy.",
    ),
    (
        merge(retry_policy=RetryPolicy(maximum_attempts=-1)),
        "MaximumAttempts cannot be negative on retry policy.",
    ),
    (
        merge(retry_policy=RetryPolicy(non_retryable_error_types=["TemporalTimeout:Never"])),
        "Invalid timeout type value: Never.",
    ),
    (
        merge(cron_schedule="* * * * *", workflow_start_delay=DurationMessage(seconds=1)),
        "CronSchedule and WorkflowStartDelay may not be used together.",
    ),
    (
        merge(workflow_start_delay=negative()),
        "An invalid WorkflowStartDelaySeconds is set on request. cause: negative duration",
    ),
    (merge(cron_schedule="every now and then"), "invalid CronSchedule."),
    (merge(workflow_type=None), "WorkflowType is not set on request."),
    (
        merge(workflow_type={"name": "t" * 1001}),
        "WorkflowType length exceeds limit.",
    ),
    (merge(task_queue=None), "taskQueue is not set"),
    (merge(task_queue=TaskQueue()), "missing task queue name"),
    (merge(task_queue=TaskQueue(name="q" * 1001)), "taskQueue length exceeds limit"),
    (
        merge(task_queue=TaskQueue(name="/_sys/q/1")),
        "task queue name cannot start with reserved prefix /_sys/",
    ),
    (
        merge(task_queue=TaskQueue(name="temporal-sys-per-ns-tq")),
        "cannot use internal per-namespace task queue:temporal-sys-per-ns-tq",
    ),
    (
        merge(task_queue=TaskQueue(name="q", kind=TaskQueueKind.TASK_QUEUE_KIND_STICKY)),
        "a workflow's task queue must be of the normal kind",
    ),
    (merge(task_queue={"name": "q", "kind": 99}), "invalid task queue kind: 99"),
    (
        merge(workflow_execution_timeout=negative()),
        "An invalid WorkflowExecutionTimeoutSeconds is set on request. cause: negative duration",
    ),
    (
        merge(workflow_run_timeout=DurationMessage(seconds=1, nanos=-1)),
        (
            "An invalid WorkflowRunTimeoutSeconds is set on request. cause: "
            "duration has seconds and nanos with different signs"
        ),
    ),
    (
        merge(workflow_task_timeout=DurationMessage(nanos=-1)),
        "An invalid WorkflowTaskTimeoutSeconds is set on request. cause: negative duration",
    ),
    (merge(request_id="r" * 1001), "RequestId length exceeds limit."),
    (
        merge(
            workflow_id_reuse_policy=4,
            workflow_id_conflict_policy=WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
        ),
        (
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot "
            "be used together with a WorkflowIDConflictPolicy"
        ),
    ),
    (
        merge(workflow_id_reuse_policy=3, workflow_id_conflict_policy=3),
        (
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be "
            "used together with WorkflowIdConflictPolicy "
            "WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING"
        ),
    ),
    (merge(workflow_id_reuse_policy=99), "Invalid WorkflowIDReusePolicy: 99"),
    (merge(workflow_id_conflict_policy=99), "Invalid WorkflowIDConflictPolicy: 99"),
    (
        merge(on_conflict_options=OnConflictOptions(attach_completion_callbacks=True)),
        "attaching request ID is required for attaching completion callbacks",
    ),
    (
        merge(search_attributes=SearchAttributes(indexed_fields={"Nope": Payload()})),
        "Namespace default has no mapping defined for search attribute Nope",
    ),
    (
        merge(search_attributes=SearchAttributes(indexed_fields={"WorkflowId": Payload()})),
        "WorkflowId attribute can't be set in SearchAttributes",
    ),
    (merge(priority=Priority(priority_key=-1)), "priority key can't be negative"),
    (merge(priority=Priority(fairness_key="k" * 65)), "fairness key length exceeds limit"),
    (merge(priority=Priority(fairness_weight=-1)), "must be greater than zero"),
    (merge(links=[Link()]), "unsupported link variant"),
    (
        merge(links=[Link(workflow_event=Link.WorkflowEvent())]),
        "workflow event link must not have an empty namespace field",
    ),
    (
        merge(links=[Link(batch_job=Link.BatchJob())]),
        "batch job link must not have an empty job ID",
    ),
    (
        merge(links=[Link(batch_job=Link.BatchJob(job_id="j"))] * 11),
        "cannot attach more than 10 links per request, got 11",
    ),
    (merge(identity="i" * 1001), "Identity length exceeds limit."),
    (merge(input=payloads(2 * MEBIBYTE)), "Blob data size exceeds limit."),
    (merge(memo=Memo(fields={"m": Payload(data=b"x" * 2 * MEBIBYTE)})), "Memo size exceeds limit."),
    (
        merge(user_metadata={"summary": Payload(data=b"x" * 400)}),
        "user_metadata.summary exceeds size limit. Length=403 Limit=400",
    ),
]


@pytest.mark.parametrize(("change", "text"), BAD_STARTS, ids=[text for _, text in BAD_STARTS])
async def test_a_bad_start_is_refused(
    world: World, change: Callable[[Start | SignalWithStart], None], text: str
) -> None:
    error = await world.refusal(start(change))
    assert (error.code, error.message) == (StatusCode.INVALID_ARGUMENT, text)
    assert world.history.calls == []


BAD_SIGNAL_WITH_STARTS = [
    (merge(workflow_id=""), "WorkflowId is not set on request."),
    (merge(signal_name=""), "signal not set"),
    (merge(signal_name="s" * 1001), "signal name exceeds maximum allowed length (1001/1000)"),
    (merge(workflow_type=None), "workflow type not set"),
    (merge(request_id="r" * 1001), "Request ID exceeds maximum allowed length (1001/1000)"),
    (
        merge(workflow_id_conflict_policy=1),
        (
            "Invalid WorkflowIDConflictPolicy: WORKFLOW_ID_CONFLICT_POLICY_FAIL is not supported "
            "for this operation."
        ),
    ),
    (merge(cron_schedule="61 * * * *", workflow_id=""), "invalid CronSchedule."),
    (merge(signal_input=payloads(2 * MEBIBYTE)), "Blob data size exceeds limit."),
]


@pytest.mark.parametrize(
    ("change", "text"),
    BAD_SIGNAL_WITH_STARTS,
    ids=[text for _, text in BAD_SIGNAL_WITH_STARTS],
)
async def test_a_bad_signal_with_start_is_refused(
    world: World, change: Callable[[SignalWithStart], None], text: str
) -> None:
    error = await world.refusal(signal_with_start(change))
    assert (error.code, error.message) == (StatusCode.INVALID_ARGUMENT, text)
    assert world.history.calls == []


@pytest.mark.parametrize(
    "change",
    [
        merge(time_skipping_config={}),
        merge(completion_callbacks=[Callback()]),
    ],
)
async def test_what_is_not_built_is_not_ignored(
    world: World, change: Callable[[Start | SignalWithStart], None]
) -> None:
    error = await world.refusal(start(change))
    assert error.code is StatusCode.UNIMPLEMENTED


async def started(world: World, request: Start | SignalWithStart) -> Start:
    """Return what history was asked for a request."""
    if isinstance(request, Start):
        await world.call(request, api.StartWorkflowExecutionResponse)
    else:
        await world.call(request, api.SignalWithStartWorkflowExecutionResponse)
    _, asked = world.history.calls[-1]
    completed = Start()
    completed.ParseFromString(b"")
    if isinstance(asked, Start):
        return asked
    assert isinstance(asked, SignalWithStart)
    completed.request_id = asked.request_id
    completed.workflow_id_conflict_policy = asked.workflow_id_conflict_policy
    completed.workflow_id_reuse_policy = asked.workflow_id_reuse_policy
    return completed


async def test_a_bare_start_is_completed(world: World) -> None:
    asked = await started(world, start())
    assert asked.request_id
    assert asked.workflow_id_reuse_policy == 1
    assert asked.workflow_id_conflict_policy == 1
    assert asked.task_queue.kind == TaskQueueKind.TASK_QUEUE_KIND_NORMAL
    assert not asked.HasField("workflow_execution_timeout")
    assert not asked.HasField("workflow_run_timeout")
    assert asked.workflow_task_timeout.seconds == 10
    assert not asked.HasField("retry_policy")


async def test_a_bare_signal_with_start_uses_the_existing_run(world: World) -> None:
    asked = await started(world, signal_with_start())
    assert asked.request_id
    assert (
        asked.workflow_id_conflict_policy
        == WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
    )
    assert (
        asked.workflow_id_reuse_policy
        == WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
    )


async def test_a_request_id_is_kept_and_fresh_ones_differ(world: World) -> None:
    assert (await started(world, start(merge(request_id="mine")))).request_id == "mine"
    first = (await started(world, start())).request_id
    assert (await started(world, start())).request_id != first


async def test_the_deprecated_terminate_policy_is_translated(world: World) -> None:
    asked = await started(world, start(merge(workflow_id_reuse_policy=4)))
    assert asked.workflow_id_reuse_policy == 1
    assert asked.workflow_id_conflict_policy == 3


@pytest.mark.parametrize(
    ("execution", "run", "task", "expected"),
    [
        (0, 0, 0, (0, 0, 10)),
        (100, 0, 0, (100, 100, 10)),
        (0, 50, 0, (0, 50, 10)),
        (20, 50, 0, (20, 20, 10)),
        (0, 5, 0, (0, 5, 5)),
        (0, 0, 500, (0, 0, 120)),
        (0, 7, 8, (0, 7, 7)),
    ],
)
async def test_timeouts_cap_each_other(
    world: World, execution: int, run: int, task: int, expected: tuple[int, int, int]
) -> None:
    asked = await started(
        world,
        start(
            merge(
                workflow_execution_timeout=DurationMessage(seconds=execution),
                workflow_run_timeout=DurationMessage(seconds=run),
                workflow_task_timeout=DurationMessage(seconds=task),
            )
        ),
    )
    assert (
        asked.workflow_execution_timeout.seconds,
        asked.workflow_run_timeout.seconds,
        asked.workflow_task_timeout.seconds,
    ) == expected


async def test_absurd_durations_are_capped(world: World) -> None:
    endless = DurationMessage(seconds=2**62)
    asked = await started(
        world,
        start(
            merge(
                workflow_execution_timeout=endless,
                workflow_start_delay=endless,
                retry_policy=RetryPolicy(initial_interval=endless),
            )
        ),
    )
    assert asked.workflow_execution_timeout.seconds * SECOND == DURATION_MAX
    assert duration(asked.workflow_start_delay) == DURATION_MAX
    assert duration(asked.retry_policy.initial_interval) == DURATION_MAX
    assert duration(asked.retry_policy.maximum_interval) == DURATION_MAX


async def test_a_retry_policy_is_completed(world: World) -> None:
    asked = await started(world, start(merge(retry_policy=RetryPolicy())))
    policy = asked.retry_policy
    assert policy.initial_interval.seconds == 1
    assert policy.maximum_interval.seconds == 100
    assert policy.backoff_coefficient == 2.0
    assert policy.maximum_attempts == 0


async def test_a_policy_without_a_second_attempt_is_not_looked_at(world: World) -> None:
    policy = RetryPolicy(maximum_attempts=1, backoff_coefficient=0.1)
    asked = await started(world, start(merge(retry_policy=policy)))
    assert asked.retry_policy.maximum_attempts == 1


async def test_search_attributes_get_the_type_of_the_registry(world: World) -> None:
    await world.call(
        AddSearchAttributesRequest(
            namespace="default",
            search_attributes={"Number": IndexedValueType.INDEXED_VALUE_TYPE_INT},
        ),
        AddSearchAttributesResponse,
    )
    given = Payload(metadata={"encoding": b"json/plain", "type": b"Keyword"}, data=b"5")
    attributes = SearchAttributes(indexed_fields={"Number": given})
    asked = await started(world, start(merge(search_attributes=attributes)))
    assert asked.search_attributes.indexed_fields["Number"].metadata["type"] == b"Int"


async def test_a_value_of_another_type_is_refused(world: World) -> None:
    await world.call(
        AddSearchAttributesRequest(
            namespace="default",
            search_attributes={"Number": IndexedValueType.INDEXED_VALUE_TYPE_INT},
        ),
        AddSearchAttributesResponse,
    )
    given = Payload(metadata={"encoding": b"json/plain"}, data=b'"five"')
    attributes = SearchAttributes(indexed_fields={"Number": given})
    error = await world.refusal(start(merge(search_attributes=attributes)))
    assert error.message == 'invalid value for search attribute Number of type Int: "five"'


_JOB = Link(batch_job=Link.BatchJob(job_id="j" * 50))
_SUMMARY = Payload(data=b"s" * 50)


@pytest.mark.parametrize(
    ("bounds", "fields", "message"),
    [
        ({"links_per_request_max": 1}, {"links": [_JOB] * 2}, "more than 1 links per request"),
        ({"link_bytes_max": 50}, {"links": [_JOB]}, "link exceeds allowed size of 50, got 54"),
        (
            {"user_metadata_summary_bytes_max": 51},
            {"user_metadata": UserMetadata(summary=_SUMMARY)},
            "user_metadata.summary exceeds size limit. Length=52 Limit=51",
        ),
        (
            {"user_metadata_details_bytes_max": 51},
            {"user_metadata": UserMetadata(details=_SUMMARY)},
            "user_metadata.details exceeds size limit. Length=52 Limit=51",
        ),
    ],
)
async def test_an_operator_sets_the_bounds(
    bounds: dict[str, int], fields: dict[str, Any], message: str
) -> None:
    narrow = await World(limits=replace(DEFAULT_LIMITS, **bounds)).load()
    refusal = await narrow.refusal(start(merge(**fields)))
    assert message in refusal.message
    wide = await World().load()
    await wide.call(start(merge(**fields)), api.StartWorkflowExecutionResponse)
