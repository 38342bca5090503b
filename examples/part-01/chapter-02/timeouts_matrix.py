"""The four timeouts of an activity: what each one watches, and which of them is tried again."""

import asyncio

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, TimeoutError as ActivityTimeout

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

ATTEMPTS: dict[str, int] = {}
# Case -> (timeout reported, attempts made); two attempts are allowed in each case.
EXPECTED = {
    "schedule_to_start": ("SCHEDULE_TO_START", 0),
    "start_to_close": ("START_TO_CLOSE", 2),
    "schedule_to_close": ("SCHEDULE_TO_CLOSE", 1),
    "heartbeat": ("HEARTBEAT", 2),
}


@activity.defn
async def never_in_time(case: str) -> None:
    """Hang without a heartbeat."""
    ATTEMPTS[case] = activity.info().attempt
    await asyncio.sleep(20)


@workflow.defn
class TimeoutWorkflow:
    """Runs into one timeout and tells which it was."""

    @workflow.run
    async def run(self, case: str, deserted_queue: str) -> str:
        """Return the type of the timeout that ended the activity."""
        short = span(0.5)
        try:
            await workflow.execute_activity(
                never_in_time,
                case,
                task_queue=deserted_queue if case == "schedule_to_start" else None,
                schedule_to_start_timeout=short if case == "schedule_to_start" else None,
                start_to_close_timeout=short if case == "start_to_close" else span(15),
                schedule_to_close_timeout=short if case == "schedule_to_close" else None,
                heartbeat_timeout=short if case == "heartbeat" else None,
                retry_policy=RetryPolicy(initial_interval=span(0.1), maximum_attempts=2),
            )
        except ActivityError as error:
            if isinstance(error.cause, ActivityTimeout) and error.cause.type is not None:
                return error.cause.type.name
            raise
        return "in time"


async def main() -> None:
    """Run all four side by side."""
    options = parse_options(is_alone=True)
    client = await connect()
    async with working(client, options, workflows=[TimeoutWorkflow], activities=[never_in_time]):
        types = await asyncio.gather(
            *(
                client.execute_workflow(
                    TimeoutWorkflow.run,
                    args=[case, new_id("deserted")],
                    id=new_id(f"timeout-{case}"),
                    task_queue=options.task_queue,
                )
                for case in EXPECTED
            )
        )
    for case, kind in zip(EXPECTED, types, strict=True):
        attempts = ATTEMPTS.get(case, 0)
        print(f"{case:>18}: {kind}, {attempts} attempt(s)")
        check((kind, attempts) == EXPECTED[case], f"{case} behaves as documented")
    verified("start-to-close and heartbeat are retried, the other two are final")


if __name__ == "__main__":
    run(main)
