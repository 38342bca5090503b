"""One atomic step of a standalone Nexus operation.

Owns the way from one state to the next: the table of the operation's life is kept here, and the
calls that are to be made go along. Nothing is durable before the shell has committed the step.
"""

from collections.abc import Callable

from msgspec.structs import replace

from indelible.base.attached_links import AttachedLinks
from indelible.base.calls import CallRecord, CallState
from indelible.base.ids import TaskId
from indelible.base.instants import NEVER, Duration, Instant
from indelible.base.invariants import InvariantError, invariant
from indelible.base.limits import Limits
from indelible.base.owed_callbacks import OwedCallbacks, with_call
from indelible.engine.nexus_operation.state import (
    OPERATION_TRANSITIONS,
    OperationCore,
    OperationOutcome,
    OperationState,
)
from indelible.engine.nexus_operation.tasks import (
    CallOperationCallback,
    CancelOperationExecution,
    OwedCall,
    StartOperationExecution,
)


class OperationStep:
    """A step under way."""

    __slots__ = ("_next_task_id", "calls", "limits", "now", "retention", "state")

    def __init__(
        self,
        state: OperationState,
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
        """How long a closed operation is kept."""
        self.calls: list[OwedCall] = []
        self._next_task_id = next_task_id

    @property
    def core(self) -> OperationCore:
        """The core record as it is now."""
        return self.state.core

    def change(self, **changes: object) -> None:
        """Set fields of the core record."""
        self.state = self.state._replace(core=replace(self.core, **changes))

    def move(self, event: str, **changes: object) -> None:
        """Go to the status to which `event` leads, and set other fields of the core record."""
        status = OPERATION_TRANSITIONS.get((self.core.status, event))
        invariant(
            status is not None, f"{event} cannot happen to a {self.core.status.name} operation"
        )
        self.change(status=status, **changes)

    def add_links(self, links: AttachedLinks) -> None:
        """Keep what the handler has linked to."""
        self.keep_links((*self.state.request.links, *links))

    def keep_links(self, links: AttachedLinks) -> None:
        """Set what the operation is linked to."""
        if links != self.state.request.links:
            self.state = self.state._replace(request=replace(self.state.request, links=links))

    def call_start(self) -> None:
        """Have the handler called, to start the operation."""
        self.calls.append(
            StartOperationExecution(task_id=self._next_task_id(), attempt=self.core.start.attempt)
        )

    def call_cancel(self) -> None:
        """Have the handler called, to cancel what it has started."""
        call = self.core.cancel
        if call is None:
            raise InvariantError("nobody wants the operation canceled")
        scheduled = _next_attempt(call)
        self.change(cancel=scheduled)
        self.calls.append(
            CancelOperationExecution(task_id=self._next_task_id(), attempt=scheduled.attempt)
        )

    def repeat_start(self) -> None:
        """Have the handler called again, after an interval."""
        self.change(start=_next_attempt(self.core.start))
        self.call_start()

    def close(self, event: str, outcome: OperationOutcome) -> None:
        """End the operation."""
        self.move(
            event,
            closed_at=self.now,
            retention=self.retention,
            start=replace(self.core.start, next_attempt_at=NEVER),
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
            CallOperationCallback(task_id=self._next_task_id(), number=number, attempt=attempt)
        )


def _next_attempt(call: CallRecord) -> CallRecord:
    return replace(call, state=CallState.SCHEDULED, attempt=call.attempt + 1, next_attempt_at=NEVER)
