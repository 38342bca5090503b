"""A deleted namespace loses its executions, then its record; the others keep theirs."""

from dataclasses import replace

from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest

from indelible.base.errors import workflow_not_found
from indelible.base.ids import Archetype, ShardId, WorkflowId, WorkflowKey
from indelible.base.instants import NEVER
from indelible.engine.namespace.record import Namespace
from indelible.engine.namespace.registration import delete_namespace
from indelible.ports.stores import Commit, ExecutionWrite
from indelible.services.frontend.deleted_namespaces import DeletedNamespaces
from tests.services.frontend.test_visibility import ROWS, show
from tests.services.frontend.world import DEFAULT, OTHER, START, World


def swept(world: World) -> DeletedNamespaces:
    return DeletedNamespaces(registry=world.registry, history=world.history, visibility=world.store)


async def test_executions_are_removed_while_there_are_any(world: World) -> None:
    await show(world, ROWS)
    await world.registry.change(DEFAULT, lambda it: delete_namespace(it, now=START))
    await swept(world).sweep()
    removed = {
        request.workflow_execution.workflow_id  # pyright: ignore[reportAttributeAccessIssue]
        for name, request in world.history.calls
        if name == "delete"
    }
    assert removed == {row.workflow_id for row in ROWS}
    # The record goes when a sweep finds nothing any more, and here nothing was really removed.
    assert world.registry.by_id(DEFAULT)


async def test_an_empty_namespace_goes_and_a_living_one_stays(world: World) -> None:
    await world.registry.change(OTHER, lambda it: delete_namespace(it, now=START))
    await swept(world).sweep()
    assert next(namespace.id for namespace in world.registry.in_order()) == DEFAULT
    assert OTHER not in [namespace.id for namespace in world.registry.in_order()]


async def test_an_execution_that_is_gone_already_is_no_trouble(world: World) -> None:
    await show(world, ROWS)
    await world.registry.change(DEFAULT, lambda it: delete_namespace(it, now=START))

    async def gone(namespace: Namespace, request: DeleteWorkflowExecutionRequest) -> None:
        raise workflow_not_found(request.workflow_execution.workflow_id)

    world.history.delete_workflow = gone
    await swept(world).sweep()
    assert world.registry.by_id(DEFAULT)


async def test_standalone_activities_go_too(world: World) -> None:
    activity = replace(ROWS[0], archetype=Archetype.ACTIVITY)
    shard = ShardId(1)
    range_id = await world.store.acquire_shard(shard, owner="test")
    key = WorkflowKey(
        DEFAULT, WorkflowId(activity.workflow_id), activity.run_id, Archetype.ACTIVITY
    )
    write = ExecutionWrite(
        key=key,
        expected_version=0,
        version=1,
        is_open=False,
        wake_at=NEVER,
        record=b"",
        visibility=activity,
    )
    await world.store.commit(Commit(shard_id=shard, range_id=range_id, executions=[write]))
    await world.registry.change(DEFAULT, lambda it: delete_namespace(it, now=START))
    await swept(world).sweep()
    assert [name for name, _ in world.history.calls] == ["delete_activity"]
