"""The transfer tasks of a shard: what one run wants done to another.

Owns their order, retries and removal. A task is at most `RUNNING_MAX` others away from being
executed, may be executed twice, and is removed when it is done. Must not know what a task does.
"""

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from indelible.base.ids import TaskId, WorkflowKey
from indelible.base.instants import MILLISECOND, SECOND, Duration, after
from indelible.ports.clock import Clocks
from indelible.ports.stores import Commit
from indelible.ports.transfer_tasks import AnyCall, AnyTransfer
from indelible.services.history.circuit_breakers import CircuitOpenError
from indelible.services.history.execution_codec import decode_transfer
from indelible.services.history.shard import Shard
from indelible.services.history.wakeups import Spawn

_log: Final = structlog.get_logger("indelible.history.transfers")

RUNNING_MAX: Final = 64
CALLS_RUNNING_MAX: Final = 2_000
"""Of tasks that wait for somebody else, and cost little while they do."""
WAITING_MAX: Final = 4_000
"""Tasks in memory; more lie in the store until these are done."""
ROWS_PER_READ: Final = 1_000
RETRY_DELAY_MIN: Final = Duration(100 * MILLISECOND)
RETRY_DELAY_MAX: Final = Duration(10 * SECOND)

Execute = Callable[[WorkflowKey, AnyTransfer], Awaitable[None]]


class Transfers:
    """Executes the transfer tasks of one shard."""

    def __init__(self, shard: Shard, clocks: Clocks, spawn: Spawn, execute: Execute) -> None:
        self._shard = shard
        self._clocks = clocks
        self._spawn = spawn
        self._execute = execute
        self._waiting: deque[tuple[WorkflowKey, AnyTransfer]] = deque()
        self._known: set[TaskId] = set()
        """Ids of the tasks in memory: waiting, running or about to be repeated."""
        self._owed: Counter[WorkflowKey] = Counter()
        """How many tasks in memory each run has."""
        self._is_behind = False
        """There are tasks in the store that are not in memory."""
        self._is_reading = False
        self._running = 0
        self._waiting_calls: deque[tuple[WorkflowKey, AnyCall]] = deque()
        self._calls_running = 0
        self._is_stopped = False

    async def start(self) -> None:
        """Take up what an earlier owner has left."""
        self._is_behind = True
        await self._read()

    def stop(self) -> None:
        """Begin no task any more; what is left is taken up by the next owner."""
        self._is_stopped = True

    def offer(self, key: WorkflowKey, tasks: Sequence[AnyTransfer]) -> None:
        """Take over committed tasks."""
        for task in tasks:
            if len(self._waiting) + len(self._waiting_calls) >= WAITING_MAX:
                self._is_behind = True
            elif task.task_id not in self._known:
                self._enqueue(key, task)
        self._run_waiting()

    def is_owing(self, key: WorkflowKey) -> bool:
        """Whether a run may have tasks that are not done."""
        return self._is_behind or self._owed[key] > 0

    def reread(self) -> None:
        """Look into the store: a task may be there that nobody offered."""
        self._is_behind = True
        self._run_waiting()

    def _count_owed(self, key: WorkflowKey, difference: int) -> None:
        self._owed[key] += difference
        count = self._owed[key]
        if not count:
            del self._owed[key]
        clock = self._clocks.clock_of(key.namespace_id)
        clock.occupy(("transfer tasks", key), lambda: count)

    def _enqueue(self, key: WorkflowKey, task: AnyTransfer) -> None:
        self._known.add(task.task_id)
        self._count_owed(key, 1)
        if isinstance(task, AnyCall):
            self._waiting_calls.append((key, task))
        else:
            self._waiting.append((key, task))

    def _run_waiting(self) -> None:
        while (
            self._waiting_calls and self._calls_running < CALLS_RUNNING_MAX and not self._is_stopped
        ):
            key, call = self._waiting_calls.popleft()
            self._calls_running += 1
            self._spawn("call", self._run(key, call))
        while self._waiting and self._running < RUNNING_MAX and not self._is_stopped:
            key, task = self._waiting.popleft()
            self._running += 1
            self._spawn("transfer task", self._run(key, task))
        if self._is_behind and not self._waiting and not self._is_reading and not self._is_stopped:
            self._is_reading = True
            self._spawn("read transfer tasks", self._read())

    async def _run(self, key: WorkflowKey, task: AnyTransfer) -> None:
        delay = RETRY_DELAY_MIN
        try:
            while not self._is_stopped:
                try:
                    await self._execute(key, task)
                    await self._remove(task)
                    break
                except CircuitOpenError as circuit:
                    await self._rest(key, circuit)
                    continue
                except Exception:  # noqa: BLE001  # the edge of a task: it is logged and repeated
                    _log.exception("transfer task failed, will be repeated", task=repr(task))
                await self._clocks.node.sleep(delay)
                delay = Duration(min(2 * delay, RETRY_DELAY_MAX))
        finally:
            if isinstance(task, AnyCall):
                self._calls_running -= 1
            else:
                self._running -= 1
            self._known.discard(task.task_id)
            self._count_owed(key, -1)
            self._run_waiting()

    async def _rest(self, key: WorkflowKey, circuit: CircuitOpenError) -> None:
        """Wait as long as somebody is down. Meanwhile the run may go, and time may be skipped."""
        self._count_owed(key, -1)
        try:
            await circuit.is_over()
        finally:
            self._count_owed(key, 1)

    async def _remove(self, task: AnyTransfer) -> None:
        await self._shard.write(
            Commit(
                shard_id=self._shard.shard_id,
                range_id=self._shard.range_id,
                transfers_removed=(task.task_id,),
            )
        )

    async def _read(self) -> None:
        try:
            rows = await self._shard.parts.store.transfers(
                self._shard.shard_id, after=TaskId(0), limit=ROWS_PER_READ + len(self._known)
            )
            self._is_behind = len(rows) >= ROWS_PER_READ + len(self._known)
            for row in rows:
                if row.task_id not in self._known:
                    self._enqueue(row.key, decode_transfer(row.blob))
        except Exception:  # noqa: BLE001  # the edge of a task: it is logged and repeated
            _log.exception("cannot read transfer tasks, will be repeated")
            at = after(self._clocks.node.now(), RETRY_DELAY_MAX)
            self._clocks.node.call_at(at, self.reread)
        finally:
            self._is_reading = False
        if self._waiting or self._waiting_calls:
            self._run_waiting()
