"""Five ways to fail: how often the server tries again, how long it waits, and when it gives up."""

import asyncio
from dataclasses import dataclass
from itertools import pairwise

from temporalio import activity, workflow
from temporalio.client import WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

LATE_SECONDS_MAX = 5


@dataclass
class Case:
    """What the activity does, and what is expected of the server."""

    name: str
    failures: int
    pauses: list[float]
    error_type: str = "Flaky"
    is_final: bool = False
    next_delay: float = 0
    retry_state: str = ""  # Why the server gave up, if it did.


POLICIES: dict[str, RetryPolicy | None] = {
    # 1 s, then twice as long each time, up to 100 s, without end.
    "default": None,
    "limited": RetryPolicy(initial_interval=span(0.1), maximum_attempts=3),
    "custom": RetryPolicy(
        initial_interval=span(0.2), backoff_coefficient=2, maximum_interval=span(0.5)
    ),
    # Some errors do not get better by themselves. The policy knows them by their type ...
    "by type": RetryPolicy(non_retryable_error_types=["BadRequest"]),
    # ... and the activity can say so itself, or ask for another delay than the policy's.
    "by flag": None,
    "by delay": RetryPolicy(initial_interval=span(30)),
}
CASES = [
    Case("default", failures=2, pauses=[1, 2]),
    Case("limited", failures=9, pauses=[0.1, 0.2], retry_state="MAXIMUM_ATTEMPTS_REACHED"),
    Case("custom", failures=4, pauses=[0.2, 0.4, 0.5, 0.5]),
    Case(
        "by type",
        failures=9,
        pauses=[],
        error_type="BadRequest",
        retry_state="NON_RETRYABLE_FAILURE",
    ),
    Case("by flag", failures=9, pauses=[], is_final=True, retry_state="NON_RETRYABLE_FAILURE"),
    Case("by delay", failures=2, pauses=[0.3, 0.3], next_delay=0.3),
]


@activity.defn
async def call_service(case: Case) -> list[float]:
    """Fail as the case wants it, then return when each attempt started.

    The server keeps the list between the attempts, as the details of a heartbeat.
    """
    info = activity.info()
    earlier: list[float] = info.heartbeat_details[0] if info.heartbeat_details else []
    starts = [*earlier, info.started_time.timestamp()]
    activity.heartbeat(starts)
    if info.attempt <= case.failures:
        raise ApplicationError(
            f"attempt {info.attempt} failed",
            starts,
            type=case.error_type,
            non_retryable=case.is_final,
            next_retry_delay=span(case.next_delay) if case.next_delay else None,
        )
    return starts


@workflow.defn
class RetryWorkflow:
    """One call under one policy."""

    @workflow.run
    async def run(self, case: Case) -> list[float]:
        """Return when the attempts started; fail if none of them succeeded."""
        return await workflow.execute_activity(
            call_service,
            case,
            start_to_close_timeout=span(10),
            retry_policy=POLICIES[case.name],
        )


def starts_and_ending(outcome: list[float] | BaseException) -> tuple[list[float], str]:
    """When the attempts started, and why the last one was the last."""
    if not isinstance(outcome, BaseException):
        return outcome, "succeeded"
    if isinstance(outcome, WorkflowFailureError) and isinstance(outcome.cause, ActivityError):
        state, last = outcome.cause.retry_state, outcome.cause.cause
        if state is not None and isinstance(last, ApplicationError):
            return last.details[0], f"gave up: {state.name}"
    raise outcome


def check_case(case: Case, outcome: list[float] | BaseException) -> None:
    """Compare attempts, pauses and the reason to give up."""
    starts, ending = starts_and_ending(outcome)
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    rounded = [round(pause, 1) for pause in pauses]
    print(f"{case.name:<9} {len(starts)} attempts, pauses {rounded}, {ending}")
    expected = f"gave up: {case.retry_state}" if case.retry_state else "succeeded"
    check(ending == expected, f"{case.name}: it ended for the right reason")
    check(len(pauses) == len(case.pauses), f"{case.name}: the number of attempts is right")
    for pause, least in zip(pauses, case.pauses, strict=True):
        check(least <= pause < least + LATE_SECONDS_MAX, f"{case.name}: a pause follows the policy")


async def main() -> None:
    """Run all cases side by side."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[RetryWorkflow], activities=[call_service]):
        outcomes = await asyncio.gather(
            *(
                client.execute_workflow(
                    RetryWorkflow.run, case, id=new_id("retry"), task_queue=options.task_queue
                )
                for case in CASES
            ),
            return_exceptions=True,
        )
    for case, outcome in zip(CASES, outcomes, strict=True):
        check_case(case, outcome)
    verified("attempts and pauses of six policies, and the reasons to give up")


if __name__ == "__main__":
    run(main)
