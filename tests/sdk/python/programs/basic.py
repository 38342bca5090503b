"""Workflows without frills. Imported by the sandbox for every run, so it imports little."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError


@workflow.defn
class Greeting:
    @workflow.run
    async def run(self, name: str) -> str:
        return f"Hello, {name}!"


@activity.defn
async def to_upper(text: str) -> str:
    return text.upper()


@activity.defn
async def exclaim(text: str) -> str:
    return f"{text}!"


@workflow.defn
class Pipeline:
    @workflow.run
    async def run(self, text: str) -> str:
        timeout = timedelta(seconds=10)
        louder = await workflow.execute_activity(to_upper, text, start_to_close_timeout=timeout)
        return await workflow.execute_activity(exclaim, louder, start_to_close_timeout=timeout)


@workflow.defn
class Fanout:
    @workflow.run
    async def run(self, words: list[str]) -> list[str]:
        handles = [
            workflow.start_activity(to_upper, word, start_to_close_timeout=timedelta(seconds=10))
            for word in words
        ]
        return [await handle for handle in handles]


@workflow.defn
class Failing:
    @workflow.run
    async def run(self, message: str) -> None:
        raise ApplicationError(message, "one", 2, type="OnPurpose", non_retryable=True)


@workflow.defn
class Naps:
    """Sleeps once per given number of milliseconds."""

    @workflow.run
    async def run(self, milliseconds: list[int]) -> list[int]:
        taken = []
        for span in milliseconds:
            before = workflow.now()
            await workflow.sleep(timedelta(milliseconds=span))
            taken.append(round((workflow.now() - before) / timedelta(milliseconds=1)))
        return taken


@workflow.defn
class ForgottenTimer:
    """Starts a long timer, and forgets it for a short one."""

    @workflow.run
    async def run(self) -> str:
        long = asyncio.create_task(workflow.sleep(timedelta(hours=1)))
        await workflow.sleep(timedelta(milliseconds=20))
        long.cancel()
        await workflow.wait([long])
        # Keeps the run open for one more task, so that the cancellation is an event of its own.
        await workflow.sleep(timedelta(milliseconds=20))
        return "done" if long.cancelled() else "slept"


@workflow.defn
class SelfPortrait:
    """Tells what the server told it about itself."""

    @workflow.run
    async def run(self) -> dict[str, Any]:
        info = workflow.info()
        return {
            "workflow_id": info.workflow_id,
            "run_id": info.run_id,
            "first_execution_run_id": info.first_execution_run_id,
            "namespace": info.namespace,
            "task_queue": info.task_queue,
            "workflow_type": info.workflow_type,
            "attempt": info.attempt,
            "parent": info.parent.workflow_id if info.parent else None,
            "task_timeout_seconds": info.task_timeout.total_seconds(),
            "run_timeout_seconds": info.run_timeout.total_seconds() if info.run_timeout else None,
            "execution_timeout_seconds": (
                info.execution_timeout.total_seconds() if info.execution_timeout else None
            ),
            "history_length": info.get_current_history_length(),
            "suggested": info.is_continue_as_new_suggested(),
            "maximum_attempts": info.retry_policy.maximum_attempts if info.retry_policy else None,
        }


@workflow.defn(name="Repaired")
class Broken:
    """Raises what is no Temporal failure: the workflow task fails, the workflow does not."""

    @workflow.run
    async def run(self) -> str:
        raise RuntimeError("a defect in the code")


@workflow.defn(name="Repaired")
class Repaired:
    @workflow.run
    async def run(self) -> str:
        return "repaired"


@workflow.defn
class Waiting:
    """Open until told to finish."""

    def __init__(self) -> None:
        self.finished = False
        self.notes: list[str] = []

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: self.finished)
        return self.notes

    @workflow.signal
    def note(self, text: str) -> None:
        self.notes.append(text)

    @workflow.signal
    def finish(self) -> None:
        self.finished = True

    @workflow.query
    def noted(self) -> list[str]:
        return self.notes

    @workflow.query
    def fails(self) -> None:
        raise ValueError("no answer")


@workflow.defn
class FlakyRun:
    """Fails until the given attempt of the run."""

    @workflow.run
    async def run(self, succeeds_at: int) -> int:
        attempt = workflow.info().attempt
        if attempt < succeeds_at:
            raise ApplicationError(f"attempt {attempt}", type="Flaky")
        return attempt


SHORT_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=50), backoff_coefficient=1.0)
