"""Fill a data file with executions, and time the common queries of lists and counts.

Rows go into the table directly: what is measured is the search, not the writing. Each query runs
several times; the median is shown, and the process fails if one is slower than the bound.
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
from time import perf_counter
from typing import Final

import msgspec

from indelible.base.ids import Archetype, NamespaceId
from indelible.engine.visibility.query import compile_query
from indelible.engine.visibility.search_attributes import BOOL, INT, KEYWORD, KEYWORD_LIST
from indelible.ports.stores import VisibilityFilter
from indelible.store.sqlite import SqliteStore, statements as sql
from indelible.store.sqlite.visibility_rows import OPEN_CLOSE_ORDER

NAMESPACE: Final = NamespaceId("bench")
CUSTOM: Final = {"Customer": KEYWORD, "Tags": KEYWORD_LIST, "Amount": INT, "Paid": BOOL}
SECOND: Final = 1_000_000_000
BEGIN: Final = 1_700_000_000 * SECOND
ROUNDS: Final = 5
PAGE_ROWS: Final = 100
BOUND_MILLISECONDS: Final = 50
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
    "keyword prefix": "Customer STARTS_WITH 'customer-11'",
    "two keywords": "Customer = 'customer-11' AND Tags = 'tag-3'",
    "one keyword or another": "Customer = 'customer-once' OR WorkflowId = 'order-4711'",
    "keyword or status": "Customer = 'customer-11' OR ExecutionStatus = 'Failed'",
    "order by start": "ORDER BY StartTime DESC",
    "order by custom": "ORDER BY Customer, StartTime",
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


def rows(closed: int, opened: int) -> Iterator[tuple[object, ...]]:
    """Yield rows of executions: one closes every second, the open ones are the youngest."""
    attributes = msgspec.msgpack.encode({})
    for number in range(closed + opened):
        is_open = number >= closed
        start = BEGIN + number * SECOND
        values = {
            "Customer": "customer-once" if number == closed // 2 else f"customer-{number % 1_000}",
            "Tags": [f"tag-{number % 50}", f"tag-{number % 7}"],
            "Amount": number % 10_000,
            "Paid": number % 3 == 0,
        }
        workflow_id, run_id = f"order-{number}", f"{number:08x}-0000-4000-8000-000000000000"
        yield (
            number + 1,
            1,
            int(Archetype.WORKFLOW),
            1 if is_open else (3 if number % 20 == 0 else 2),
            OPEN_CLOSE_ORDER if is_open else start + 30 * SECOND,
            start,
            start,
            0 if is_open else 11,
            0 if is_open else 2_000,
            0 if is_open else 8,
            workflow_id,
            run_id,
            f"type-{number % 20}",
            "queue",
            "",
            "",
            workflow_id,
            run_id,
            msgspec.json.encode(values).decode(),
            attributes,
            b"",
        )


def fill(path: Path, closed: int, opened: int) -> None:
    """Write the rows, in the schema that the store has made."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        connection.execute(sql.ADD_NAMESPACE_REF, (NAMESPACE,))
        connection.executemany(sql.PUT_VISIBILITY, rows(closed, opened))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def time_queries(path: Path, closed: int) -> list[tuple[str, float, int]]:
    """Return each query's name, median in milliseconds, and rows or groups."""
    middle = BEGIN + closed // 2 * SECOND
    times = {"middle": middle, "middle_end": middle + 3_600 * SECOND}
    store = SqliteStore.open(path, cluster_id="bench")
    found: list[tuple[str, float, int]] = []
    for name, text in [*QUERIES.items(), *COUNTS.items()]:
        query = compile_query(text.format(**times), CUSTOM)
        wanted = VisibilityFilter(
            namespace_id=NAMESPACE, comparisons=query.comparisons, order_by=query.order_by
        )
        spans: list[float] = []
        size = 0
        for _ in range(ROUNDS):
            began = perf_counter()
            if name in COUNTS:
                size = len(await store.count_executions(wanted, group_by=query.group_by))
            else:
                size = len(await store.list_executions(wanted, after=None, limit=PAGE_ROWS))
            spans.append((perf_counter() - began) * 1_000)
        found.append((name, statistics.median(spans), size))
        sys.stdout.write(f"{name:26} {found[-1][1]:10.2f} ms {size:6}\n")
        sys.stdout.flush()
    await store.close()
    return found


async def run(closed: int, opened: int) -> int:
    """Fill a file and time the queries in it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        store = SqliteStore.open(path, cluster_id="bench")
        await store.close()
        began = perf_counter()
        fill(path, closed, opened)
        size = path.stat().st_size / 1e6
        sys.stdout.write(f"{closed + opened} rows, {size:.0f} MB, {perf_counter() - began:.0f} s\n")
        found = await time_queries(path, closed)
    slow = [name for name, span, _ in found if span > BOUND_MILLISECONDS]
    sys.stdout.write(f"over {BOUND_MILLISECONDS} ms: {', '.join(slow) or 'none'}\n")
    return 1 if slow else 0


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--closed", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=100_000)
    arguments = parser.parse_args()
    return asyncio.run(run(arguments.closed, arguments.open))


if __name__ == "__main__":
    sys.exit(main())
