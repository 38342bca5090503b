"""Time skipping of single workflows: what a configuration must be, and the wait for its end.

Owns the checks, which every request with a configuration shares, and the long poll. Changes the
configuration in place. Must not know when time is skipped.
"""

from collections.abc import Callable
from typing import Final, Protocol

from google.protobuf.message import Message
from temporalio.api.common.v1 import TimeSkippingConfig
from temporalio.api.workflowservice.v1 import (
    PollWorkflowExecutionTimeSkippingRequest,
    PollWorkflowExecutionTimeSkippingResponse,
)

from indelible.base.errors import InvalidArgumentError, UnimplementedError
from indelible.base.instants import duration
from indelible.base.limits import Limits
from indelible.engine.namespace.record import Namespace
from indelible.ports.rpc import Call
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.validation import check_execution_to_load

_NO_ID: Final = "Time skipping config invalid: fast_forward_id must be set"


class TimeSkippingWaits(Protocol):
    """The part of history that knows the clocks of runs."""

    async def poll_time_skipping(
        self, namespace: Namespace, request: PollWorkflowExecutionTimeSkippingRequest, call: Call
    ) -> PollWorkflowExecutionTimeSkippingResponse:
        """Wait for the end of a fast-forward, for a while."""
        ...


class TimeSkippingHandlers:
    """Answers who waits for a fast-forward."""

    def __init__(self, *, history: TimeSkippingWaits, limits_of: Callable[[str], Limits]) -> None:
        self._history = history
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "PollWorkflowExecutionTimeSkipping": namespace_route(
                PollWorkflowExecutionTimeSkippingRequest, self._poll
            )
        }

    async def _poll(
        self, request: PollWorkflowExecutionTimeSkippingRequest, namespace: Namespace, call: Call
    ) -> Message:
        check_execution_to_load(request.workflow_execution)
        _check_enabled(self._limits_of(namespace.name))
        if not request.fast_forward_id.strip():
            raise InvalidArgumentError(_NO_ID)
        return await self._history.poll_time_skipping(namespace, request, call)


def complete_time_skipping(config: TimeSkippingConfig, limits: Limits) -> None:
    """Check a configuration that a client has given, and fill in its defaults."""
    _check_enabled(limits)
    if config.max_session_skip_count <= 0:
        config.max_session_skip_count = max(1, limits.time_skips_per_session)
    if not config.HasField("fast_forward_config"):
        return
    if duration(config.fast_forward_config.duration) <= 0:
        raise InvalidArgumentError(
            "Time skipping config invalid: fast_forward duration must be positive"
        )
    if not config.fast_forward_config.id.strip():
        raise InvalidArgumentError(_NO_ID)
    if not config.enabled:
        raise InvalidArgumentError(
            "time_skipping_config: cannot set fast_forward when enabled is false"
        )


def _check_enabled(limits: Limits) -> None:
    if not limits.time_skipping:
        raise UnimplementedError("The Time-Skipping feature is not enabled for namespace.")
