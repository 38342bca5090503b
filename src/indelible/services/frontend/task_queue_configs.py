"""UpdateTaskQueueConfig: limits and weights that an operator sets for a task queue.

Owns what a request may say (semantics 10.4). What the configuration means for tasks is decided in
`engine.matching.queue_config`.
"""

from collections.abc import Mapping, Sequence

from google.protobuf.message import Message
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.workflowservice.v1 import (
    UpdateTaskQueueConfigRequest,
    UpdateTaskQueueConfigResponse,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import QueueKey, QueueType
from indelible.base.limits import (
    FAIRNESS_WEIGHTS_SET_MAX,
    QUEUE_CONFIG_REASON_BYTES_MAX,
)
from indelible.engine.matching.queue_config import updated
from indelible.engine.namespace.record import Namespace
from indelible.ports.clock import Clocks
from indelible.ports.rpc import Call
from indelible.services.frontend.id_lengths import id_bytes_max
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.validation import (
    FAIRNESS_KEY_BYTES_MAX,
    check_queue_name,
    exceeds,
)
from indelible.services.task_queue_configs import TaskQueueConfigRegistry

_RateLimitUpdate = UpdateTaskQueueConfigRequest.RateLimitUpdate
_QUEUE_TYPES = frozenset(QueueType)


class TaskQueueConfigHandlers:
    """Answers the requests that configure task queues."""

    def __init__(self, *, configs: TaskQueueConfigRegistry, clocks: Clocks) -> None:
        self._configs = configs
        self._clocks = clocks

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "UpdateTaskQueueConfig": namespace_route(UpdateTaskQueueConfigRequest, self._update)
        }

    async def _update(
        self, request: UpdateTaskQueueConfigRequest, namespace: Namespace, _call: Call
    ) -> Message:
        key = QueueKey(namespace.id, queue_type_of(request.task_queue_type), request.task_queue)
        _check_limits(request, is_workflow_queue=key.queue_type is QueueType.WORKFLOW)
        _check_length("Identity", request.identity, id_bytes_max())
        _check_weights(
            request.set_fairness_weight_overrides, request.unset_fairness_weight_overrides
        )
        check_queue_name(request.task_queue)
        now = self._clocks.node.now()
        config = await self._configs.change(key, lambda before: updated(before, request, now=now))
        return UpdateTaskQueueConfigResponse(config=config)


def queue_type_of(asked: int) -> QueueType:
    """Return the type of queue that a request names; the workflow queue if it leaves it open."""
    if asked == TaskQueueType.TASK_QUEUE_TYPE_UNSPECIFIED:
        return QueueType.WORKFLOW
    if asked not in _QUEUE_TYPES:
        raise InvalidArgumentError(f"invalid task queue type: {asked}")
    return QueueType(asked)


def _check_limits(request: UpdateTaskQueueConfigRequest, *, is_workflow_queue: bool) -> None:
    for update, label, what in (
        (request.update_queue_rate_limit, "UpdateQueueRateLimit", "rate limit"),
        (
            request.update_fairness_key_rate_limit_default,
            "UpdateFairnessKeyRateLimitDefault",
            "fairness key rate limit",
        ),
    ):
        if not update.HasField("rate_limit"):
            continue
        if is_workflow_queue:
            raise InvalidArgumentError(f"Setting {what} on workflow task queues is not allowed.")
        # Written this way round so that NaN is refused too.
        if not update.rate_limit.requests_per_second >= 0:
            raise InvalidArgumentError(
                f"RequestsPerSecond for {label} rate limit must be non-negative."
            )
        _check_length(f"{label}.Reason", update.reason, QUEUE_CONFIG_REASON_BYTES_MAX)


def _check_weights(weights: Mapping[str, float], removed: Sequence[str]) -> None:
    """Refuse weights of keys that no task can have, and what is both set and taken away."""
    count = len(weights) + len(removed)
    if count > FAIRNESS_WEIGHTS_SET_MAX:
        raise InvalidArgumentError(
            f"too many fairness weight overrides in request: got {count}, maximum"
            f" {FAIRNESS_WEIGHTS_SET_MAX}"
        )
    for key in (*weights, *removed):
        if not key:
            raise InvalidArgumentError("fairness weight override key must not be empty")
        if exceeds(key, FAIRNESS_KEY_BYTES_MAX):
            raise InvalidArgumentError("fairness key length exceeds limit")
    for key, weight in weights.items():
        if not weight > 0:
            raise InvalidArgumentError(
                f'invalid fairness weight weight for key "{key}": must be greater than zero'
            )
    for key in removed:
        if key in weights:
            raise InvalidArgumentError(
                f'fairness weight override key "{key}" present in both set and unset lists'
            )


def _check_length(name: str, value: str, bytes_max: int) -> None:
    if exceeds(value, bytes_max):
        raise InvalidArgumentError(f"{name} field too long (max {bytes_max} characters).")
