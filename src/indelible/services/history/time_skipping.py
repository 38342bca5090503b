"""PollWorkflowExecutionTimeSkipping: wait for the end of a fast-forward.

Owns what the wait ends with. It follows the chain of runs, as the fast-forward does.
"""

from typing import Final

import msgspec
from temporalio.api.enums.v1 import FastForwardPollingResult
from temporalio.api.workflowservice.v1 import (
    PollWorkflowExecutionTimeSkippingRequest,
    PollWorkflowExecutionTimeSkippingResponse,
)

from indelible.base.instants import NEVER, SECOND, Duration, Instant, after
from indelible.base.limits import LONG_POLL_MARGIN_SECONDS
from indelible.engine.namespace.record import Namespace
from indelible.engine.workflow.state import ExecutionRecord
from indelible.engine.workflow.time_skipping import fast_forward_message
from indelible.ports.clock import Clocks
from indelible.ports.rpc import Call
from indelible.services.history.messaging import target
from indelible.services.history.shards import Shards

_COMPLETED: Final = FastForwardPollingResult.FAST_FORWARD_POLLING_RESULT_FAST_FORWARD_COMPLETED
_FAILED: Final = FastForwardPollingResult.FAST_FORWARD_POLLING_RESULT_FAST_FORWARD_FAILED
_TIMEOUT: Final = FastForwardPollingResult.FAST_FORWARD_POLLING_RESULT_POLL_TIMEOUT

# SDKs look into these words.
OTHER_ID: Final = (
    "the requested fast_forward_id does not match the execution's current fast-forward"
)
BEGUN_ANEW: Final = "the fast-forward was reset"
ENDED: Final = "the execution ended before the fast-forward completed"
DISABLED: Final = "time skipping was disabled before the fast-forward completed"


class _Verdict(msgspec.Struct, frozen=True):
    result: "FastForwardPollingResult.ValueType"
    reason: str = ""


class TimeSkippingOperations:
    """Lets clients wait for the clocks of runs."""

    def __init__(self, shards: Shards, clocks: Clocks) -> None:
        self._shards = shards
        self._clocks = clocks

    async def poll_time_skipping(
        self, namespace: Namespace, request: PollWorkflowExecutionTimeSkippingRequest, call: Call
    ) -> PollWorkflowExecutionTimeSkippingResponse:
        """Return what has become of a fast-forward as soon as it is over, or the poll is."""
        chain, run_id = target(namespace, request.workflow_execution)
        shard = self._shards.of(chain)
        until = self._give_up_at(namespace, call)
        awaited = NEVER
        is_last_look = False
        while True:
            async with shard.hold(chain, run_id) as entry:
                execution = entry.state.execution
                verdict = _verdict(execution, request.fast_forward_id, awaited)
                if verdict is None and not execution.is_open:
                    run_id = execution.successor_run_id
                    continue
                if verdict is not None or is_last_look:
                    return _response(execution, verdict or _Verdict(_TIMEOUT))
                awaited = execution.time_skipping.fast_forward_at
                key = entry.key
                watch = self._shards.watchers.watch(key)
            is_last_look = not await self._shards.watchers.outcome(key, watch, until=until)

    def _give_up_at(self, namespace: Namespace, call: Call) -> Instant:
        span = self._shards.limits_of(namespace.name).history_long_poll_span
        longest = after(self._clocks.node.now(), span)
        if call.deadline is None:
            return longest
        return min(longest, after(call.deadline, Duration(-LONG_POLL_MARGIN_SECONDS * SECOND)))


def _verdict(execution: ExecutionRecord, fast_forward_id: str, awaited: Instant) -> _Verdict | None:
    """Return what the wait for a fast-forward ends with; None while it goes on.

    `awaited` is where it ended at the last look.
    """
    clock = execution.time_skipping
    if not clock.fast_forward_at or clock.fast_forward_id != fast_forward_id:
        return _Verdict(_FAILED, OTHER_ID)
    if awaited not in (NEVER, clock.fast_forward_at):
        return _Verdict(_FAILED, BEGUN_ANEW)
    if clock.is_fast_forwarded:
        return _Verdict(_COMPLETED)
    if not execution.is_open and not execution.successor_run_id:
        return _Verdict(_FAILED, ENDED)
    if not clock.is_enabled:
        return _Verdict(_FAILED, DISABLED)
    return None


def _response(
    execution: ExecutionRecord, verdict: _Verdict
) -> PollWorkflowExecutionTimeSkippingResponse:
    return PollWorkflowExecutionTimeSkippingResponse(
        fast_forward_info=fast_forward_message(execution.time_skipping),
        fast_forward_polling_result=verdict.result,
        failed_reason=verdict.reason,
    )
