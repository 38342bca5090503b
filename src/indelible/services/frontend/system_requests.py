"""The rules of requests that the service makes of itself.

They come from workflows (semantics 9.7) and from schedules (11.4).
"""

from temporalio.api.workflowservice.v1 import (
    SignalWithStartWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
)

from indelible.base.time_zones import UtcOffset
from indelible.engine.namespace.record import Namespace
from indelible.ports.clock import Clocks
from indelible.services.frontend.backends import LimitsOf
from indelible.services.frontend.start_requests import (
    StartRules,
    complete_signal_with_start,
    complete_start,
)


class SystemRules:
    """Checks and completes requests as if a client had sent them; raises `ServiceError`."""

    def __init__(self, *, clocks: Clocks, limits_of: LimitsOf, utc_offset: UtcOffset) -> None:
        self._clocks = clocks
        self._limits_of = limits_of
        self._utc_offset = utc_offset

    def complete_signal_with_start(
        self, request: SignalWithStartWorkflowExecutionRequest, namespace: Namespace
    ) -> None:
        """Complete what a workflow asks for."""
        complete_signal_with_start(request, namespace=namespace, rules=self._rules(namespace))

    def complete_start(self, request: StartWorkflowExecutionRequest, namespace: Namespace) -> None:
        """Complete what a schedule asks for."""
        complete_start(request, namespace=namespace, rules=self._rules(namespace))

    def _rules(self, namespace: Namespace) -> StartRules:
        return StartRules(
            limits=self._limits_of(namespace.name),
            now=self._clocks.clock_of(namespace.id).now(),
            utc_offset=self._utc_offset,
            fresh_request_id="",
        )
