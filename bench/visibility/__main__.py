"""Fill a data file with executions, and time the common queries of lists and counts.

Rows are written as commits write them, in one transaction: what is measured is the search, not the
writing. Each query runs several times; medians are shown, of the time that passed and of the CPU
time, which other programs do not change much. The process fails if one takes more CPU than the
bound.
"""

import argparse
import asyncio
import sqlite3
import statistics
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Final

from indelible.base.ids import Archetype, NamespaceId, RunId
from indelible.base.instants import NEVER, Instant
from indelible.engine.visibility.query import compile_query, listed
from indelible.engine.visibility.search_attributes import BOOL, INT, KEYWORD, KEYWORD_LIST
from indelible.ports.stores import VisibilityFilter, VisibilityRecord
from indelible.store.sqlite import SqliteStore, statements as sql
from indelible.store.sqlite.visibility_rows import VisibilityWriter

NAMESPACE: Final = NamespaceId("bench")
CUSTOM: Final = {
    "Customer": KEYWORD,
    "OrderId": KEYWORD,
    "Tags": KEYWORD_LIST,
    "Amount": INT,
    "Paid": BOOL,
}
SECOND: Final = 1_000_000_000
BEGIN: Final = 1_700_000_000 * SECOND
ROUNDS: Final = 5
PAGE_ROWS: Final = 100
BOUND_MILLISECONDS: Final = 50
FILL_CACHE_KILOBYTES: Final = 4_000_000
QUERIES: Final = {
    "all": "",
    "running": "ExecutionStatus = 'Running'",
    "failed": "ExecutionStatus = 'Failed'",
    "open": "CloseTime IS NULL",
    "type": "WorkflowType = 'type-7'",
    "id": "WorkflowId = 'order-4711'",
    "id prefix": "WorkflowId STARTS_WITH 'order-47'",
    "closed in an hour": "CloseTime BETWEEN {middle} AND {middle_end}",
    "started in an hour": "StartTime BETWEEN {middle} AND {middle_end}",
    "type, status, time": (
        "WorkflowType = 'type-7' AND ExecutionStatus = 'Failed' AND StartTime > {middle}"
    ),
    "custom keyword, common": "Customer = 'customer-11'",
    "custom keyword, once": "Customer = 'customer-once'",
    "keyword list": "Tags = 'tag-3'",
    "bool": "Paid = true",
    "int range": "Amount BETWEEN 400 AND 410",
    "keyword prefix, few values": "Customer STARTS_WITH 'customer-11'",
    "keyword prefix, many values": "OrderId STARTS_WITH 'order-47'",
    "type prefix": "WorkflowType STARTS_WITH 'type-1'",
    "one of two statuses": "ExecutionStatus IN ('Failed', 'Running')",
    "one of three keywords": "Customer IN ('customer-1', 'customer-2', 'customer-3')",
    "two keywords": "Customer = 'customer-11' AND Tags = 'tag-3'",
    "one keyword or another": "Customer = 'customer-once' OR WorkflowId = 'order-4711'",
    "keyword or status": "Customer = 'customer-11' OR ExecutionStatus = 'Failed'",
    "order by start": "ORDER BY StartTime DESC",
    "order by id": "ORDER BY WorkflowId",
    "order by custom": "ORDER BY Customer, StartTime",
    "order by number": "ORDER BY Amount DESC",
    "filtered, order by custom": "ExecutionStatus = 'Completed' ORDER BY OrderId",
}
COUNTS: Final = {
    "count all": "",
    "count running": "ExecutionStatus = 'Running'",
    "count by status": "GROUP BY ExecutionStatus",
    "count type and status": "WorkflowType = 'type-7' AND ExecutionStatus = 'Completed'",
    "count custom keyword": "Customer = 'customer-11'",
    "count by type": "GROUP BY WorkflowType",
    "count by custom keyword": "GROUP BY Customer",
}


def records(closed: int, opened: int) -> Iterator[VisibilityRecord]:
    """Yield executions: one closes every second, the open ones are the youngest."""
    for number in range(closed + opened):
        is_open = number >= closed
        start = Instant(BEGIN + number * SECOND)
        workflow_id, run_id = f"order-{number}", f"{number:08x}-0000-4000-8000-000000000000"
        yield VisibilityRecord(
            archetype=Archetype.WORKFLOW,
            namespace_id=NAMESPACE,
            workflow_id=workflow_id,
            run_id=RunId(run_id),
            workflow_type=f"type-{number % 20}",
            task_queue="queue",
            status=1 if is_open else (3 if number % 20 == 0 else 2),
            start_time=start,
            execution_time=start,
            close_time=NEVER if is_open else Instant(start + 30 * SECOND),
            history_length=0 if is_open else 11,
            history_size_bytes=0 if is_open else 2_000,
            state_transition_count=0 if is_open else 8,
            parent_workflow_id="",
            parent_run_id="",
            root_workflow_id=workflow_id,
            root_run_id=run_id,
            memo=b"",
            search_attributes={},
            indexed_values={
                "Customer": "customer-once"
                if number == closed // 2
                else f"customer-{number % 1_000}",
                "OrderId": f"order-{number}",
                "Tags": [f"tag-{number % 50}", f"tag-{number % 7}"],
                "Amount": number % 10_000,
                "Paid": number % 3 == 0,
            },
        )


async def make(path: Path) -> None:
    """Make a file without rows."""
    await SqliteStore.open(path, cluster_id="bench").close()


def fill(path: Path, closed: int, opened: int) -> None:
    """Write the rows and all that is derived from them, as commits do."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = {-FILL_CACHE_KILOBYTES}")
        connection.execute("BEGIN")
        connection.execute(sql.ADD_NAMESPACE_REF, (NAMESPACE,))
        writer = VisibilityWriter(connection)
        for execution_id, record in enumerate(records(closed, opened), start=1):
            writer.put(execution_id, 1, record)
        writer.finish()
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def time_queries(path: Path, closed: int) -> list[tuple[str, float]]:
    """Return each query's name, and the median of its CPU time in milliseconds."""
    middle = BEGIN + closed // 2 * SECOND
    times = {"middle": middle, "middle_end": middle + 3_600 * SECOND}
    store = SqliteStore.open(path, cluster_id="bench")
    found: list[tuple[str, float]] = []
    for name, text in [*QUERIES.items(), *COUNTS.items()]:
        query = compile_query(text.format(**times), CUSTOM)
        wanted = VisibilityFilter(
            namespace_id=NAMESPACE, comparisons=listed(query), order_by=query.order_by
        )
        spans: list[tuple[float, float]] = []
        size = 0
        for _ in range(ROUNDS):
            began = perf_counter(), process_time()
            if name in COUNTS:
                size = len(await store.count_executions(wanted, group_by=query.group_by))
            else:
                size = len(await store.list_executions(wanted, after=None, limit=PAGE_ROWS))
            ended = perf_counter(), process_time()
            spans.append(((ended[0] - began[0]) * 1_000, (ended[1] - began[1]) * 1_000))
        passed, used = (statistics.median(span) for span in zip(*spans, strict=True))
        found.append((name, used))
        sys.stdout.write(f"{name:28} {passed:10.2f} ms {used:10.2f} ms of CPU {size:6}\n")
        sys.stdout.flush()
    await store.close()
    return found


def run(path: Path, closed: int, opened: int) -> int:
    """Fill a file, if it is not there yet, and time the queries in it."""
    if not path.exists():
        asyncio.run(make(path))
        began = process_time()
        fill(path, closed, opened)
        size = path.stat().st_size / 1e6
        span = process_time() - began
        sys.stdout.write(f"{closed + opened} rows, {size:.0f} MB, {span:.0f} s of CPU\n")
    found = asyncio.run(time_queries(path, closed))
    slow = [name for name, span in found if span > BOUND_MILLISECONDS]
    sys.stdout.write(f"over {BOUND_MILLISECONDS} ms: {', '.join(slow) or 'none'}\n")
    return 1 if slow else 0


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--closed", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=100_000)
    parser.add_argument("--file", type=Path, help="keep the data here, and use it again")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        path: Path = arguments.file or Path(folder) / "bench.db"
        return run(path, arguments.closed, arguments.open)


if __name__ == "__main__":
    sys.exit(main())
