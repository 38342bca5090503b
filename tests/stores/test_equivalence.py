"""Random streams of commits, sound and unsound, leave both stores with the same content."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from indelible.base.ids import (
    EventId,
    NamespaceId,
    QueueType,
    RangeId,
    ShardId,
    TaskId,
    WorkflowKey,
)
from indelible.base.instants import NEVER
from indelible.ports.stores import (
    Commit,
    CommitConflictError,
    CurrentWrite,
    ExecutionWrite,
    HistoryAncestor,
    ShardOwnershipLostError,
    Store,
)
from indelible.store.memory import MemoryStore
from indelible.store.sqlite import SqliteStore
from tests.stores.builders import (
    CLUSTER_ID,
    QUEUE,
    batch,
    chain,
    dispatch,
    everything,
    key,
    sub_record,
    transfer,
    visible,
    write,
)

Result = TypeVar("Result")

NAMESPACES: Final = (NamespaceId("namespace-a"), NamespaceId("namespace-b"))
KEYS: Final = tuple(
    key(workflow, f"{workflow}-{run}", namespace)
    for namespace in NAMESPACES
    for workflow in ("v", "w")
    for run in (1, 2, 3)
)
SHARDS: Final = (ShardId(1), ShardId(2))
QUEUES: Final = (QUEUE, QUEUE._replace(queue_type=QueueType.ACTIVITY))


@dataclass
class Model:
    """What a well-behaved caller believes, so that most commits are sound."""

    versions: dict[WorkflowKey, int] = field(default_factory=dict)
    event_ends: dict[WorkflowKey, int] = field(default_factory=dict)
    currents: dict[object, WorkflowKey] = field(default_factory=dict)
    ranges: dict[ShardId, RangeId] = field(default_factory=dict)
    task_id_last: int = 0

    def next_task_id(self) -> int:
        self.task_id_last += 1
        return self.task_id_last


rarely: Final = st.integers(0, 19).map(lambda number: number == 19)


def draw_write(draw: st.DrawFn, model: Model, of: WorkflowKey) -> ExecutionWrite:
    version = model.versions.get(of, 0) + 1 + draw(rarely)
    batches = []
    event_id = model.event_ends.get(of, 1)
    ancestor = None
    if of not in model.versions and model.event_ends and draw(st.booleans()):
        base = draw(st.sampled_from(sorted(model.event_ends)))
        event_id = draw(st.integers(1, model.event_ends[base]))
        ancestor = HistoryAncestor(key=base, end=EventId(event_id))
    for length in draw(st.lists(st.integers(1, 3), max_size=2)):
        batches.append(batch(event_id, event_id + length, draw(st.binary(max_size=8))))
        event_id += length
    kinds, names = st.integers(0, 2), st.sampled_from("abc")
    is_open = draw(st.booleans())
    closed_at = NEVER if is_open else draw(st.integers(1, 9))
    row = replace(
        visible(of, status=1 if is_open else 2, close_time=closed_at),
        indexed_values=draw(
            st.dictionaries(st.sampled_from("AB"), st.integers().filter(lambda n: abs(n) < 2**63))
        ),
    )
    return write(
        of,
        version,
        record=draw(st.binary(max_size=8)),
        is_open=is_open,
        wake_at=draw(st.integers(0, 5)),
        put=[
            sub_record(kind, name, draw(st.binary(max_size=4)))
            for kind, name in draw(st.sets(st.tuples(kinds, names), max_size=3))
        ],
        remove=draw(st.lists(st.tuples(kinds, names), max_size=3)),
        history=batches,
        visibility=row if draw(st.booleans()) else None,
        ancestor=ancestor,
    )


def draw_current(draw: st.DrawFn, model: Model, of: WorkflowKey) -> CurrentWrite:
    believed = model.currents.get(chain(of))
    if draw(rarely):
        believed = of
    return CurrentWrite(
        chain=chain(of), expected=believed.run_id if believed else None, run_id=of.run_id
    )


def draw_commit(draw: st.DrawFn, model: Model) -> Commit:
    shard_id = draw(st.sampled_from(SHARDS))
    range_id = model.ranges.get(shard_id, RangeId(0))
    keys = draw(st.lists(st.sampled_from(KEYS), max_size=2, unique=True))
    chains = list({chain(of): of for of in keys}.values())
    task_ids = st.integers(1, model.task_id_last + 1).map(TaskId)
    return Commit(
        shard_id=shard_id,
        range_id=RangeId(range_id - 1) if draw(rarely) else range_id,
        executions=[draw_write(draw, model, of) for of in keys],
        currents=[draw_current(draw, model, of) for of in chains if draw(st.booleans())],
        deleted=[of for of in KEYS if draw(rarely)],
        transfers_added=[
            transfer(model.next_task_id(), draw(st.sampled_from(KEYS)))
            for _ in range(draw(st.integers(0, 2)))
        ],
        transfers_removed=draw(st.lists(task_ids, max_size=2)),
        dispatches_added=[
            dispatch(
                model.next_task_id(),
                priority=draw(st.integers(0, 5)),
                queue=draw(st.sampled_from(QUEUES)),
                of=draw(st.sampled_from(KEYS)),
            )
            for _ in range(draw(st.integers(0, 2)))
        ],
        dispatches_removed=draw(st.lists(st.tuples(st.sampled_from(QUEUES), task_ids), max_size=2)),
    )


def learn(model: Model, commit: Commit) -> None:
    for one in commit.executions:
        model.versions[one.key] = one.version
        if one.history:
            model.event_ends[one.key] = one.history[-1].next_event_id
        elif one.ancestor is not None:
            model.event_ends[one.key] = one.ancestor.end
    for change in commit.currents:
        model.currents[change.chain] = WorkflowKey(
            change.chain.namespace_id,
            change.chain.workflow_id,
            change.run_id,
            change.chain.archetype,
        )
    for of in commit.deleted:
        model.versions.pop(of, None)
        model.event_ends.pop(of, None)
        if model.currents.get(chain(of)) == of:
            del model.currents[chain(of)]


async def outcome(store: Store, commit: Commit) -> str:
    try:
        await store.commit(commit)
    except (CommitConflictError, ShardOwnershipLostError) as error:
        return type(error).__name__
    return "done"


async def content(store: Store) -> dict[str, object]:
    return await everything(store, KEYS, QUEUES, SHARDS)


async def in_groups(store: Store, commits: Sequence[Commit]) -> list[str]:
    return list(await asyncio.gather(*(outcome(store, commit) for commit in commits)))


def at_once(calls: Coroutine[None, None, Result]) -> Result:
    """Run what never waits, without the cost of an event loop."""
    try:
        calls.send(None)
    except StopIteration as end:
        result: Result = end.value
        return result
    raise AssertionError("the memory store waited for something")


@st.composite
def streams(draw: st.DrawFn) -> list[list[Commit] | ShardId]:
    """Groups of commits that are made at once, and changes of a shard's owner between them."""
    model = Model()
    range_id_last = 0
    oracle = MemoryStore()
    stream: list[list[Commit] | ShardId] = []
    for turn in range(draw(st.integers(1, 8))):
        shard_id = SHARDS[turn] if turn < len(SHARDS) else draw(st.sampled_from((None, *SHARDS)))
        if shard_id is not None:
            range_id_last += 1
            model.ranges[shard_id] = RangeId(range_id_last)
            at_once(oracle.acquire_shard(shard_id, owner="oracle"))
            stream.append(shard_id)
        group: list[Commit] = []
        for _ in range(draw(st.integers(1, 5))):
            commit = draw_commit(draw, model)
            if at_once(outcome(oracle, commit)) == "done":
                learn(model, commit)
            group.append(commit)
        stream.append(group)
    return stream


async def compare_stores(stream: Sequence[list[Commit] | ShardId], folder: Path) -> None:
    memory: Store = MemoryStore(cluster_id=CLUSTER_ID)
    path = folder / "store.db"
    sqlite: Store = SqliteStore.open(path, cluster_id=CLUSTER_ID, durability="normal")
    try:
        for step in stream:
            if isinstance(step, list):
                assert await in_groups(sqlite, step) == await in_groups(memory, step)
            else:
                owners = [await one.acquire_shard(step, owner="x") for one in (sqlite, memory)]
                assert owners[0] == owners[1]
            assert await content(sqlite) == await content(memory)
        await sqlite.close()
        sqlite = SqliteStore.open(path, cluster_id="another")
        assert await content(sqlite) == await content(memory)
    finally:
        await sqlite.close()


@settings(max_examples=max(25, settings().max_examples // 4))
@given(streams())
def test_both_stores_agree_on_every_stream(stream: list[list[Commit] | ShardId]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(compare_stores(stream, Path(folder)))
