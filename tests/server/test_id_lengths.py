"""How long ids may be: a file says it for one namespace, and may say something else later."""

from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from tests.sdk.python.harness import eventually
from tests.server_process import ServerProcess, executable_under_test

pytestmark = pytest.mark.slow

BOUND = 60


def configure(file: Path, bound: int) -> None:
    """Bound the ids of the namespace `default`, and of no other."""
    file.write_text(
        "limit.maxIDLength:\n"
        f"  - value: {bound}\n"
        "    constraints: {namespace: default}\n"
        "  - value: 1\n"
        "    constraints: {namespace: other}\n"
    )


async def refusal(client: Client, length: int) -> str:
    """Return why no workflow can have an id of a length; empty if it can."""
    try:
        await client.start_workflow("Never", id="w" * length, task_queue="nobody")
    except RPCError as error:
        return error.message
    return ""


async def test_ids_are_as_long_as_the_file_says(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    configure(file, BOUND)
    process = ServerProcess(
        executable=executable_under_test(),
        log=tmp_path / "log",
        extra_arguments=("--dynamic-config-file", str(file)),
    )
    process.start()
    try:
        client = await process.connect()
        told = await refusal(client, BOUND + 1)
        assert told == f"WorkflowId exceeds maximum allowed length ({BOUND + 1}/{BOUND})"
        configure(file, BOUND + 1)

        async def is_longer() -> bool:
            return not await refusal(client, BOUND + 1)

        await eventually(is_longer)
        assert await refusal(client, BOUND + 2)
    finally:
        process.stop()
