"""What a batch operation asks of each target, and how far it has come."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.batch.v1 import (
    BatchOperationReset,
    BatchOperationSignal,
    BatchOperationUnpauseActivities,
)
from temporalio.api.common.v1 import ResetOptions, WorkflowExecution
from temporalio.api.enums.v1 import BatchOperationState, BatchOperationType, EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import ResetPointInfo
from temporalio.api.workflowservice.v1 import (
    ResetWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
    StartBatchOperationRequest,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import NamespaceId, RunId
from indelible.base.instants import DAY, NEVER, SECOND, Duration, Instant
from indelible.engine.batch import progress
from indelible.engine.batch.description import describe
from indelible.engine.batch.progress import Tried, is_expired, new_batch
from indelible.engine.batch.requests import target_call
from indelible.engine.batch.reset_points import WorkflowTaskSearch, point_of_build_id
from indelible.engine.batch.state import BatchState, Position
from indelible.engine.batch.targets import OPERATION_TYPES, Target, listed_targets, query_of

NOW = Instant(1_000 * SECOND)
ONE = Target("one", "run-1")
TWO = Target("two", "run-2")
SIGNAL = StartBatchOperationRequest(
    namespace="default",
    job_id="job",
    reason="why",
    visibility_query="WorkflowType = 'x'",
    signal_operation=BatchOperationSignal(signal="s", identity="me"),
)


def begun() -> BatchState:
    return new_batch(SIGNAL, namespace_id=NamespaceId("n"), run_id=RunId("r"), now=NOW)


def test_every_operation_of_the_protocol_has_a_kind_and_a_request() -> None:
    fields = StartBatchOperationRequest.DESCRIPTOR.oneofs_by_name["operation"].fields
    assert set(OPERATION_TYPES) == {field.name for field in fields}
    for field in fields:
        request = StartBatchOperationRequest(namespace="default", job_id="job")
        getattr(request, field.name).SetInParent()
        assert target_call(request, ONE).request.ByteSize()
    kinds = set(OPERATION_TYPES.values())
    assert len(kinds) == len(OPERATION_TYPES)
    assert BatchOperationType.BATCH_OPERATION_TYPE_UNSPECIFIED not in kinds


def test_a_target_that_is_tried_again_gets_the_same_request_id() -> None:
    calls = [target_call(SIGNAL, target).request for target in (ONE, ONE, TWO)]
    ids = [call.request_id for call in calls if isinstance(call, SignalWorkflowExecutionRequest)]
    assert ids[0] == ids[1] != ids[2]
    other = StartBatchOperationRequest()
    other.CopyFrom(SIGNAL)
    other.job_id = "another"
    again = target_call(other, ONE).request
    assert isinstance(again, SignalWorkflowExecutionRequest)
    assert again.request_id not in ids


def test_a_reset_goes_where_it_is_told() -> None:
    request = StartBatchOperationRequest(
        reset_operation=BatchOperationReset(options=ResetOptions(build_id="1"), identity="me")
    )
    call = target_call(request, ONE, reset_event_id=7)
    assert call.rpc == "ResetWorkflowExecution"
    assert isinstance(call.request, ResetWorkflowExecutionRequest)
    assert call.request.workflow_task_finish_event_id == 7
    assert call.request.identity == "me"


def test_activities_of_a_type_are_looked_for_where_they_are_paused() -> None:
    request = StartBatchOperationRequest(
        visibility_query="WorkflowType = 'x'",
        unpause_activities_operation=BatchOperationUnpauseActivities(type="it's"),
    )
    assert query_of(request) == r"TemporalPauseInfo = 'property:activityType=it\'s'"
    request.unpause_activities_operation.match_all = True
    assert query_of(request) == "WorkflowType = 'x'"


def test_a_list_is_gone_through_in_its_order() -> None:
    executions = [WorkflowExecution(workflow_id=name) for name in "abc"]
    request = StartBatchOperationRequest(executions=executions)
    request.termination_operation.SetInParent()
    assert listed_targets(request, first=1, count_max=5) == [Target("b", ""), Target("c", "")]
    assert listed_targets(request, first=3, count_max=5) == []


def test_a_job_goes_on_and_completes() -> None:
    state = begun()
    core = progress.counted(state.core, 5)
    core = progress.went_on(core, Tried(Position(count=3, run_id="x"), 2, 1))
    running = describe(state._replace(core=core))
    assert running.state == BatchOperationState.BATCH_OPERATION_STATE_RUNNING
    assert (running.total_operation_count, running.complete_operation_count) == (5, 2)
    assert running.failure_operation_count == 1
    core = progress.completed(core, now=Instant(NOW + SECOND), retention=Duration(DAY))
    ended = describe(state._replace(core=core))
    assert ended.state == BatchOperationState.BATCH_OPERATION_STATE_COMPLETED
    assert ended.total_operation_count == 3  # What was tried, not what was expected.
    assert ended.query == SIGNAL.visibility_query
    assert ended.identity == "me"
    assert not is_expired(core, NOW)
    assert is_expired(core, Instant(NOW + SECOND + DAY))


def test_a_job_that_was_stopped_stays_so() -> None:
    core = progress.stopped(
        begun().core, reason="enough", identity="you", now=NOW, retention=Duration(DAY)
    )
    assert progress.went_on(core, Tried(Position(count=3), 3, 0)) == core
    assert progress.completed(core, now=NOW, retention=Duration(DAY)) == core
    assert (
        describe(begun()._replace(core=core)).state
        == BatchOperationState.BATCH_OPERATION_STATE_FAILED
    )
    assert progress.wake_at(begun().core) == NEVER


def event(event_id: int, kind: str) -> HistoryEvent:
    name = f"EVENT_TYPE_WORKFLOW_{kind}"
    return HistoryEvent(event_id=event_id, event_type=EventType.Value(name))


EVENTS = [
    event(1, "EXECUTION_STARTED"),
    event(2, "TASK_SCHEDULED"),
    event(3, "TASK_STARTED"),
    event(4, "TASK_COMPLETED"),
    event(5, "TASK_SCHEDULED"),
    event(6, "TASK_STARTED"),
    event(7, "TASK_COMPLETED"),
]


def found(*pages: list[HistoryEvent]) -> int:
    search = WorkflowTaskSearch()
    for page in pages:
        if search.look(page):
            break
    return search.found()


def test_the_first_and_the_last_workflow_task_are_found() -> None:
    assert found(EVENTS) == 4
    assert found(EVENTS[::-1]) == 7
    assert found(EVENTS[:3], EVENTS[3:]) == 4
    assert found([EVENTS[2]], [EVENTS[1]], [EVENTS[0]]) == 3  # None is completed.
    with pytest.raises(InvalidArgumentError):
        found(EVENTS[:1])


def test_a_build_id_leads_to_its_first_workflow_task() -> None:
    good = ResetPointInfo(build_id="b", run_id="earlier", resettable=True)
    stuck = ResetPointInfo(build_id="b", run_id="earlier")
    late = ResetPointInfo(build_id="b", resettable=True, expire_time=Timestamp(seconds=1))

    def point(info: ResetPointInfo, *, build_id: str = "b", only: bool = False) -> ResetPointInfo:
        return point_of_build_id(
            [info], build_id=build_id, run_id="now", current_run_only=only, now=NOW
        )

    assert point(good).run_id == "earlier"
    for refused in (
        lambda: point(good, only=True),
        lambda: point(good, build_id="c"),
        lambda: point(stuck),
        lambda: point(late),
    ):
        with pytest.raises(InvalidArgumentError):
            refused()
