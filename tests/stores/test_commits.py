"""Every store: commits are atomic, fenced, versioned, and applied in call order."""

import asyncio
from typing import Final

import pytest
from msgspec.structs import replace

from indelible.base.ids import NamespaceId, ShardId, TaskId, WorkflowKey
from indelible.base.instants import Instant
from indelible.ports.stores import (
    Commit,
    CommitConflictError,
    ShardOwnershipLostError,
    Store,
    StoredExecution,
)
from tests.stores.builders import (
    QUEUE,
    RANGE_NEVER_GIVEN,
    SHARD,
    batch,
    chain,
    current,
    dispatch,
    everything,
    key,
    own,
    put,
    sub_record,
    transfer,
    visible,
    write,
)

A: Final = key("a", "run-a")
B: Final = key("b", "run-b")


async def test_an_execution_is_read_as_it_was_written(store: Store) -> None:
    shard = await own(store)
    blob = bytes(range(256)) * 100
    await put(store, shard, write(A, record=blob, put=[sub_record(2, "x", blob)]))
    loaded = await store.load_execution(A)
    assert loaded is not None
    assert list(loaded.sub_records) == [sub_record(2, "x", blob)]
    assert replace(loaded, sub_records=()) == StoredExecution(
        key=A, version=1, record=blob, sub_records=()
    )


async def test_what_does_not_exist_is_none(store: Store) -> None:
    await own(store)
    assert await store.load_execution(A) is None
    assert await store.current_run(chain(A)) is None


@pytest.mark.parametrize(
    "other",
    [
        A._replace(workflow_id=B.workflow_id),
        A._replace(run_id=B.run_id),
        A._replace(namespace_id=NamespaceId("namespace-b")),
    ],
)
async def test_each_part_of_a_key_tells_executions_apart(store: Store, other: WorkflowKey) -> None:
    shard = await own(store)
    await put(store, shard, write(A, record=b"a"))
    assert await store.load_execution(other) is None
    await put(store, shard, write(other, record=b"other"))
    loaded = await store.load_execution(A)
    assert loaded is not None
    assert loaded.record == b"a"


async def test_sub_records_are_put_replaced_and_removed_one_by_one(store: Store) -> None:
    shard = await own(store)
    first = [sub_record(1, "b"), sub_record(1, "a"), sub_record(0, "z"), sub_record(2, "a")]
    await put(store, shard, write(A, put=first))
    await put(
        store,
        shard,
        write(A, 2, put=[sub_record(1, "b", b"new")], remove=[(0, "z"), (7, "absent")]),
    )
    loaded = await store.load_execution(A)
    assert loaded is not None
    assert list(loaded.sub_records) == [
        sub_record(1, "a"),
        sub_record(1, "b", b"new"),
        sub_record(2, "a"),
    ]


async def test_a_sub_record_that_is_removed_and_put_stays(store: Store) -> None:
    shard = await own(store)
    await put(store, shard, write(A, put=[sub_record(1, "a", b"old")]))
    await put(store, shard, write(A, 2, put=[sub_record(1, "a", b"new")], remove=[(1, "a")]))
    loaded = await store.load_execution(A)
    assert loaded is not None
    assert list(loaded.sub_records) == [sub_record(1, "a", b"new")]


@pytest.mark.parametrize("version", [1, 3])
async def test_another_version_than_the_expected_is_a_conflict(store: Store, version: int) -> None:
    shard = await own(store)
    await put(store, shard, write(A, record=b"first"))
    with pytest.raises(CommitConflictError):
        await put(store, shard, write(A, version, record=b"late"))
    loaded = await store.load_execution(A)
    assert loaded is not None
    assert loaded.record == b"first"


async def test_the_current_run_changes_only_from_the_expected_one(store: Store) -> None:
    shard = await own(store)
    later = A._replace(run_id=B.run_id)
    await store.commit(replace(shard, executions=[write(A)], currents=[current(A)]))
    with pytest.raises(CommitConflictError):
        await store.commit(replace(shard, executions=[write(later)], currents=[current(later)]))
    assert await store.load_execution(later) is None
    assert await store.current_run(chain(A)) == A.run_id
    await store.commit(
        replace(shard, executions=[write(later)], currents=[current(later, A.run_id)])
    )
    assert await store.current_run(chain(A)) == later.run_id


REFUSED: Final = {
    "version": {"executions": [write(A, 2)]},
    "current run": {"currents": [current(B, "another")]},
    "history": {"executions": [write(A, history=[batch(1, 2), batch(1, 2)])]},
    "transfer": {"transfers_added": [transfer(1)]},
    "dispatch": {"dispatches_added": [dispatch(1)]},
    "dispatch in another queue": {
        "dispatches_added": [dispatch(1, queue=QUEUE._replace(name="other"))]
    },
}


@pytest.mark.parametrize("reason", REFUSED)
async def test_a_refused_commit_leaves_no_trace(store: Store, reason: str) -> None:
    shard = await own(store)
    await store.commit(
        replace(shard, transfers_added=[transfer(1)], dispatches_added=[dispatch(1)])
    )
    before = await everything(store, [A, B], [QUEUE], [SHARD])
    sound = replace(
        shard,
        executions=[
            write(B, put=[sub_record(1, "a")], history=[batch(1, 3)], visibility=visible(B))
        ],
        currents=[current(B)],
        transfers_added=[transfer(2)],
        transfers_removed=[TaskId(1)],
        dispatches_added=[dispatch(2)],
        dispatches_removed=[(QUEUE, TaskId(1))],
    )
    refused = replace(
        sound,
        **{field: [*getattr(sound, field), *rows] for field, rows in REFUSED[reason].items()},
    )
    with pytest.raises(CommitConflictError):
        await store.commit(refused)
    assert await everything(store, [A, B], [QUEUE], [SHARD]) == before
    await store.commit(sound)
    assert await everything(store, [A, B], [QUEUE], [SHARD]) != before


async def test_an_older_owner_is_refused(store: Store) -> None:
    old = await own(store)
    await put(store, old, write(A))
    new = await own(store)
    with pytest.raises(ShardOwnershipLostError):
        await put(store, old, write(A, 2))
    await put(store, new, write(A, 2))


@pytest.mark.parametrize("shard_id", [SHARD, ShardId(2)])
async def test_a_number_that_was_never_given_is_refused(store: Store, shard_id: ShardId) -> None:
    await own(store)
    with pytest.raises(ShardOwnershipLostError):
        await store.commit(Commit(shard_id=shard_id, range_id=RANGE_NEVER_GIVEN))


async def test_range_ids_are_unique_over_all_shards_and_grow(store: Store) -> None:
    ids = [await store.acquire_shard(ShardId(shard), owner="test") for shard in (1, 2, 1, 3, 2, 1)]
    assert ids == sorted(set(ids))
    assert min(ids) > 0


async def test_taking_one_shard_leaves_the_others_alone(store: Store) -> None:
    shard = await own(store, ShardId(1))
    await own(store, ShardId(2))
    await put(store, shard, write(A))


async def test_commits_take_effect_in_call_order(store: Store) -> None:
    shard = await own(store)
    async with asyncio.TaskGroup() as group:
        for version in range(1, 101):
            group.create_task(put(store, shard, write(A, version, record=b"%d" % version)))
    loaded = await store.load_execution(A)
    assert loaded is not None
    assert (loaded.version, loaded.record) == (100, b"100")


async def test_in_a_crowd_only_the_wrong_commits_fail(store: Store) -> None:
    shard = await own(store)
    stale = replace(shard, range_id=RANGE_NEVER_GIVEN)
    keys = [key(f"w{n}", f"r{n}") for n in range(60)]
    wanted = [
        put(store, stale if n % 3 == 1 else shard, write(keys[n], 2 if n % 3 == 2 else 1))
        for n in range(60)
    ]
    outcomes = await asyncio.gather(*wanted, return_exceptions=True)
    expected = [type(None), ShardOwnershipLostError, CommitConflictError]
    assert [type(outcome) for outcome in outcomes] == [expected[n % 3] for n in range(60)]
    stored = [await store.load_execution(of) is not None for of in keys]
    assert stored == [n % 3 == 0 for n in range(60)]
    assert await store.open_execution_count() == 20


async def test_two_writers_of_one_run_cannot_both_win(store: Store) -> None:
    shard = await own(store)
    outcomes = await asyncio.gather(
        *(put(store, shard, write(A, record=b"%d" % n)) for n in range(5)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), *[CommitConflictError] * 4]


async def test_open_executions_are_counted(store: Store) -> None:
    shard = await own(store)
    counts = [await store.open_execution_count()]
    for step in (
        [write(A), write(B)],
        [write(A, 2)],
        [write(A, 3, is_open=False)],
        [write(A, 4, is_open=False)],
        [write(A, 5)],
    ):
        await put(store, shard, *step)
        counts.append(await store.open_execution_count())
    assert counts == [0, 2, 2, 1, 1, 2]


async def test_what_a_caller_changes_later_does_not_change_the_store(store: Store) -> None:
    shard = await own(store)
    attributes = {"Name": b"payload"}
    records = [sub_record(1, "a")]
    row = replace(visible(A), search_attributes=attributes)
    await put(store, shard, write(A, put=records, visibility=row))
    attributes.clear()
    records.clear()
    assert (await everything(store, [A], [], []))["visibility"] == [
        [replace(row, search_attributes={"Name": b"payload"})]
    ]
    loaded = await store.load_execution(A)
    assert loaded is not None
    assert list(loaded.sub_records) == [sub_record(1, "a")]


async def test_deleting_removes_all_of_one_execution_and_nothing_else(store: Store) -> None:
    shard = await own(store)
    before = await everything(store, [A, B], [QUEUE], [SHARD])
    kept = write(
        B, wake_at=7, put=[sub_record(1, "b")], history=[batch(1, 2)], visibility=visible(B)
    )
    await store.commit(replace(shard, executions=[kept], currents=[current(B)]))
    with_b = await everything(store, [A, B], [QUEUE], [SHARD])
    gone = write(
        A,
        wake_at=5,
        put=[sub_record(1, "a"), sub_record(2, "a")],
        history=[batch(n, n + 1) for n in range(1, 700)],
        visibility=visible(A),
    )
    await store.commit(replace(shard, executions=[gone], currents=[current(A)]))
    assert await everything(store, [A, B], [QUEUE], [SHARD]) != with_b
    await store.commit(replace(shard, deleted=[A]))
    assert await everything(store, [A, B], [QUEUE], [SHARD]) == with_b
    await store.commit(replace(shard, deleted=[B, A]))
    assert await everything(store, [A, B], [QUEUE], [SHARD]) == before


async def test_deleting_an_old_run_keeps_the_current_one(store: Store) -> None:
    shard = await own(store)
    later = A._replace(run_id=B.run_id)
    await store.commit(replace(shard, executions=[write(A)], currents=[current(A)]))
    await store.commit(
        replace(shard, executions=[write(later)], currents=[current(later, A.run_id)], deleted=[A])
    )
    assert await store.load_execution(A) is None
    assert await store.current_run(chain(A)) == later.run_id


async def test_a_deleted_execution_can_begin_again(store: Store) -> None:
    shard = await own(store)
    for _ in range(2):
        await put(store, shard, write(A, history=[batch(n, n + 1) for n in range(1, 600)]))
        await store.commit(replace(shard, deleted=[A]))
    await put(store, shard, write(A, wake_at=3, history=[batch(1, 2)]))
    state = await everything(store, [A], [], [SHARD])
    assert state["history"] == [[batch(1, 2)]]
    assert state["wakeups"] == [[(Instant(3), A)]]


OTHER_SHARD: Final = ShardId(2)


async def test_commits_of_two_shards_are_written_together(store: Store) -> None:
    first, second = await own(store), await own(store, OTHER_SHARD)
    await store.commit(
        replace(first, executions=[write(A)], currents=[current(A)]),
        replace(second, executions=[write(B)], currents=[current(B)]),
    )
    assert await store.load_execution(A) is not None
    assert await store.current_run(chain(B)) == B.run_id


@pytest.mark.parametrize("is_first", [True, False], ids=["the first", "the second"])
async def test_of_commits_together_the_refusal_of_one_is_that_of_all(
    store: Store, *, is_first: bool
) -> None:
    first, second = await own(store), await own(store, OTHER_SHARD)
    good = replace(first, executions=[write(A)])
    refused = [
        (replace(second, executions=[write(B, 7)]), CommitConflictError),
        (replace(second, currents=[current(B, "run-x")]), CommitConflictError),
        (replace(second, range_id=RANGE_NEVER_GIVEN), ShardOwnershipLostError),
    ]
    for bad, error in refused:
        with pytest.raises(error):
            await store.commit(*((bad, good) if is_first else (good, bad)))
        assert await store.load_execution(A) is None
        assert await store.load_execution(B) is None
    await store.commit(good)
