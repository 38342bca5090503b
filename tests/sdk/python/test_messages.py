"""Signals and queries."""

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.workflowservice.v1 import (
    QueryWorkflowRequest,
    SignalWorkflowExecutionRequest,
)
from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.common import QueryRejectCondition, WorkflowIDConflictPolicy
from temporalio.service import RPCStatusCode

from tests.sdk.python.harness import Harness, event_names, execution, refused
from tests.sdk.python.programs.basic import Greeting, Naps, Waiting

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]


async def test_signals_arrive_in_order(harness: Harness) -> None:
    sent = [f"note {number}" for number in range(30)]
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run)
        for text in sent:
            await handle.signal(Waiting.note, text)
        await handle.signal(Waiting.finish)
        assert await handle.result() == sent
    names = await harness.event_names(handle)
    assert names.count("WORKFLOW_EXECUTION_SIGNALED") == 31


async def test_signals_wait_for_a_worker(harness: Harness) -> None:
    handle = await harness.start(Waiting.run)
    for text in ("one", "two", "three"):
        await handle.signal(Waiting.note, text)
    await handle.signal(Waiting.finish)
    assert await harness.event_names(handle) == [
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_TASK_SCHEDULED",
        *["WORKFLOW_EXECUTION_SIGNALED"] * 4,
    ]
    async with harness.worker(Waiting):
        assert await handle.result() == ["one", "two", "three"]
    assert (await harness.event_names(handle))[-1] == "WORKFLOW_EXECUTION_COMPLETED"


async def test_idle_workflow_writes_nothing(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run)
        await handle.query(Waiting.noted)
        before = await harness.event_names(handle)
        for _ in range(5):
            assert await handle.query(Waiting.noted) == []
        assert await harness.event_names(handle) == before
        await handle.signal(Waiting.finish)
        await handle.result()


async def test_repeated_signal_request_counts_once(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run)
        request = SignalWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=handle.id),
            signal_name="finish",
            request_id=f"{handle.id}-signal",
            identity="tester",
        )
        await harness.client.workflow_service.signal_workflow_execution(request)
        await handle.result()
        names = await harness.event_names(handle)
        # The run is closed now; a repetition of what was accepted is still no error.
        await harness.client.workflow_service.signal_workflow_execution(request)
    assert await harness.event_names(handle) == names
    assert names.count("WORKFLOW_EXECUTION_SIGNALED") == 1


async def test_signal_to_a_closed_workflow_is_not_found(harness: Harness) -> None:
    async with harness.worker(Greeting):
        handle = await harness.start(Greeting.run, "World")
        await handle.result()
    async with refused(
        RPCStatusCode.NOT_FOUND,
        detail="NotFoundFailure",
        text="workflow execution already completed",
    ):
        await handle.signal("anything")


async def test_unknown_signal_is_kept_for_later_code(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run)
        await handle.signal("nobody-listens", "text")
        await handle.signal(Waiting.finish)
        assert await handle.result() == []


async def test_signal_with_start_starts_once(harness: Harness) -> None:
    workflow_id = harness.new_id()
    async with harness.worker(Waiting):
        handles = [
            await harness.start(
                Waiting.run, id=workflow_id, start_signal="note", start_signal_args=[text]
            )
            for text in ("first", "second", "third")
        ]
        runs = {(await handle.describe()).run_id for handle in handles}
        assert len(runs) == 1
        assert {handle.first_execution_run_id for handle in handles} == runs
        await handles[0].signal(Waiting.finish)
        assert await handles[0].result() == ["first", "second", "third"]
    names = await harness.event_names(handles[0])
    assert names[:3] == [
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_TASK_SCHEDULED",
    ]


async def test_signal_with_start_after_the_end_starts_anew(harness: Harness) -> None:
    workflow_id = harness.new_id()
    async with harness.worker(Waiting):
        run_ids = []
        for text in ("old", "new"):
            handle = await harness.start(
                Waiting.run, id=workflow_id, start_signal="note", start_signal_args=[text]
            )
            await handle.signal(Waiting.finish)
            assert await handle.result() == [text]
            run_ids.append((await handle.describe()).run_id)
    assert run_ids[0] != run_ids[1]


async def test_signal_with_start_may_replace_the_running_one(harness: Harness) -> None:
    workflow_id = harness.new_id()
    async with harness.worker(Waiting):
        old = await harness.start(Waiting.run, id=workflow_id)
        new = await harness.start(
            Waiting.run,
            id=workflow_id,
            start_signal="note",
            start_signal_args=["fresh"],
            id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
        )
        assert new.first_execution_run_id != old.first_execution_run_id
        await new.signal(Waiting.finish)
        assert await new.result() == ["fresh"]
    terminated = harness.client.get_workflow_handle(workflow_id, run_id=old.first_execution_run_id)
    assert (await terminated.describe()).status is WorkflowExecutionStatus.TERMINATED


async def test_query_of_a_running_and_of_a_closed_workflow(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run)
        await handle.signal(Waiting.note, "seen")
        assert await handle.query(Waiting.noted) == ["seen"]
        await handle.signal(Waiting.finish)
        await handle.result()
        assert await handle.query(Waiting.noted) == ["seen"]
    # Another worker has nothing cached: it replays the closed run to answer.
    async with harness.worker(Waiting, max_cached_workflows=0):
        assert await handle.query(Waiting.noted) == ["seen"]


async def test_query_right_after_a_signal_sees_it(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run)
        for number in range(20):
            await handle.signal(Waiting.note, str(number))
            assert len(await handle.query(Waiting.noted)) == number + 1
        await handle.terminate()


async def test_stack_trace_query(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run)
        trace = await handle.query("__stack_trace")
        assert "Stack for <Task pending name='run (workflow: " in trace
        assert handle.id in trace
        await handle.terminate()


async def test_failing_query_is_the_callers_error(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run)
        with pytest.raises(WorkflowQueryFailedError, match="no answer"):
            await handle.query(Waiting.fails)
        with pytest.raises(WorkflowQueryFailedError, match="unknown-query"):
            await handle.query("unknown-query")
        async with refused(
            RPCStatusCode.INVALID_ARGUMENT, detail="QueryFailedFailure", text="no answer"
        ):
            await harness.client.workflow_service.query_workflow(
                QueryWorkflowRequest(
                    namespace="default",
                    execution=execution(handle),
                    query=WorkflowQuery(query_type="fails"),
                )
            )
        await handle.terminate()


async def test_query_reject_conditions(harness: Harness) -> None:
    async with harness.worker(Waiting):
        handle = await harness.start(Waiting.run)
        not_open = QueryRejectCondition.NOT_OPEN
        assert await handle.query(Waiting.noted, reject_condition=not_open) == []
        await handle.signal(Waiting.finish)
        await handle.result()
        unclean = QueryRejectCondition.NOT_COMPLETED_CLEANLY
        assert await handle.query(Waiting.noted, reject_condition=unclean) == []
        with pytest.raises(WorkflowQueryRejectedError) as caught:
            await handle.query(Waiting.noted, reject_condition=not_open)
        assert caught.value.status is WorkflowExecutionStatus.COMPLETED


async def test_query_of_a_run_that_never_had_a_task(harness: Harness) -> None:
    handle = await harness.start(Waiting.run)
    await handle.terminate()
    async with refused(RPCStatusCode.FAILED_PRECONDITION, detail="WorkflowNotReadyFailure"):
        await handle.query(Waiting.noted)


async def test_query_while_a_timer_runs(harness: Harness) -> None:
    async with harness.worker(Naps):
        handle = await harness.start(Naps.run, [400])
        trace = await handle.query("__stack_trace")
        assert "Stack for <Task pending name='run (workflow: " in trace
        assert handle.id in trace
        assert len(await handle.result()) == 1
    assert event_names(await harness.events(handle))[-1] == "WORKFLOW_EXECUTION_COMPLETED"
