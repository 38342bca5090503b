"""Three ways to stop a running activity, all by way of its heartbeats; it always cleans up."""

import asyncio

from temporalio import activity, workflow
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, CancelledError, TimeoutError as TimedOut
from temporalio.workflow import ActivityCancellationType

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, until, verified, working

RUNNING: set[str] = set()
CLEANED_UP: dict[str, str] = {}


@activity.defn
async def upload(name: str) -> str:
    """Upload for ever. Without heartbeats it would never hear of a cancellation."""
    RUNNING.add(name)
    try:
        while True:
            activity.heartbeat(name)
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        details = activity.cancellation_details()
        reason = "?"
        if details is not None:
            reason = "requested" if details.cancel_requested else "not wanted any more"
        CLEANED_UP[name] = reason
        raise  # Not raising would mean that the activity is done after all.


@workflow.defn
class UploadWorkflow:
    """Uploads until it is stopped."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self.upload: workflow.ActivityHandle[str] | None = None
        self.is_stopped = False

    @workflow.signal
    def stop(self) -> None:
        """Stop the upload, not the workflow."""
        self.is_stopped = True
        if self.upload is not None:
            self.upload.cancel()

    @workflow.run
    async def run(self, name: str, seconds: float) -> str:
        """Return how the upload ended."""
        self.upload = workflow.start_activity(
            upload,
            name,
            start_to_close_timeout=span(seconds),
            heartbeat_timeout=span(5),
            retry_policy=RetryPolicy(maximum_attempts=1),
            # Wait for the clean-up; by default the workflow would go on at once.
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        try:
            # Awaited here: a cancellation of the workflow reaches the activity by itself.
            return await self.upload
        except ActivityError as error:
            if self.is_stopped and isinstance(error.cause, CancelledError):
                return "stopped by the workflow"
            if isinstance(error.cause, TimedOut):
                return "out of time"
            raise


async def main() -> None:
    """Stop three uploads."""
    options = parse_options(is_alone=True)
    client = await connect()
    async with working(
        client,
        options,
        workflows=[UploadWorkflow],
        activities=[upload],
        # How often a heartbeat really goes out: no cancellation arrives sooner than that.
        max_heartbeat_throttle_interval=span(0.1),
    ):
        by_workflow, by_client, by_timeout = [
            await client.start_workflow(
                UploadWorkflow.run,
                args=[name, seconds],
                id=new_id("upload"),
                task_queue=options.task_queue,
            )
            for name, seconds in (("workflow", 600), ("client", 600), ("timeout", 2))
        ]

        async def all_running() -> bool:
            return len(RUNNING) == 3

        await until(all_running)
        await by_workflow.signal(UploadWorkflow.stop)
        await by_client.cancel()
        outcomes = [await by_workflow.result(), await by_timeout.result()]
        try:
            await by_client.result()
        except WorkflowFailureError as error:
            outcomes.append(type(error.cause).__name__)
        status = (await by_client.describe()).status

        async def all_cleaned_up() -> bool:
            return len(CLEANED_UP) == 3

        await until(all_cleaned_up)
    print(f"outcomes: {outcomes}")
    print(f"clean-ups: {CLEANED_UP}")
    expected = ["stopped by the workflow", "out of time", "CancelledError"]
    check(outcomes == expected, "each upload ended in its own way")
    check(status == WorkflowExecutionStatus.CANCELED, "the workflow of the client is cancelled")
    check(CLEANED_UP["workflow"] == "requested", "the activity knows that it was cancelled")
    check(CLEANED_UP["client"] == "requested", "by either of them")
    check(CLEANED_UP["timeout"] == "not wanted any more", "or that nobody waits for it any more")
    verified("cancelled by workflow, client and timeout; every activity cleaned up")


if __name__ == "__main__":
    run(main)
