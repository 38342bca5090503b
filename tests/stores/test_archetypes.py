"""Every store: each archetype has ids of its own, even where the texts are the same."""

import sqlite3
from contextlib import closing
from typing import Final

import pytest
from msgspec.structs import replace

from indelible.base.ids import Archetype, RunId, TaskId
from indelible.base.instants import Instant
from indelible.ports.stores import CommitConflictError, Store
from indelible.store.sqlite.migrations import known_migrations, migrate
from tests.stores.builders import (
    BYTES_MAX,
    END,
    FIRST,
    NAMESPACE,
    QUEUE,
    SHARD,
    batch,
    current,
    dispatch,
    key,
    own,
    put,
    sub_record,
    transfer,
    write,
)

WORKFLOW: Final = key("same", "run")
ACTIVITY: Final = key("same", "run", archetype=Archetype.ACTIVITY)


async def test_one_id_names_two_entities(store: Store) -> None:
    shard = await own(store)
    await store.commit(
        replace(
            shard,
            executions=[
                write(WORKFLOW, record=b"w", put=[sub_record(1, "x", b"w")], history=[batch(1, 3)]),
                write(ACTIVITY, record=b"a", put=[sub_record(1, "x", b"a")]),
            ],
            currents=[current(WORKFLOW), current(ACTIVITY)],
        )
    )
    for of, record in ((WORKFLOW, b"w"), (ACTIVITY, b"a")):
        loaded = await store.load_execution(of)
        assert loaded is not None
        assert (loaded.key, loaded.record, loaded.sub_records[0].blob) == (of, record, record)
        assert await store.current_run(of.chain) == RunId("run")
    assert len(await store.read_history(WORKFLOW, first=FIRST, end=END, bytes_max=BYTES_MAX)) == 1
    assert not await store.read_history(ACTIVITY, first=FIRST, end=END, bytes_max=BYTES_MAX)


async def test_deleting_one_leaves_the_other(store: Store) -> None:
    shard = await own(store)
    both = replace(
        shard,
        executions=[write(WORKFLOW), write(ACTIVITY)],
        currents=[current(WORKFLOW), current(ACTIVITY)],
    )
    await store.commit(both)
    await store.commit(replace(shard, deleted=[ACTIVITY]))
    assert await store.load_execution(ACTIVITY) is None
    assert await store.current_run(ACTIVITY.chain) is None
    assert await store.load_execution(WORKFLOW) is not None
    assert await store.current_run(WORKFLOW.chain) == WORKFLOW.run_id


async def test_an_entity_of_another_archetype_is_none(store: Store) -> None:
    shard = await own(store)
    await put(store, shard, write(ACTIVITY))
    assert await store.load_execution(WORKFLOW) is None
    with pytest.raises(CommitConflictError):
        await put(store, shard, write(WORKFLOW, version=2))


async def test_hints_say_which_archetype_they_are_for(store: Store) -> None:
    shard = await own(store)
    await store.commit(
        replace(
            shard,
            executions=[write(ACTIVITY, wake_at=5)],
            transfers_added=[transfer(1, ACTIVITY)],
            dispatches_added=[dispatch(2, of=ACTIVITY)],
        )
    )
    assert list(await store.wakeups(SHARD, before=Instant(9), limit=9)) == [(Instant(5), ACTIVITY)]
    transfers = await store.transfers(SHARD, after=TaskId(0), limit=9)
    dispatches = await store.dispatches(QUEUE, after=(-1, 0, TaskId(0)), limit=9)
    assert [row.key for row in (*transfers, *dispatches)] == [ACTIVITY, ACTIVITY]


def test_what_an_older_program_wrote_belongs_to_workflows() -> None:
    before = [migration for migration in known_migrations() if migration.version < 4]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, before)
        connection.execute("INSERT INTO namespaces (namespace_id) VALUES (?)", (NAMESPACE,))
        connection.execute("INSERT INTO current_runs VALUES (1, 'same', 'run')")
        connection.execute("INSERT INTO transfers VALUES (1, 2, 1, 'same', 'run', x'00')")
        migrate(connection, known_migrations())
        rows = connection.execute(
            "SELECT namespace_ref, archetype, workflow_id, run_id FROM current_runs"
        ).fetchall()
        assert rows == [(1, Archetype.WORKFLOW, "same", "run")]
        assert connection.execute("SELECT archetype FROM transfers").fetchall() == [(1,)]
