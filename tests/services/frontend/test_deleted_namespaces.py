"""A deleted namespace loses its executions, then its record; the others keep theirs."""

from random import Random  # noqa: TID251 - a seeded generator is what the faulty store is given

import pytest
from msgspec.structs import replace
from temporalio.api.operatorservice.v1 import DeleteNamespaceRequest, DeleteNamespaceResponse
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest

from indelible.base.errors import FailedPreconditionError, StatusCode, workflow_not_found
from indelible.base.ids import Archetype, ShardId, WorkflowId, WorkflowKey
from indelible.base.instants import HOUR, MINUTE, NEVER, Duration, Instant
from indelible.base.limits import Limits
from indelible.engine.namespace.record import Namespace
from indelible.engine.namespace.registration import delete_namespace
from indelible.ports.stores import Commit, ExecutionWrite, StoreError
from indelible.services.frontend.deleted_namespaces import DeletedNamespaces
from indelible.services.namespaces import NamespaceRegistry
from indelible.store.faulty import NO_FAULTS, FaultRates, FaultyStore
from tests.services.frontend.test_nexus_endpoints import create, spec
from tests.services.frontend.test_visibility import ROWS, show
from tests.services.frontend.world import DEFAULT, OTHER, START, UNHURRIED, World


def swept(world: World, limits: Limits = UNHURRIED) -> DeletedNamespaces:
    return DeletedNamespaces(
        registry=world.registry,
        history=world.history,
        visibility=world.store,
        limits_of=lambda _: limits,
    )


async def test_executions_are_removed_while_there_are_any(world: World) -> None:
    await show(world, ROWS)
    await world.registry.change(DEFAULT, lambda it: delete_namespace(it, now=START))
    await swept(world).sweep(START)
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
    await swept(world).sweep(START)
    assert next(namespace.id for namespace in world.registry.in_order()) == DEFAULT
    assert OTHER not in [namespace.id for namespace in world.registry.in_order()]


async def test_an_execution_that_is_gone_already_is_no_trouble(world: World) -> None:
    await show(world, ROWS)
    await world.registry.change(DEFAULT, lambda it: delete_namespace(it, now=START))

    async def gone(namespace: Namespace, request: DeleteWorkflowExecutionRequest) -> None:
        raise workflow_not_found(request.workflow_execution.workflow_id)

    world.history.delete_workflow = gone
    await swept(world).sweep(START)
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
    await swept(world).sweep(START)
    assert [name for name, _ in world.history.calls] == ["delete_activity"]


async def test_an_execution_that_cannot_go_does_not_keep_the_others(world: World) -> None:
    await show(world, ROWS)
    await world.registry.change(DEFAULT, lambda it: delete_namespace(it, now=START))
    stuck, others = ROWS[0].workflow_id, [row.workflow_id for row in ROWS[1:]]
    removed: list[str] = []

    async def refuse_one(namespace: Namespace, request: DeleteWorkflowExecutionRequest) -> None:
        if request.workflow_execution.workflow_id == stuck:
            raise FailedPreconditionError("not now")
        removed.append(request.workflow_execution.workflow_id)

    world.history.delete_workflow = refuse_one
    await swept(world).sweep(START)
    assert sorted(removed) == sorted(others)
    assert world.registry.by_id(DEFAULT)


async def test_a_sweep_takes_what_may_go_in_a_second_and_goes_on_behind_it(world: World) -> None:
    """Whatever stays where it is, every execution has its turn, and then the first one again."""
    await show(world, ROWS)
    await world.registry.change(DEFAULT, lambda it: delete_namespace(it, now=START))
    sweeper = swept(world, replace(UNHURRIED, namespace_deletions_per_second=3))
    asked: list[int] = []
    for _ in range(4):
        await sweeper.sweep(START)
        asked.append(len(world.history.calls))
    names = [
        request.workflow_execution.workflow_id  # pyright: ignore[reportAttributeAccessIssue]
        for _, request in world.history.calls
    ]
    assert asked == [3, 4, 7, 8]
    assert names == ["open", "child", "done", "lost"] * 2
    assert world.registry.by_id(DEFAULT)


async def test_the_record_stays_as_long_as_was_asked_after_the_executions(world: World) -> None:
    request = DeleteNamespaceRequest(namespace_id=OTHER)
    request.namespace_delete_delay.seconds = 3600
    answer = await world.call(request, DeleteNamespaceResponse)
    assert answer.deleted_namespace == f"other-deleted-{OTHER[:5]}"
    hour = Duration(HOUR)
    # A stop in between changes nothing: what counts is in the record.
    await swept(world).sweep(START)
    await swept(world).sweep(Instant(START + hour - 1))
    assert world.registry.by_id(OTHER).emptied_at == START
    await swept(world).sweep(Instant(START + hour))
    assert OTHER not in [namespace.id for namespace in world.registry.in_order()]


async def test_deleting_again_changes_the_delay_and_not_the_name(world: World) -> None:
    request = DeleteNamespaceRequest(namespace_id=OTHER)
    request.namespace_delete_delay.seconds = 3600
    first = await world.call(request, DeleteNamespaceResponse)
    second = await world.call(DeleteNamespaceRequest(namespace_id=OTHER), DeleteNamespaceResponse)
    assert first == second
    await swept(world).sweep(START)
    assert OTHER not in [namespace.id for namespace in world.registry.in_order()]


async def test_an_operator_protects_namespaces_and_sets_the_delay() -> None:
    limits = replace(
        UNHURRIED, protected_namespaces=("default",), namespace_delete_delay=Duration(HOUR)
    )
    world = await World(limits=limits).load()
    refusal = await world.refusal(DeleteNamespaceRequest(namespace="default"))
    assert refusal.code is StatusCode.FAILED_PRECONDITION
    assert refusal.message == "namespace default is protected from deletion"
    await world.call(DeleteNamespaceRequest(namespace_id=OTHER), DeleteNamespaceResponse)
    assert world.registry.by_id(OTHER).delete_delay == HOUR


@pytest.mark.parametrize("is_allowed", [False, True])
async def test_a_target_of_an_endpoint_goes_only_if_the_operator_allows_it(
    is_allowed: bool,
) -> None:
    world = await World(
        limits=replace(UNHURRIED, deletion_despite_nexus_endpoints=is_allowed)
    ).load()
    await create(world, spec("my-endpoint"))
    request = DeleteNamespaceRequest(namespace="default")
    if is_allowed:
        await world.call(request, DeleteNamespaceResponse)
    else:
        refusal = await world.refusal(request)
        assert refusal.message == (
            "cannot delete a namespace that is a target of a Nexus endpoint my-endpoint"
        )


async def test_faults_of_the_store_delay_the_end_and_lose_nothing() -> None:
    world = await World().load()
    dice = Random(7)  # noqa: S311
    store = FaultyStore(world.store, dice=dice, clock=world.clock, rates=NO_FAULTS)
    registry = NamespaceRegistry(store)
    await registry.load(now=START)
    await registry.change(OTHER, lambda it: delete_namespace(it, now=START, delay=Duration(HOUR)))
    store.rates = FaultRates(write_fails_before=0.3, write_fails_after=0.3, read_fails=0.3)
    failures = 0
    for minute in range(600):
        # Each sweep is that of a process that has just been started.
        sweeper = DeletedNamespaces(
            registry=registry,
            history=world.history,
            visibility=store,
            limits_of=lambda _: UNHURRIED,
        )
        try:
            await sweeper.sweep(Instant(START + minute * MINUTE))
        except StoreError:
            failures += 1
    assert failures
    store.rates = NO_FAULTS
    kept = [namespace.id for namespace in registry.in_order()]
    assert OTHER not in kept
    assert DEFAULT in kept
    assert [row[0] for row in await store.load_namespaces()] == kept
