"""Activities that fail, hang, beat and wait, and the workflow that calls them."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    TimeoutError as TemporalTimeoutError,
    is_cancelled_exception,
)
from temporalio.workflow import ActivityCancellationType

FAST_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=30), backoff_coefficient=1.0)
# Attempts of each activity seen by this process, by activity id and workflow id.
ATTEMPTS: Counter[str] = Counter()


def _count_attempt() -> int:
    info = activity.info()
    ATTEMPTS[f"{info.workflow_id}/{info.activity_id}"] += 1
    return info.attempt


@activity.defn
async def fail_until(succeeds_at: int) -> int:
    attempt = _count_attempt()
    if attempt < succeeds_at:
        raise ApplicationError(f"attempt {attempt}", type="Flaky")
    return attempt


@activity.defn
async def fail_for_ever(non_retryable: bool) -> None:
    _count_attempt()
    raise ApplicationError("never works", type="Hopeless", non_retryable=non_retryable)


@activity.defn
async def fail_with_own_delay(milliseconds: int) -> float:
    """Asks for its own pause, and tells in seconds how long it was."""
    info = activity.info()
    if _count_attempt() == 1:
        raise ApplicationError("later", next_retry_delay=timedelta(milliseconds=milliseconds))
    return (info.current_attempt_scheduled_time - info.scheduled_time).total_seconds()


@activity.defn
async def hang(seconds: float) -> None:
    """Neither beats nor notices its timeout."""
    _count_attempt()
    await asyncio.sleep(seconds)


@activity.defn
async def beat_then_hang(detail: str) -> None:
    _count_attempt()
    activity.heartbeat(detail)
    await asyncio.sleep(30)


@activity.defn
async def count_with_checkpoints(upto: int) -> list[int]:
    """Dies once in the middle; returns the indexes that the last attempt worked on."""
    info = activity.info()
    first = info.heartbeat_details[0] + 1 if info.heartbeat_details else 0
    done = []
    for index in range(first, upto):
        done.append(index)
        activity.heartbeat(index)
        if index == upto // 2 and info.attempt == 1:
            raise ApplicationError("half way")
    return done


@activity.defn
async def beat_until_cancelled(answer: str) -> str:
    """Beats until it is told to stop; then refuses, or confirms the cancellation."""
    _count_attempt()
    try:
        while True:
            activity.heartbeat("alive")
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        if answer == "confirm":
            raise
        return "finished anyway"


@activity.defn
async def wait_for_completion_by_others() -> str:
    activity.raise_complete_async()


@activity.defn
def blocking(text: str) -> str:
    """A synchronous activity, for a thread pool."""
    time.sleep(0.01)
    return text[::-1]


@dataclass
class Call:
    """How the workflow is to call the activity; times in seconds, 0 for none."""

    activity: str
    arguments: list[Any] = field(default_factory=list)
    start_to_close: float = 10
    schedule_to_close: float = 0
    schedule_to_start: float = 0
    heartbeat: float = 0
    maximum_attempts: int = 0
    retry_interval: float = 0.03
    non_retryable: list[str] = field(default_factory=list)
    activity_id: str | None = None
    task_queue: str | None = None


def _span(seconds: float) -> timedelta | None:
    return timedelta(seconds=seconds) if seconds else None


@workflow.defn
class CallActivity:
    """Calls one activity and returns its result, or a description of how it failed."""

    @workflow.run
    async def run(self, call: Call) -> Any:
        try:
            return await workflow.execute_activity(
                call.activity,
                args=call.arguments,
                start_to_close_timeout=_span(call.start_to_close),
                schedule_to_close_timeout=_span(call.schedule_to_close),
                schedule_to_start_timeout=_span(call.schedule_to_start),
                heartbeat_timeout=_span(call.heartbeat),
                retry_policy=RetryPolicy(
                    initial_interval=timedelta(seconds=call.retry_interval),
                    backoff_coefficient=1.0,
                    maximum_attempts=call.maximum_attempts,
                    non_retryable_error_types=call.non_retryable,
                ),
                activity_id=call.activity_id,
                task_queue=call.task_queue,
            )
        except ActivityError as error:
            return _description(error)


def _description(error: ActivityError) -> dict[str, Any]:
    cause = error.cause
    described: dict[str, Any] = {
        "activity_type": error.activity_type,
        "retry_state": error.retry_state.name if error.retry_state else None,
        "cause": type(cause).__name__,
    }
    if isinstance(cause, TemporalTimeoutError):
        described["timeout"] = cause.type.name if cause.type else None
        described["heartbeat"] = list(cause.last_heartbeat_details)
        described["nested"] = type(cause.__cause__).__name__ if cause.__cause__ else None
    if isinstance(cause, ApplicationError):
        described["type"] = cause.type
        described["message"] = cause.message
    if isinstance(cause, CancelledError):
        described["details"] = list(cause.details)
    return described


@workflow.defn
class DefaultRetry:
    """No retry policy given: the server fills in its own."""

    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity(
            fail_until, 2, start_to_close_timeout=timedelta(seconds=10)
        )


@workflow.defn
class CancelActivity:
    """Cancels a running activity, after a signal or before anybody could start it."""

    def __init__(self) -> None:
        self.stop = False

    @workflow.signal
    def cancel_it(self) -> None:
        self.stop = True

    @workflow.run
    async def run(self, answer: str, mode: str, nobody_listens: bool) -> Any:
        running = workflow.start_activity(
            beat_until_cancelled,
            answer,
            start_to_close_timeout=timedelta(seconds=30),
            heartbeat_timeout=timedelta(seconds=1),
            cancellation_type=ActivityCancellationType[mode],
            task_queue=f"{workflow.info().task_queue}-deserted" if nobody_listens else None,
            retry_policy=FAST_RETRY,
        )
        if nobody_listens:
            await workflow.sleep(0.02)
        else:
            await workflow.wait_condition(lambda: self.stop)
        running.cancel()
        try:
            return await running
        except ActivityError as error:
            return _description(error)


@workflow.defn
class LocalCalls:
    """Local activities: a retried one, a failing one, and plain ones."""

    @workflow.run
    async def run(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "start_to_close_timeout": timedelta(seconds=10),
            "retry_policy": FAST_RETRY,
        }
        retried = await workflow.execute_local_activity(fail_until, 3, **options)
        plain = [await workflow.execute_local_activity(fail_until, 1, **options) for _ in range(3)]
        try:
            await workflow.execute_local_activity(fail_for_ever, True, **options)
        except ApplicationError as error:
            return {"retried": retried, "plain": plain, "failure": error.type}
        return {}


@workflow.defn
class SlowLocalCall:
    """A local activity that outlasts the workflow task: the worker must keep the task alive."""

    @workflow.run
    async def run(self, seconds: float) -> str:
        await workflow.execute_local_activity(
            hang, seconds, start_to_close_timeout=timedelta(seconds=20)
        )
        return "patient"


@workflow.defn
class CleanUpOnCancel:
    """Cancelled from outside: its activity is cancelled, then it cleans up."""

    @workflow.run
    async def run(self) -> str:
        try:
            await workflow.execute_activity(
                beat_until_cancelled,
                "confirm",
                start_to_close_timeout=timedelta(seconds=30),
                heartbeat_timeout=timedelta(seconds=1),
                cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                await workflow.execute_activity(
                    fail_until, 1, start_to_close_timeout=timedelta(seconds=10)
                )
                raise
        return "not cancelled"
