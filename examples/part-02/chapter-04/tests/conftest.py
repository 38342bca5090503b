"""The test server of all tests: it skips the time in which nothing is done."""

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio
from temporalio.testing import WorkflowEnvironment


@pytest_asyncio.fixture(scope="session")
async def environment() -> AsyncIterator[WorkflowEnvironment]:
    """Without Indelible on the path the SDK downloads Temporal's own test server."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=shutil.which("indelible-test-server"),
        test_server_startup_timeout=timedelta(seconds=30),
    ) as environment:
        yield environment
