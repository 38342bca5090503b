"""An activity that fails: how long the server waits before each new attempt.

The default policy waits 1 s, then 2 s, 4 s ...; a custom one waits as it says. The pauses are
measured in real time, so the programs here fail only a few times.
"""

from datetime import timedelta
from itertools import pairwise

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

STARTED_AT: dict[str, list[float]] = {}
LATE_SECONDS_MAX = 2.5
CUSTOM = RetryPolicy(initial_interval=span(0.2), backoff_coefficient=3.0, maximum_interval=span(1))


@activity.defn
async def fail_at_first(name: str, failures: int) -> int:
    """Fail as often as asked for, then return the number of the attempt."""
    info = activity.info()
    STARTED_AT.setdefault(name, []).append(info.started_time.timestamp())
    if info.attempt <= failures:
        raise ApplicationError(f"attempt {info.attempt} of {name} fails")
    return info.attempt


@workflow.defn
class RetryingWorkflow:
    """Calls the activity with the default policy or with the custom one."""

    @workflow.run
    async def run(self, name: str, failures: int, custom: bool) -> int:
        """Return the attempt that succeeded."""
        return await workflow.execute_activity(
            fail_at_first,
            args=[name, failures],
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=CUSTOM if custom else None,
        )


def pauses_of(name: str) -> list[float]:
    """Seconds between the starts of the attempts."""
    return [later - earlier for earlier, later in pairwise(STARTED_AT[name])]


def check_pauses(name: str, expected: list[float]) -> None:
    """Never early, and not very late."""
    pauses = pauses_of(name)
    print(f"{name}: pauses {[round(pause, 2) for pause in pauses]}, policy {expected}")
    check(len(pauses) == len(expected), f"{name}: as many pauses as failures")
    for pause, least in zip(pauses, expected, strict=True):
        check(least <= pause < least + LATE_SECONDS_MAX, f"{name}: a pause follows the policy")


async def main() -> None:
    """Run both policies side by side."""
    options = parse_options(is_alone=True)
    client = await connect()
    async with working(client, options, workflows=[RetryingWorkflow], activities=[fail_at_first]):
        handles = [
            await client.start_workflow(
                RetryingWorkflow.run,
                args=[name, failures, name == "custom"],
                id=new_id(f"retry-{name}"),
                task_queue=options.task_queue,
            )
            for name, failures in (("default", 3), ("custom", 4))
        ]
        attempts = [await handle.result() for handle in handles]
    check(attempts == [4, 5], "the attempt after the last failure succeeded")
    check_pauses("default", [1, 2, 4])
    check_pauses("custom", [0.2, 0.6, 1, 1])
    verified("attempts start 1, 2, 4 s apart by default, and as the custom policy says")


if __name__ == "__main__":
    run(main)
