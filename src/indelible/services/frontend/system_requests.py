"""The rules of requests that workflows make of the service itself (semantics 9.7)."""

from collections.abc import Callable

from temporalio.api.workflowservice.v1 import SignalWithStartWorkflowExecutionRequest

from indelible.base.time_zones import UtcOffset
from indelible.engine.namespace.record import Namespace
from indelible.ports.clock import Clocks
from indelible.services.frontend.backends import LimitsOf
from indelible.services.frontend.start_requests import StartRules, complete_signal_with_start


def signal_with_start_rules(
    *, clocks: Clocks, limits_of: LimitsOf, utc_offset: UtcOffset
) -> Callable[[SignalWithStartWorkflowExecutionRequest, Namespace], None]:
    """Return what checks and completes a signal-with-start as if a client had sent it."""

    def complete(request: SignalWithStartWorkflowExecutionRequest, namespace: Namespace) -> None:
        rules = StartRules(
            limits=limits_of(namespace.name),
            now=clocks.clock_of(namespace.id).now(),
            utc_offset=utc_offset,
            fresh_request_id="",
        )
        complete_signal_with_start(request, namespace=namespace, rules=rules)

    return complete
