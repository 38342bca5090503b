"""Turns a commit into statements on the writing connection.

Owns what the writer remembers between commits (fencing numbers, namespace numbers, the next
execution id, the count of open executions). Runs inside a transaction that `flushing` begins and
ends; a refusal is raised before the first write of its commit. Must not know about the event loop
or threads.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from indelible.base.ids import NamespaceId, RangeId, ShardId, WorkflowKey
from indelible.base.instants import NEVER, Instant
from indelible.base.invariants import invariant
from indelible.ports.stores import (
    Commit,
    CommitConflictError,
    CurrentWrite,
    DispatchRow,
    ExecutionWrite,
    NamespaceRecordKind,
    ShardOwnershipLostError,
    TransferRow,
)
from indelible.store.sqlite import statements as sql
from indelible.store.sqlite.branches import EVENT_ID_END, add_ancestors, release_branch
from indelible.store.sqlite.visibility_rows import VisibilityWriter

DELETE_BATCHES_MAX: Final = 256
"""History batches that one flush removes; the rest of a deleted history follows later."""

_RANGE_ID_LAST: Final = "range_id_last"
_OPEN_COUNT: Final = "open_execution_count"


class _Place(NamedTuple):
    """Where an execution lies. `version` 0: nowhere yet."""

    execution_id: int
    version: int
    is_open: bool
    branch_id: int
    wake_at: Instant


_NOWHERE: Final = _Place(0, 0, is_open=False, branch_id=0, wake_at=NEVER)


class CommitWriter:
    """The only writer of the database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._visibility = VisibilityWriter(connection)
        self._namespace_refs: dict[NamespaceId, int] = {}
        self._ranges: dict[ShardId, RangeId] = {}
        self._range_id_last = 0
        self._execution_id_next = 1
        self._stored_open_count = 0
        self._has_dead_branches = False
        self.blob_bytes = 0
        """How many bytes of blobs were ever written: what row counts do not tell."""
        self.open_count = 0
        """How many executions are open, the present transaction included."""
        self.reload()

    def reload(self) -> None:
        """Read again what is remembered: at start, and after a transaction was undone."""
        self._namespace_refs.clear()
        self._visibility.reload()
        self._ranges = dict(self._execute(sql.SHARDS).fetchall())
        metadata: dict[str, int] = dict(self._execute(sql.METADATA).fetchall())
        self._range_id_last = metadata.get(_RANGE_ID_LAST, 0)
        self.open_count = self._stored_open_count = metadata.get(_OPEN_COUNT, 0)
        # A branch carries the id of its execution, and may be there when that is deleted: as a dead
        # one, or as the ancestor of a branch with a larger number.
        self._execution_id_next = 1 + max(
            self._number(sql.EXECUTION_ID_LAST),
            self._number(sql.DEAD_BRANCH_LAST),
        )
        self._has_dead_branches = self._execute(sql.DEAD_BRANCH).fetchone() is not None

    def _number(self, statement: str) -> int:
        number: int = self._execute(statement).fetchone()[0]
        return number

    # --------------------------------------------------------------------------- shards, namespaces
    def acquire_shard(self, shard_id: ShardId, owner: str) -> RangeId:
        """Give a shard a new fencing number. Numbers come from one sequence for all shards."""
        range_id = RangeId(self._range_id_last + 1)
        self._execute(sql.PUT_METADATA, (_RANGE_ID_LAST, range_id))
        self._execute(sql.PUT_SHARD, (shard_id, range_id, owner))
        self._range_id_last = range_id
        self._ranges[shard_id] = range_id
        return range_id

    def put_namespace(self, namespace_id: NamespaceId, name: str, record: bytes) -> None:
        """Insert or replace a namespace. `CommitConflictError` if another id has the name."""
        row = self._execute(sql.NAMESPACE_OF_NAME, (name,)).fetchone()
        if row is not None and row[0] != namespace_id:
            raise CommitConflictError(f"namespace {row[0]} has the name {name!r} already")
        self._execute(sql.PUT_NAMESPACE, (name, record, self._namespace_ref(namespace_id)))

    def delete_namespace(self, namespace_id: NamespaceId) -> None:
        """Remove a namespace and its records; executions that lie in it keep its number."""
        self._execute(sql.DELETE_NAMESPACE, (namespace_id,))
        self._execute(sql.DELETE_RECORDS_OF_NAMESPACE, (namespace_id,))

    def put_namespace_record(
        self, kind: NamespaceRecordKind, namespace_id: NamespaceId, name: str, record: bytes
    ) -> None:
        """Insert or replace a record of a namespace."""
        self._execute(sql.PUT_NAMESPACE_RECORD, (kind, namespace_id, name, record))

    def delete_namespace_record(
        self, kind: NamespaceRecordKind, namespace_id: NamespaceId, name: str
    ) -> None:
        """Remove a record of a namespace."""
        self._execute(sql.DELETE_NAMESPACE_RECORD, (kind, namespace_id, name))

    def put_nexus_endpoint(self, endpoint_id: str, name: str, record: bytes) -> None:
        """Insert or replace an endpoint. `CommitConflictError` if another id has the name."""
        row = self._execute(sql.NEXUS_ENDPOINT_OF_NAME, (name,)).fetchone()
        if row is not None and row[0] != endpoint_id:
            raise CommitConflictError(f"Nexus endpoint {row[0]} has the name {name!r} already")
        self._execute(sql.PUT_NEXUS_ENDPOINT, (endpoint_id, name, record))

    def delete_nexus_endpoint(self, endpoint_id: str) -> None:
        """Remove an endpoint."""
        self._execute(sql.DELETE_NEXUS_ENDPOINT, (endpoint_id,))

    def _known_namespace_ref(self, namespace_id: NamespaceId) -> int:
        """Return the number of a namespace; 0, which is no number, for one that has none."""
        namespace_ref = self._namespace_refs.get(namespace_id, 0)
        if not namespace_ref:
            row = self._execute(sql.NAMESPACE_REF, (namespace_id,)).fetchone()
            if row is None:
                return 0
            namespace_ref = self._namespace_refs[namespace_id] = row[0]
        return namespace_ref

    def _namespace_ref(self, namespace_id: NamespaceId) -> int:
        namespace_ref = self._known_namespace_ref(namespace_id)
        if not namespace_ref:
            self._execute(sql.ADD_NAMESPACE_REF, (namespace_id,))
            namespace_ref = self._known_namespace_ref(namespace_id)
        return namespace_ref

    # -------------------------------------------------------------------------------------- commits
    def apply(self, *commits: Commit) -> None:
        """Check commits, then write them."""
        checked = [(commit, self._check(commit)) for commit in commits]
        for commit, places in checked:
            self._write(commit, places)

    def _check(self, commit: Commit) -> list[_Place]:
        """Raise if a commit is refused; return where its executions lie."""
        range_id = self._ranges.get(commit.shard_id)
        if range_id != commit.range_id:
            raise ShardOwnershipLostError(
                f"shard {commit.shard_id} is owned under range {range_id}, not {commit.range_id}"
            )
        places = [self._check_execution(write) for write in commit.executions]
        for current in commit.currents:
            self._check_current(current)
        return places

    def _write(self, commit: Commit, places: Sequence[_Place]) -> None:
        for place, write in zip(places, commit.executions, strict=True):
            self._write_execution(commit.shard_id, place, write)
        for current in commit.currents:
            namespace_ref = self._namespace_ref(current.chain.namespace_id)
            self._execute(
                sql.PUT_CURRENT_RUN,
                (
                    namespace_ref,
                    current.chain.archetype,
                    current.chain.workflow_id,
                    current.run_id,
                ),
            )
        for key in commit.deleted:
            self._delete_execution(key)
        if commit.transfers_added or commit.transfers_removed:
            self._write_transfers(commit)
        if commit.dispatches_added:
            self._add_dispatches(commit.dispatches_added)
        for queue, task_id in commit.dispatches_removed:
            namespace_ref = self._known_namespace_ref(queue.namespace_id)
            self._execute(
                sql.REMOVE_DISPATCH, (task_id, queue.name, queue.queue_type, namespace_ref)
            )

    def _locate(self, key: WorkflowKey) -> _Place:
        namespace_ref = self._known_namespace_ref(key.namespace_id)
        row = self._execute(
            sql.LOCATE_EXECUTION, (key.run_id, key.workflow_id, key.archetype, namespace_ref)
        ).fetchone()
        return _Place._make(row) if row else _NOWHERE

    def _check_execution(self, write: ExecutionWrite) -> _Place:
        place = self._locate(write.key)
        if place.version != write.expected_version:
            raise CommitConflictError(
                f"{write.key} has version {place.version}, not {write.expected_version}"
            )
        if write.ancestor is not None and self._locate(write.ancestor.key) is _NOWHERE:
            raise CommitConflictError(f"{write.ancestor.key}, which is to be shared, is gone")
        return place

    def _check_current(self, write: CurrentWrite) -> None:
        chain = write.chain
        namespace_ref = self._known_namespace_ref(chain.namespace_id)
        row = self._execute(
            sql.CURRENT_RUN, (namespace_ref, chain.archetype, chain.workflow_id)
        ).fetchone()
        current = row[0] if row else None
        if current != write.expected:
            raise CommitConflictError(
                f"the current run of {chain} is {current}, not {write.expected}"
            )

    def _write_execution(self, shard_id: ShardId, place: _Place, write: ExecutionWrite) -> None:
        if place is _NOWHERE:
            place = self._add_execution(shard_id, write)
        else:
            self._update_execution(place, write)
        self.open_count += write.is_open - place.is_open
        execution_id = place.execution_id
        self.blob_bytes += len(write.record)
        for kind, record_id in write.remove:
            self._execute(sql.REMOVE_SUB_RECORD, (execution_id, kind, record_id))
        for row in write.put:
            self._execute(sql.PUT_SUB_RECORD, (execution_id, row.kind, row.record_id, row.blob))
            self.blob_bytes += len(row.blob)
        for batch in write.history:
            invariant(batch.next_event_id < EVENT_ID_END, "event ids fit in their bits of the key")
            self._execute(
                sql.ADD_HISTORY_BATCH,
                (
                    place.branch_id << sql.EVENT_BITS | batch.first_event_id,
                    batch.next_event_id,
                    batch.blob,
                ),
            )
            self.blob_bytes += len(batch.blob)
        if write.visibility is not None:
            namespace_ref = self._namespace_ref(write.visibility.namespace_id)
            self._visibility.put(execution_id, namespace_ref, write.visibility)

    def _add_execution(self, shard_id: ShardId, write: ExecutionWrite) -> _Place:
        execution_id = self._execution_id_next
        self._execution_id_next += 1
        key = write.key
        self._execute(
            sql.ADD_EXECUTION,
            (
                execution_id,
                self._namespace_ref(key.namespace_id),
                shard_id,
                key.archetype,
                write.is_open,
                write.version,
                write.wake_at,
                execution_id,
                key.workflow_id,
                key.run_id,
                write.record,
            ),
        )
        if write.ancestor is not None:
            base = self._locate(write.ancestor.key)
            add_ancestors(self._execute, execution_id, base.branch_id, write.ancestor.end)
        return _NOWHERE._replace(execution_id=execution_id, branch_id=execution_id)

    def _update_execution(self, place: _Place, write: ExecutionWrite) -> None:
        if write.wake_at == place.wake_at:
            self._execute(
                sql.UPDATE_EXECUTION,
                (write.is_open, write.version, write.record, place.execution_id),
            )
        else:
            self._execute(
                sql.UPDATE_EXECUTION_AND_WAKE_UP,
                (write.is_open, write.version, write.record, write.wake_at, place.execution_id),
            )

    def _write_transfers(self, commit: Commit) -> None:
        for row in commit.transfers_added:
            self._add_transfer(commit.shard_id, row)
        for task_id in commit.transfers_removed:
            self._execute(sql.REMOVE_TRANSFER, (commit.shard_id, task_id))

    def _add_transfer(self, shard_id: ShardId, row: TransferRow) -> None:
        key = row.key
        namespace_ref = self._namespace_ref(key.namespace_id)
        self._execute(
            sql.ADD_TRANSFER,
            (
                shard_id,
                row.task_id,
                namespace_ref,
                key.workflow_id,
                key.run_id,
                key.archetype,
                row.blob,
            ),
        )

    def _add_dispatches(self, rows: Sequence[DispatchRow]) -> None:
        for row in rows:
            queue, key = row.queue, row.key
            self._execute(
                sql.ADD_DISPATCH,
                (
                    row.task_id,
                    self._namespace_ref(queue.namespace_id),
                    queue.queue_type,
                    queue.name,
                    row.priority,
                    row.pass_number,
                    row.fairness_key,
                    row.created_at,
                    self._namespace_ref(key.namespace_id),
                    key.workflow_id,
                    key.run_id,
                    key.archetype,
                    row.blob,
                ),
            )

    # ------------------------------------------------------------------------------------- deletion
    def _delete_execution(self, key: WorkflowKey) -> None:
        place = self._locate(key)
        if place is _NOWHERE:
            return
        self.open_count -= place.is_open
        self._visibility.remove(place.execution_id)
        self._execute(sql.DELETE_SUB_RECORDS, (place.execution_id,))
        self._execute(
            sql.DELETE_CURRENT_RUN,
            (
                self._known_namespace_ref(key.namespace_id),
                key.archetype,
                key.workflow_id,
                key.run_id,
            ),
        )
        self._execute(sql.DELETE_EXECUTION, (place.execution_id,))
        for branch_id in release_branch(self._execute, place.branch_id):
            if not self._delete_history_slice(branch_id):
                self._execute(sql.ADD_DEAD_BRANCH, (branch_id,))
                self._has_dead_branches = True

    def _delete_history_slice(self, branch_id: int) -> bool:
        """Remove some batches of a branch; true when none is left."""
        floor = branch_id << sql.EVENT_BITS
        cursor = self._execute(
            sql.DELETE_HISTORY_SLICE, (floor, floor + EVENT_ID_END, DELETE_BATCHES_MAX)
        )
        return cursor.rowcount < DELETE_BATCHES_MAX

    @property
    def has_dead_branches(self) -> bool:
        """Whether histories of deleted runs are left to remove."""
        return self._has_dead_branches

    def finish(self) -> None:
        """Write, at the end of a transaction, what its commits changed together."""
        if self._has_dead_branches:
            self._reclaim()
        self._visibility.finish()
        if self.open_count != self._stored_open_count:
            self._execute(sql.PUT_METADATA, (_OPEN_COUNT, self.open_count))
            self._stored_open_count = self.open_count

    def _reclaim(self) -> None:
        row = self._execute(sql.DEAD_BRANCH).fetchone()
        if row is None:
            self._has_dead_branches = False
        elif self._delete_history_slice(row[0]):
            self._execute(sql.DELETE_DEAD_BRANCH, (row[0],))
