"""An activity whose clock is set by hand, for tests of what becomes of it."""

from collections.abc import Iterator
from itertools import count
from typing import Final

from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.common.v1 import ActivityType, Payload, Payloads, RetryPolicy
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    RespondActivityTaskFailedRequest,
    StartActivityExecutionRequest,
)

from indelible.base.ids import EventId, NamespaceId, RunId, TaskId, WorkflowId
from indelible.base.instants import HOUR, SECOND, Instant
from indelible.base.limits import DEFAULT_LIMITS, Limits
from indelible.base.task_token import ActivityById, ActivityTaskToken
from indelible.engine.activity import attempts
from indelible.engine.activity.deadlines import fire_due, wake_at
from indelible.engine.activity.description import outcome
from indelible.engine.activity.starting import (
    begin_activity,
    new_activity,
)
from indelible.engine.activity.state import ActivityStatus
from indelible.engine.activity.step import ActivityStep

NAMESPACE: Final = NamespaceId("namespace")
RUN: Final = RunId("run")
BY_ID: Final = ActivityById(WorkflowId(""), RunId(""), "a")
BOOM: Final = Failure(message="boom", application_failure_info=ApplicationFailureInfo(type="T"))


def payloads(text: str) -> Payloads:
    return Payloads(payloads=[Payload(data=text.encode())])


def request(**options: int) -> StartActivityExecutionRequest:
    """Ask for an activity; options are timeouts and delays in seconds."""
    asked = StartActivityExecutionRequest(
        activity_id="a",
        activity_type=ActivityType(name="type"),
        task_queue=TaskQueue(name="queue"),
        request_id="request",
        retry_policy=RetryPolicy(
            initial_interval=DurationMessage(seconds=1),
            backoff_coefficient=2,
            maximum_interval=DurationMessage(seconds=100),
        ),
    )
    for name, value in options.items():
        getattr(asked, name).CopyFrom(DurationMessage(seconds=value))
    return asked


class Activity:
    """An activity whose clock is set by hand; instants are seconds."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS, /, **options: int) -> None:
        self.now = 100
        self._limits = limits
        self._ids: Iterator[int] = count(1)
        self.state = new_activity(
            request(**options), namespace_id=NAMESPACE, run_id=RUN, now=self._instant
        )
        self.step = self._begin()
        begin_activity(self.step, request(**options))
        self.accept()

    @property
    def _instant(self) -> Instant:
        return Instant(self.now * SECOND)

    def _begin(self) -> ActivityStep:
        return ActivityStep(
            self.state,
            now=self._instant,
            next_task_id=lambda: TaskId(next(self._ids)),
            retention=HOUR,
            limits=self._limits,
        )

    def accept(self) -> None:
        self.state = self.step.state

    def at(self, now: int) -> ActivityStep:
        """Begin a step at an instant."""
        self.now = now
        self.step = self._begin()
        return self.step

    def take(self, now: int, request_id: str = "delivery") -> ActivityTaskToken:
        """Have a worker take the attempt that was dispatched last."""
        task = self.step.dispatches[-1]
        assert attempts.start_attempt(
            self.at(now),
            task,
            identity="worker",
            request_id=request_id,
            sdk_name="sdk",
            sdk_version="1.0",
        )
        self.accept()
        return token(self.state.core.attempt, self.state.core.reset_count)

    def fire(self, now: int) -> None:
        fire_due(self.at(now))
        self.accept()

    @property
    def status(self) -> ActivityStatus:
        return self.state.core.status

    @property
    def wake_at(self) -> float:
        return wake_at(self.state) / SECOND

    @property
    def failure(self) -> Failure:
        ended = outcome(self.state)
        assert ended is not None
        return ended.failure

    @property
    def retry_state(self) -> int:
        ended = outcome(self.state)
        assert ended is not None
        return ended.retry_state


def token(attempt: int = 1, reset_count: int = 0) -> ActivityTaskToken:
    return ActivityTaskToken(NAMESPACE, WorkflowId(""), RUN, EventId(0), attempt, "a", reset_count)


def failed(failure: Failure = BOOM) -> RespondActivityTaskFailedRequest:
    return RespondActivityTaskFailedRequest(failure=failure, identity="worker")
