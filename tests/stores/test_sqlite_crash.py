"""Killed in the middle of its work, the SQLite store has every commit that it acknowledged."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from indelible.ports.stores import StoreUnavailableError
from indelible.store.sqlite import SqliteStore
from tests.stores.builders import BYTES_MAX, CLUSTER_ID, END, FIRST, key, where

WRITERS: Final = 8
ROUNDS: Final = 6

# Each writer makes version after version of its own run and says so once it is acknowledged. The
# pipe is unbuffered: what was said was acknowledged, and what was acknowledged may not have been
# said.
COMMIT_FOREVER: Final = f"""
import asyncio, os, sys
from indelible.store.sqlite import SqliteStore, flushing
from tests.stores.builders import batch, key, own, put, sub_record, visible, write

flushing.CHECKPOINT_PAGES = 300

async def commit_forever(store, shard, number):
    of = key(f"w{{number}}", f"r{{number}}")
    loaded = await store.load_execution(of)
    version = loaded.version if loaded else 0
    while True:
        version += 1
        await put(store, shard, write(
            of, version, record=b"%d" % version, wake_at=version,
            put=[sub_record(1, "a", b"%d" % version)],
            history=[batch(version, version + 1, b"%d" % version * 200)], visibility=visible(of),
        ))
        os.write(1, f"{{number}} {{version}}\\n".encode())

async def main():
    store = SqliteStore.open(sys.argv[1], cluster_id="x")
    shard = await own(store)
    os.write(1, b"ready\\n")
    await asyncio.gather(*(commit_forever(store, shard, n) for n in range({WRITERS})))

asyncio.run(main())
"""


def run_and_kill(database: Path, line_count: int) -> tuple[int, dict[int, int]]:
    """Return the killed process's id, and the last version that each writer was told is safe."""
    with subprocess.Popen(
        [sys.executable, "-c", COMMIT_FOREVER, str(database)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        pipe = process.stdout
        assert pipe is not None
        lines = [pipe.readline() for _ in range(line_count)]
        with pytest.raises(StoreUnavailableError, match=f"process {process.pid}"):
            SqliteStore.open(database, cluster_id=CLUSTER_ID)
        process.send_signal(signal.SIGKILL)
        lines += pipe.readlines()
    acknowledged: dict[int, int] = {}
    for line in lines:
        said = re.fullmatch(r"(\d+) (\d+)\n", line.decode())
        if said:
            acknowledged[int(said[1])] = int(said[2])
    return process.pid, acknowledged


async def check_run(store: SqliteStore, number: int, acknowledged: int) -> None:
    of = key(f"w{number}", f"r{number}")
    loaded = await store.load_execution(of)
    assert loaded is not None
    assert acknowledged <= loaded.version
    whole = b"%d" % loaded.version
    assert (loaded.record, loaded.sub_records[0].blob) == (whole, whole)
    history = await store.read_history(of, first=FIRST, end=END, bytes_max=100 * BYTES_MAX)
    versions = range(1, loaded.version + 1)
    assert [one.first_event_id for one in history] == list(versions)
    assert [one.blob for one in history] == [b"%d" % version * 200 for version in versions]


@pytest.mark.slow
async def test_kill_9_loses_nothing_that_was_acknowledged(database: Path) -> None:
    seen: dict[int, int] = {}
    for turn in range(ROUNDS):
        _, acknowledged = run_and_kill(database, 1 + 97 * turn)
        seen |= acknowledged
        store = SqliteStore.open(database, cluster_id=CLUSTER_ID)
        for number, version in seen.items():
            await check_run(store, number, version)
        assert await store.open_execution_count() == len(
            await store.list_executions(where(), after=None, limit=100)
        )
        assert store._file.writer.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        await store.close()
    assert len(seen) == WRITERS
