"""Nexus operations that clients call without a workflow: their ends, ids, lists and links."""

from datetime import timedelta

import pytest
from temporalio.client import NexusOperationFailureError, NexusOperationHandle
from temporalio.common import (
    NexusOperationExecutionStatus,
    NexusOperationIDConflictPolicy,
    NexusOperationIDReusePolicy,
)
from temporalio.exceptions import (
    ApplicationError,
    CancelledError,
    NexusOperationAlreadyStartedError,
    TerminatedError,
    TimeoutError as TemporalTimeoutError,
)

from tests.sdk.python.harness import Harness
from tests.sdk.python.programs.nexus import Desk, Work
from tests.sdk.python.test_nexus import desk, endpoint_of

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]


async def start(
    harness: Harness,
    operation: str,
    word: str,
    *,
    operation_id: str = "",
    conflict: NexusOperationIDConflictPolicy = NexusOperationIDConflictPolicy.FAIL,
    reuse: NexusOperationIDReusePolicy = NexusOperationIDReusePolicy.ALLOW_DUPLICATE,
    lasts: timedelta = timedelta(seconds=20),
    endpoint: str = "",
) -> NexusOperationHandle[str]:
    client = harness.client.create_nexus_client(
        service=Desk, endpoint=endpoint or await endpoint_of(harness)
    )
    return await client.start_operation(
        operation,
        word,
        id=operation_id or harness.new_id(),
        result_type=str,
        schedule_to_close_timeout=lasts,
        id_conflict_policy=conflict,
        id_reuse_policy=reuse,
        summary="a summary",
    )


async def test_an_answer_at_once(harness: Harness) -> None:
    async with desk(harness):
        handle = await start(harness, "greet", "you")
        assert await handle.result() == "hello you"
    described = await handle.describe()
    assert described.status is NexusOperationExecutionStatus.COMPLETED
    assert (described.operation, described.attempt) == ("greet", 1)
    assert await described.static_summary() == "a summary"


async def test_a_workflow_stands_behind_it_and_both_link_to_each_other(harness: Harness) -> None:
    async with desk(harness):
        handle = await start(harness, "work", "this")
        assert await handle.result() == "worked on this"
    work = harness.client.get_workflow_handle(f"{harness.task_queue}-work")
    (started, *_) = await harness.events(work)
    # A link that the callback carries is not repeated beside it.
    assert not started.links
    (callback,) = started.workflow_execution_started_event_attributes.completion_callbacks
    link = callback.links[0].nexus_operation
    assert (link.operation_id, link.run_id) == (handle.operation_id, handle.run_id)
    described = await handle.describe()
    (back,) = described.raw_description.links
    assert back.workflow_event.workflow_id == work.id


async def test_a_refusal_is_its_end(harness: Harness) -> None:
    async with desk(harness):
        handle = await start(harness, "refuse", "not today")
        with pytest.raises(NexusOperationFailureError) as caught:
            await handle.result()
    assert isinstance(caught.value.cause, ApplicationError)


async def test_a_cancellation_reaches_the_workflow_behind_it(harness: Harness) -> None:
    async with desk(harness):
        handle = await start(harness, "work", "wait")
        await handle.cancel(reason="enough")
        with pytest.raises(NexusOperationFailureError) as caught:
            await handle.result()
        work = harness.client.get_workflow_handle_for(Work.run, f"{harness.task_queue}-work")
        assert (await work.describe()).close_time is not None
    assert isinstance(caught.value.cause, CancelledError)


async def test_a_termination_tells_no_handler(harness: Harness) -> None:
    handle = await start(harness, "work", "wait")
    await handle.terminate(reason="enough")
    with pytest.raises(NexusOperationFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, TerminatedError)


@pytest.mark.slow
async def test_without_a_worker_it_times_out(harness: Harness) -> None:
    handle = await start(harness, "greet", "you", lasts=timedelta(seconds=1))
    with pytest.raises(NexusOperationFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, TemporalTimeoutError)


async def test_policies_decide_whether_an_id_may_be_used_again(harness: Harness) -> None:
    name, endpoint = harness.new_id(), await endpoint_of(harness)
    first = await start(harness, "greet", "you", operation_id=name, endpoint=endpoint)
    with pytest.raises(NexusOperationAlreadyStartedError) as caught:
        await start(harness, "greet", "you", operation_id=name, endpoint=endpoint)
    assert caught.value.run_id == first.run_id
    same = await start(
        harness,
        "greet",
        "you",
        operation_id=name,
        conflict=NexusOperationIDConflictPolicy.USE_EXISTING,
        endpoint=endpoint,
    )
    assert same.run_id == first.run_id
    await first.terminate()
    with pytest.raises(NexusOperationAlreadyStartedError):
        await start(
            harness,
            "greet",
            "you",
            operation_id=name,
            reuse=NexusOperationIDReusePolicy.REJECT_DUPLICATE,
            endpoint=endpoint,
        )
    again = await start(harness, "greet", "you", operation_id=name, endpoint=endpoint)
    assert again.run_id != first.run_id


async def test_lists_and_counts_find_it(harness: Harness) -> None:
    endpoint = await endpoint_of(harness)
    async with desk(harness):
        done = await start(harness, "greet", "you", endpoint=endpoint)
        await done.result()
    waiting = await start(harness, "work", "wait", endpoint=endpoint)

    async def found(query: str) -> set[str]:
        full = f"Endpoint = '{endpoint}' AND {query}"
        return {each.operation_id async for each in harness.client.list_nexus_operations(full)}

    assert await found("Operation = 'greet'") == {done.operation_id}
    assert await found("Service = 'Desk'") == {done.operation_id, waiting.operation_id}
    assert await found("ExecutionStatus = 'Running'") == {waiting.operation_id}
    assert await found(f"OperationId = '{done.operation_id}'") == {done.operation_id}
    counted = await harness.client.count_nexus_operations(
        f"Endpoint = '{endpoint}' GROUP BY ExecutionStatus"
    )
    assert counted.count == 2
    assert [(group.count, group.group_values) for group in counted.groups] == [
        (1, ["Running"]),
        (1, ["Completed"]),
    ]
    same_id = f"WorkflowId = '{done.operation_id}'"
    assert [each async for each in harness.client.list_workflows(same_id)] == []
