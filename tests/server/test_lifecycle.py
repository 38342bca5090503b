"""A node in this process: it starts, serves, and stops by itself when a part of it dies."""

import asyncio
from pathlib import Path

import grpc.aio
import pytest
from msgspec.structs import replace
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest, GetSystemInfoResponse

from indelible.runtime.supervisor import Supervisor
from indelible.server.config import Port, ServerConfig
from indelible.server.lifecycle import serve
from indelible.server.node import Started, running_node
from indelible.server.refusal import ServerFailedError, StartRefusedError
from indelible.wire.calls.methods import WORKFLOW_SERVICE

CONFIG = ServerConfig(port=0, metrics_port=Port(number=0))


async def version(started: Started) -> str:
    async with grpc.aio.insecure_channel(f"{started.host}:{started.port}") as channel:
        ask = channel.unary_unary(
            f"/{WORKFLOW_SERVICE.name}/GetSystemInfo",
            GetSystemInfoRequest.SerializeToString,
            GetSystemInfoResponse.FromString,
        )
        answer: GetSystemInfoResponse = await ask(GetSystemInfoRequest(), timeout=5)
        return answer.server_version


async def test_two_nodes_live_side_by_side_in_one_process() -> None:
    async with (
        Supervisor() as supervisor,
        running_node(CONFIG, supervisor) as first,
        running_node(CONFIG, supervisor) as second,
    ):
        assert first.port != second.port
        assert first.store.cluster_id != second.store.cluster_id
        assert await version(first) == await version(second) != ""


async def test_a_taken_metrics_port_moves_if_it_may() -> None:
    async with Supervisor() as supervisor, running_node(CONFIG, supervisor) as first:
        taken = replace(CONFIG, metrics_port=Port(number=first.metrics_port, may_move=True))
        async with running_node(taken, supervisor) as second:
            assert second.metrics_port not in {0, first.metrics_port}
        fixed = replace(CONFIG, metrics_port=Port(number=first.metrics_port))
        with pytest.raises(StartRefusedError, match="--metrics-port"):
            await running_node(fixed, supervisor).__aenter__()


async def test_a_node_that_is_refused_leaves_its_file_to_others(tmp_path: Path) -> None:
    config = replace(CONFIG, database=tmp_path / "x.db")
    async with Supervisor() as supervisor:
        async with running_node(config, supervisor):
            with pytest.raises(StartRefusedError, match="in use by another server"):
                await running_node(config, supervisor).__aenter__()
        async with running_node(config, supervisor) as started:
            assert started.store.location == str(tmp_path / "x.db")


@pytest.fixture
def dying_background_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the supervisor's first task die when it begins."""
    real = Supervisor.__aenter__

    async def enter(supervisor: Supervisor) -> Supervisor:
        await real(supervisor)
        supervisor.start("doomed", die())
        return supervisor

    async def die() -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(Supervisor, "__aenter__", enter)


async def test_a_dead_background_task_stops_the_server(dying_background_task: None) -> None:
    announced: list[Started] = []
    with pytest.raises(ServerFailedError, match="'doomed' died: the disk is gone"):
        async with asyncio.timeout(10):
            await serve(CONFIG, announced.append)
    assert len(announced) == 1
