"""What became of a call of a completion callback (semantics 9.5)."""

from temporalio.api.failure.v1 import Failure

from indelible.base.calls import CallState
from indelible.engine.workflow import deltas
from indelible.engine.workflow.rules.callbacks import back_off_callback
from indelible.engine.workflow.transition import Transition


def record_callback_result(
    step: Transition, callback_id: str, attempt: int, failure: Failure | None, *, is_retryable: bool
) -> None:
    """Record an attempt; no failure means that it was called. An obsolete one changes nothing."""
    record = step.state.callbacks.get(callback_id)
    if record is None or record.call.state is not CallState.SCHEDULED:
        return
    if record.call.attempt != attempt:
        return
    if failure is not None and is_retryable:
        back_off_callback(step, callback_id, failure)
        return
    step.change(
        deltas.CallbackEnded(
            callback_id=callback_id,
            ended_at=step.now,
            failure=b"" if failure is None else failure.SerializeToString(),
        )
    )
