"""The default back-off as far as it goes: the test server skips the pauses."""

import shutil
from datetime import timedelta

from retry_backoff import RetryingWorkflow, fail_at_first, pauses_of
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker


async def test_pauses_double_until_they_reach_a_hundred_seconds() -> None:
    async with (
        # Without Indelible on the path the SDK downloads Temporal's own test server.
        await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=shutil.which("indelible-test-server"),
            test_server_startup_timeout=timedelta(seconds=30),
        ) as environment,
        Worker(
            environment.client,
            task_queue="chapter-02",
            workflows=[RetryingWorkflow],
            activities=[fail_at_first],
        ),
    ):
        attempt = await environment.client.execute_workflow(
            RetryingWorkflow.run,
            args=["patient", 9, False],
            id="patient",
            task_queue="chapter-02",
        )
    assert attempt == 10
    pauses = pauses_of("patient")
    expected = [1, 2, 4, 8, 16, 32, 64, 100, 100]
    assert len(pauses) == len(expected)
    for pause, least in zip(pauses, expected, strict=True):
        assert least <= pause < least + 10
