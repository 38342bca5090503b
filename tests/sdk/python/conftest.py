"""The server that the Python SDK tests talk to, started the way the SDK itself starts one.

Owns the choice of the executable. INDELIBLE_TEST_SERVER puts another one (the reference) in its
place, which is how these tests prove that they ask for the right thing.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.testing import WorkflowEnvironment

from tests.sdk.python.harness import Harness
from tests.server_process import executable_under_test

SEARCH_ATTRIBUTES = (
    SearchAttributeKey.for_keyword("TestKeyword"),
    SearchAttributeKey.for_keyword_list("TestKeywords"),
    SearchAttributeKey.for_int("TestInt"),
    SearchAttributeKey.for_float("TestDouble"),
    SearchAttributeKey.for_bool("TestBool"),
    SearchAttributeKey.for_datetime("TestDatetime"),
    SearchAttributeKey.for_text("TestText"),
)

# What is on by itself here, and off in the reference.
REFERENCE_SETTINGS = (
    "--dynamic-config-value",
    "history.enableSignalWithStartFromWorkflow=true",
    "--dynamic-config-value",
    "frontend.enableBatchOperationsForStandaloneActivities=true",
    "--dynamic-config-value",
    "frontend.workflowRulesAPIsEnabled=true",
    "--dynamic-config-value",
    "frontend.WorkflowTimeSkippingEnabled=true",
)


@pytest.fixture(scope="session")
def server_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return executable_under_test().launcher(tmp_path_factory.mktemp("server"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def environment(server_path: Path) -> AsyncIterator[WorkflowEnvironment]:
    started = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(server_path),
        dev_server_extra_args=REFERENCE_SETTINGS,
        search_attributes=SEARCH_ATTRIBUTES,
        # How fast a server starts is another test's question; here a busy machine may take longer.
        dev_server_startup_timeout=timedelta(seconds=30),
    )
    async with started as environment:
        yield environment


@pytest.fixture(scope="session")
def client(environment: WorkflowEnvironment) -> Client:
    return environment.client


@pytest_asyncio.fixture(loop_scope="session")
async def harness(client: Client, request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    harness = Harness(client, request.node.name)
    yield harness
    await harness.replay()
