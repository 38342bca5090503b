"""Every store: wake-ups, transfer tasks, dispatch tasks, namespaces."""

from collections import Counter
from typing import Final

import pytest
from msgspec.structs import replace

from indelible.base.ids import NamespaceId, QueueKey, QueueType, ShardId, TaskId
from indelible.base.instants import Instant
from indelible.engine.matching.priority import TaskPlace
from indelible.ports.stores import (
    CommitConflictError,
    DispatchBacklog,
    DispatchRow,
    NamespaceRecordKind,
    Store,
)
from indelible.store.sqlite.migrations import known_migrations
from tests.stores.builders import CLUSTER_ID, QUEUE, SHARD, dispatch, key, own, put, transfer, write

A: Final = key("a", "run-a")
OTHER: Final = NamespaceId("namespace-b")
BEGINNING: Final = (-1, 0, TaskId(0))


async def wakeups(store: Store, before: int = 1_000, limit: int = 100) -> list[tuple[int, str]]:
    found = await store.wakeups(SHARD, before=Instant(before), limit=limit)
    return [(wake_at, of.run_id) for wake_at, of in found]


async def test_wakeups_come_in_order_of_time(store: Store) -> None:
    shard = await own(store)
    for run, wake_at in (("r1", 30), ("r2", 10), ("r3", 0), ("r4", 20), ("r5", 10)):
        await put(store, shard, write(key(run, run), wake_at=wake_at))
    in_order = [(10, "r2"), (10, "r5"), (20, "r4"), (30, "r1")]
    assert await wakeups(store) == in_order
    assert await wakeups(store, limit=2) == in_order[:2]
    assert await wakeups(store, before=30) == in_order[:3]
    assert await wakeups(store, before=10) == []


async def test_a_wakeup_moves_with_its_execution(store: Store) -> None:
    shard = await own(store)
    seen: list[list[tuple[int, str]]] = []
    for version, wake_at in enumerate((5, 5, 9, 0, 7), start=1):
        await put(store, shard, write(A, version, wake_at=wake_at))
        seen.append(await wakeups(store))
    run = A.run_id
    assert seen == [[(5, run)], [(5, run)], [(9, run)], [], [(7, run)]]


async def test_a_closed_execution_may_have_a_wakeup(store: Store) -> None:
    shard = await own(store)
    await put(store, shard, write(A, is_open=False, wake_at=5))
    assert await wakeups(store) == [(5, A.run_id)]


async def test_wakeups_and_transfers_belong_to_their_shard(store: Store) -> None:
    other = await own(store, ShardId(2))
    await store.commit(
        replace(other, executions=[write(A, wake_at=5)], transfers_added=[transfer(1, A)])
    )
    assert await wakeups(store) == []
    assert list(await store.transfers(SHARD, after=TaskId(0), limit=10)) == []
    assert list(await store.wakeups(ShardId(2), before=Instant(9), limit=10)) == [(Instant(5), A)]
    assert list(await store.transfers(ShardId(2), after=TaskId(0), limit=10)) == [transfer(1, A)]


async def test_transfers_are_read_in_order_from_behind_an_id(store: Store) -> None:
    shard = await own(store)
    rows = [transfer(n, key(f"w{n}", f"r{n}")) for n in (1, 2, 3, 5, 8)]
    await store.commit(replace(shard, transfers_added=[rows[3], rows[0], rows[2]]))
    await store.commit(replace(shard, transfers_added=[rows[4], rows[1]]))
    assert list(await store.transfers(SHARD, after=TaskId(0), limit=10)) == rows
    assert list(await store.transfers(SHARD, after=TaskId(2), limit=2)) == rows[2:4]
    await store.commit(replace(shard, transfers_removed=[TaskId(2), TaskId(99), TaskId(8)]))
    left = [rows[0], rows[2], rows[3]]
    assert list(await store.transfers(SHARD, after=TaskId(0), limit=10)) == left


async def dispatches(
    store: Store, after: TaskPlace = BEGINNING, limit: int = 100
) -> list[DispatchRow]:
    return list(await store.dispatches(QUEUE, after=after, limit=limit))


async def test_dispatches_are_ordered_by_priority_pass_and_task_id(store: Store) -> None:
    shard = await own(store)
    rows = [
        dispatch(9, priority=0),
        dispatch(4, priority=1),
        dispatch(2, priority=3, of=key("w2", "r2", OTHER)),
        dispatch(3, priority=3),
        dispatch(7, priority=3),
        dispatch(6, priority=3, turn=(1, "b")),
        dispatch(5, priority=3, turn=(2, "a")),
        dispatch(8, priority=3, turn=(2, "b")),
        dispatch(1, priority=5),
    ]
    for row in (rows[3], rows[5], rows[0], rows[7], rows[2], rows[4], rows[8], rows[1], rows[6]):
        await store.commit(replace(shard, dispatches_added=[row]))
    assert await dispatches(store) == rows
    assert await dispatches(store, limit=2) == rows[:2]
    for place, row in enumerate(rows):
        assert await dispatches(store, after=row.place) == rows[place + 1 :]
        backlogs = await store.dispatch_backlogs(QUEUE, after=row.place)
        assert {priority: one.count for priority, one in backlogs.items()} == Counter(
            behind.priority for behind in rows[place + 1 :]
        )
    assert await dispatches(store, after=(2, 9, TaskId(100)), limit=2) == rows[2:4]
    backlogs = await store.dispatch_backlogs(QUEUE, after=BEGINNING)
    assert {priority: one.count for priority, one in backlogs.items()} == {0: 1, 1: 1, 3: 6, 5: 1}


async def test_backlogs_are_told_by_priority_with_the_age_of_the_oldest(store: Store) -> None:
    shard = await own(store)
    other = QUEUE._replace(name="other")
    rows = [
        replace(dispatch(4, priority=3, turn=(1, "a")), created_at=Instant(40)),
        replace(dispatch(2, priority=3, turn=(2, "b")), created_at=Instant(20)),
        replace(dispatch(3, priority=1), created_at=Instant(30)),
        replace(dispatch(1, priority=3), queue=other, created_at=Instant(10)),
    ]
    await store.commit(replace(shard, dispatches_added=rows))
    assert await store.dispatch_backlogs(QUEUE, after=BEGINNING) == {
        1: DispatchBacklog(count=1, oldest_at=Instant(30)),
        3: DispatchBacklog(count=2, oldest_at=Instant(20)),
    }
    assert await store.dispatch_backlogs(QUEUE, after=rows[2].place) == {
        3: DispatchBacklog(count=2, oldest_at=Instant(20)),
    }
    assert await store.dispatch_backlogs(QUEUE, after=rows[0].place) == {
        3: DispatchBacklog(count=1, oldest_at=Instant(20)),
    }


async def test_the_passes_that_wait_are_told_by_queue_priority_and_key(store: Store) -> None:
    other = QUEUE._replace(queue_type=QueueType.ACTIVITY)
    shard = await own(store)
    rows = [
        dispatch(1, turn=(1_000, "")),
        dispatch(2, turn=(500, "b")),
        dispatch(3, turn=(9_000, "b")),
        dispatch(4, turn=(2_000, "b")),
        dispatch(5, priority=1, turn=(2**40, "b")),
        dispatch(6, turn=(7, "b"), queue=other),
        dispatch(7),
    ]
    await store.commit(replace(shard, dispatches_added=rows))

    async def passes() -> set[tuple[QueueType, int, str, int, int]]:
        return {
            (found.queue.queue_type, found.priority, found.fairness_key, found.first, found.last)
            for found in await store.waiting_passes()
            if found.queue in (QUEUE, other)
        }

    kind = QUEUE.queue_type
    high, low = (kind, 1, "b", 2**40, 2**40), (other.queue_type, 3, "b", 7, 7)
    assert await passes() == {(kind, 3, "", 1_000, 1_000), (kind, 3, "b", 500, 9_000), high, low}
    await store.commit(replace(shard, dispatches_removed=[(QUEUE, TaskId(n)) for n in (1, 2, 3)]))
    assert await passes() == {(kind, 3, "b", 2_000, 2_000), high, low}


async def test_a_dispatch_is_removed_by_its_queue_and_id(store: Store) -> None:
    shard = await own(store)
    rows = [dispatch(n, priority=n) for n in (1, 2, 3)]
    await store.commit(replace(shard, dispatches_added=rows))
    wrong_queue = QUEUE._replace(name="other")
    await store.commit(
        replace(
            shard,
            dispatches_removed=[
                (QUEUE, TaskId(2)),
                (QUEUE, TaskId(77)),
                (wrong_queue, TaskId(3)),
            ],
        )
    )
    assert await dispatches(store) == [rows[0], rows[2]]
    assert sorted(await store.dispatch_backlogs(QUEUE, after=BEGINNING)) == [1, 3]
    await store.commit(replace(shard, dispatches_removed=[(QUEUE, TaskId(1)), (QUEUE, TaskId(3))]))
    assert await dispatches(store) == []
    assert not await store.dispatch_backlogs(QUEUE, after=BEGINNING)


@pytest.mark.parametrize(
    "queue",
    [
        QUEUE._replace(name="queue2"),
        QUEUE._replace(queue_type=QueueType.ACTIVITY),
        QUEUE._replace(namespace_id=OTHER),
    ],
)
async def test_each_part_of_a_queue_key_tells_queues_apart(store: Store, queue: QueueKey) -> None:
    shard = await own(store)
    row = dispatch(1, queue=queue)
    await store.commit(replace(shard, dispatches_added=[row, dispatch(2)]))
    assert await dispatches(store) == [dispatch(2)]
    assert list(await store.dispatches(queue, after=BEGINNING, limit=9)) == [row]


async def test_namespaces_are_put_replaced_renamed_and_deleted(store: Store) -> None:
    a, b = NamespaceId("a"), NamespaceId("b")
    await store.put_namespace(b, "name-b", b"1")
    await store.put_namespace(a, "name-a", b"2")
    assert list(await store.load_namespaces()) == [(a, "name-a", b"2"), (b, "name-b", b"1")]
    await store.put_namespace(a, "renamed", b"3")
    with pytest.raises(CommitConflictError):
        await store.put_namespace(b, "renamed", b"4")
    assert list(await store.load_namespaces()) == [(a, "renamed", b"3"), (b, "name-b", b"1")]
    await store.delete_namespace(a)
    await store.delete_namespace(NamespaceId("absent"))
    await store.put_namespace(b, "renamed", b"5")
    assert list(await store.load_namespaces()) == [(b, "renamed", b"5")]


async def test_nexus_endpoints_are_put_replaced_renamed_and_deleted(store: Store) -> None:
    await store.put_nexus_endpoint("b", "name-b", b"1")
    await store.put_nexus_endpoint("a", "name-a", b"2")
    assert list(await store.load_nexus_endpoints()) == [
        ("a", "name-a", b"2"),
        ("b", "name-b", b"1"),
    ]
    await store.put_nexus_endpoint("a", "renamed", b"3")
    with pytest.raises(CommitConflictError):
        await store.put_nexus_endpoint("b", "renamed", b"4")
    assert list(await store.load_nexus_endpoints()) == [
        ("a", "renamed", b"3"),
        ("b", "name-b", b"1"),
    ]
    await store.delete_nexus_endpoint("a")
    await store.delete_nexus_endpoint("absent")
    await store.put_nexus_endpoint("b", "renamed", b"5")
    assert list(await store.load_nexus_endpoints()) == [("b", "renamed", b"5")]


async def test_records_of_a_namespace_are_put_replaced_and_deleted(store: Store) -> None:
    deployment = NamespaceRecordKind.WORKER_DEPLOYMENT
    a, b = NamespaceId("a"), NamespaceId("b")
    await store.put_namespace_record(deployment, b, "x", b"1")
    await store.put_namespace_record(deployment, a, "y", b"2")
    await store.put_namespace_record(deployment, a, "x", b"3")
    await store.put_namespace_record(NamespaceRecordKind.BUILD_ID_SETS, a, "x", b"other")
    await store.put_namespace_record(deployment, a, "y", b"4")
    assert [tuple(row) for row in await store.load_namespace_records(deployment)] == [
        (a, "x", b"3"),
        (a, "y", b"4"),
        (b, "x", b"1"),
    ]
    await store.delete_namespace_record(deployment, a, "x")
    await store.delete_namespace_record(deployment, a, "absent")
    assert [tuple(row)[:2] for row in await store.load_namespace_records(deployment)] == [
        (a, "y"),
        (b, "x"),
    ]
    sets = await store.load_namespace_records(NamespaceRecordKind.BUILD_ID_SETS)
    assert [tuple(row) for row in sets] == [(a, "x", b"other")]


async def test_executions_outlive_the_record_of_their_namespace(store: Store) -> None:
    shard = await own(store)
    await put(store, shard, write(A))
    await store.put_namespace(A.namespace_id, "name", b"")
    await store.delete_namespace(A.namespace_id)
    assert await store.load_execution(A) is not None
    assert list(await store.load_namespaces()) == []


async def test_the_records_of_a_namespace_go_with_it(store: Store) -> None:
    a, b = NamespaceId("a"), NamespaceId("b")
    for namespace_id in (a, b):
        await store.put_namespace(namespace_id, f"name-{namespace_id}", b"1")
        for kind in NamespaceRecordKind:
            await store.put_namespace_record(kind, namespace_id, "x", b"record")
    await store.delete_namespace(a)
    for kind in NamespaceRecordKind:
        assert list(await store.load_namespace_records(kind)) == [(b, "x", b"record")]


async def test_a_store_says_what_it_is(store: Store) -> None:
    description = store.describe()
    assert description.kind in {"memory", "sqlite"}
    assert (description.cluster_id, description.shard_count) == (CLUSTER_ID, 4)
    newest = known_migrations()[-1].version
    assert description.schema_version == (newest if description.kind == "sqlite" else 1)
