"""`server start`: durable, and careful with what it finds on the disk."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    RegisterNamespaceRequest,
    RegisterNamespaceResponse,
)

from indelible.base.instants import DAY, duration_message
from indelible.store.sqlite import SqliteStore
from tests.server.processes import run, serving

pytestmark = pytest.mark.slow


async def test_it_says_what_it_found_and_keeps_it(tmp_path: Path) -> None:
    words = ("start", "--data", str(tmp_path / "made"), "--metrics-port", "0")
    async with serving(tmp_path / "first", *words) as server:
        await server.ask(
            RegisterNamespaceRequest(
                namespace="kept", workflow_execution_retention_period=duration_message(DAY)
            ),
            RegisterNamespaceResponse,
        )
        code, _ = server.stop()
        first = server.printed
    assert code == 0
    for told in (
        str(tmp_path / "made" / "indelible.db"),
        "version ",
        "survives a power failure",
        "0 executions",
        "4",
        f"localhost:{server.port}",
    ):
        assert told in first
    async with serving(tmp_path / "second", *words, "--durability", "normal") as server:
        found = await server.ask(
            DescribeNamespaceRequest(namespace="kept"), DescribeNamespaceResponse
        )
        assert found.namespace_info.name == "kept"
        assert "may take the last moments" in server.printed


async def test_a_second_server_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    words = ("start", "--data", str(tmp_path), "--metrics-port", "0")
    async with serving(tmp_path / "log", *words) as server:
        second = run("server", *words, "--port", "0")
        same_port = run(
            *("server", "start", "--data", str(tmp_path / "other")),
            *("--port", str(server.port)),
        )
        found = await server.ask(
            DescribeNamespaceRequest(namespace="default"), DescribeNamespaceResponse
        )
    assert found.namespace_info.name == "default"
    assert second.returncode == same_port.returncode == 1
    assert f"in use by another server (process {server.process.pid})" in second.stderr
    assert f"port {server.port} on 127.0.0.1 is already in use" in same_port.stderr
    assert len(second.stderr.splitlines()) == len(same_port.stderr.splitlines()) == 1


def garbage(database: Path) -> None:
    database.write_bytes(b"this is no database" * 1_000)


def foreign(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()


def newer(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 9999")
    connection.close()


def truncated(database: Path) -> None:
    os.truncate(database, database.stat().st_size // 2)


def is_folder(database: Path) -> None:
    for name in database.parent.glob("*"):
        name.unlink()
    database.mkdir()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (garbage, "not a SQLite database"),
        (foreign, "another program"),
        (newer, "schema version 9999"),
        (truncated, "damaged"),
        (is_folder, "is a folder"),
    ],
)
async def test_a_file_that_will_not_do_is_refused_untouched(
    tmp_path: Path, spoil: Callable[[Path], None], told: str
) -> None:
    words = ("start", "--data", str(tmp_path), "--metrics-port", "0")
    database = tmp_path / "indelible.db"
    if spoil is not foreign:
        await SqliteStore.open(database, cluster_id="c").close()
    spoil(database)
    before = database.read_bytes() if database.is_file() else b""
    done = run("server", *words, "--port", "0")
    assert done.returncode == 1
    assert told in done.stderr
    assert str(database) in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (database.read_bytes() if database.is_file() else b"") == before


def test_a_disk_that_takes_nothing_is_refused(tmp_path: Path) -> None:
    done = run(
        *("server", "start", "--data", str(tmp_path), "--port", "0", "--metrics-port", "0"),
        shell_prefix="ulimit -f 0",
    )
    assert done.returncode == 1
    assert "full" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = run("server", "start", "--data", str(tmp_path), "--port", "0")
    assert done.returncode == 1
    assert "may not be written" in done.stderr


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("server", "start", "--data", str(tmp_path / "file" / "sub"), "--port", "0")
    assert done.returncode == 1
    assert "cannot be created" in done.stderr
