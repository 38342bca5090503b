"""One atomic step of a standalone activity.

Owns the way from one state to the next: the table of the activity's life is kept here, and what is
to be dispatched goes along. Nothing is durable before the shell has committed the step.
"""

from collections.abc import Callable

from msgspec.structs import replace
from temporalio.api.common.v1 import Priority

from indelible.base.fair_shares import fair_share
from indelible.base.ids import TaskId
from indelible.base.instants import NEVER, Duration, Instant
from indelible.base.invariants import invariant
from indelible.base.limits import Limits
from indelible.base.owed_callbacks import OwedCallbacks, with_call
from indelible.engine.activity.state import (
    ACTIVITY_TRANSITIONS,
    NO_TASK,
    ActivityCore,
    ActivityOutcome,
    ActivityRequest,
    ActivityState,
)
from indelible.engine.activity.tasks import ActivityExecutionDispatch, CallActivityCallback


class ActivityStep:
    """A step under way."""

    __slots__ = (
        "_next_task_id",
        "calls",
        "dispatches",
        "limits",
        "now",
        "released",
        "retention",
        "state",
    )

    def __init__(
        self,
        state: ActivityState,
        *,
        now: Instant,
        next_task_id: Callable[[], TaskId],
        retention: Duration,
        limits: Limits,
    ) -> None:
        self.state = state
        self.now = now
        self.limits = limits
        self.retention = retention
        """How long a closed activity is kept."""
        self.dispatches: list[ActivityExecutionDispatch] = []
        self.released: list[tuple[str, TaskId]] = []
        """Tasks, by queue, that nobody needs any more."""
        self.calls: list[CallActivityCallback] = []
        self._next_task_id = next_task_id

    @property
    def core(self) -> ActivityCore:
        """The core record as it is now."""
        return self.state.core

    def change(self, **changes: object) -> None:
        """Set fields of the core record."""
        self.state = self.state._replace(core=replace(self.core, **changes))

    def move(self, event: str, **changes: object) -> None:
        """Go to the status to which `event` leads, and set other fields of the core record."""
        status = ACTIVITY_TRANSITIONS.get((self.core.status, event))
        invariant(
            status is not None, f"{event} cannot happen to a {self.core.status.name} activity"
        )
        self.change(status=status, **changes)

    def change_request(self, request: ActivityRequest) -> None:
        """Replace what came with the start."""
        self.state = self.state._replace(request=request)

    def keep_heartbeat(self, details: bytes) -> None:
        """Keep serialized details; they replace the ones before, even by nothing."""
        self.state = self.state._replace(heartbeat_details=details)

    def keep_failure(self, failure: bytes) -> None:
        """Keep the serialized failure of the last attempt."""
        self.state = self.state._replace(last_failure=failure)

    def dispatch(self) -> None:
        """Put the current attempt into its queue."""
        core = self.core
        invariant(core.dispatch_task_id == NO_TASK, "an attempt lies in its queue twice")
        priority = Priority.FromString(core.priority)
        task = ActivityExecutionDispatch(
            task_id=self._next_task_id(),
            queue_name=core.task_queue,
            priority=priority.priority_key,
            share=fair_share(priority),
        )
        self.dispatches.append(task)
        self.change(
            is_backing_off=False, dispatch_queue=task.queue_name, dispatch_task_id=task.task_id
        )

    def schedule(self, at: Instant) -> None:
        """Have the current attempt wait for a worker from an instant on, maybe from now."""
        self.release()
        self.change(scheduled_at=at, is_backing_off=True)
        if at <= self.now:
            self.dispatch()

    def release(self) -> None:
        """Take the current attempt out of its queue, if it lies there."""
        core = self.core
        if core.dispatch_task_id != NO_TASK:
            self.released.append((core.dispatch_queue, core.dispatch_task_id))
            self.change(dispatch_queue="", dispatch_task_id=NO_TASK)

    def close(self, event: str, outcome: ActivityOutcome) -> None:
        """End the activity."""
        self.release()
        self.move(
            event,
            is_backing_off=False,
            started_at=NEVER,
            closed_at=self.now,
            retention=self.retention,
        )
        self.state = self.state._replace(outcome=outcome)
        for number in range(len(self.state.callbacks)):
            self.call_back(number)

    @property
    def callbacks(self) -> OwedCallbacks:
        """Who wants to know of the end."""
        return self.state.callbacks

    def change_callbacks(self, callbacks: OwedCallbacks) -> None:
        """Set who wants to know of the end."""
        self.state = self.state._replace(callbacks=callbacks)

    def call_back(self, number: int) -> None:
        """Have a callback called, for the first time or again."""
        self.change_callbacks(with_call(self.state.callbacks, number))
        attempt = self.state.callbacks[number].call.attempt
        self.calls.append(
            CallActivityCallback(task_id=self._next_task_id(), number=number, attempt=attempt)
        )
