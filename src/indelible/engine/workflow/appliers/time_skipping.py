"""How the clock of a run comes to be ahead (semantics of `TimeSkippingConfig`)."""

from msgspec.structs import replace
from temporalio.api.history.v1 import HistoryEvent

from indelible.base.instants import Duration, duration, instant
from indelible.engine.workflow.state import MutableState
from indelible.engine.workflow.time_skipping import clock_ahead_by, configured


def apply_started(state: MutableState, event: HistoryEvent) -> None:
    """The run has a configuration, or begins in the time of a run whose clock is ahead."""
    given = event.workflow_execution_started_event_attributes
    has_config = given.HasField("time_skipping_config")
    inherited = given.time_skipping_state_propagation
    skipped = duration(inherited.initial_skipped_duration)
    if not has_config and not skipped:
        return
    record = configured(
        clock_ahead_by(skipped),
        given.time_skipping_config if has_config else None,
        at=instant(event.event_time),
        fast_forward_at=instant(inherited.fast_forward_target_time),
    )
    state.execution = replace(
        state.execution, time_skipping=replace(record, skip_count=inherited.initial_skip_count)
    )


def apply_options_updated(state: MutableState, event: HistoryEvent) -> None:
    """The run has another configuration, or none any more; it counts its skips anew."""
    given = event.workflow_execution_options_updated_event_attributes
    before = state.execution.time_skipping
    has_config = given.HasField("time_skipping_config")
    if not given.time_skipping_config_updated or not (has_config or before.is_known):
        return
    record = configured(
        before,
        given.time_skipping_config if has_config else None,
        at=instant(event.event_time),
    )
    state.execution = replace(state.execution, time_skipping=record)


def apply_transitioned(state: MutableState, event: HistoryEvent) -> None:
    """Time was skipped, or the fast-forward has come to its end, or both."""
    given = event.workflow_execution_time_skipping_transitioned_event_attributes
    record = state.execution.time_skipping
    skipped = record.skipped
    if given.HasField("target_time"):
        skipped = Duration(skipped + instant(given.target_time) - instant(event.event_time))
    is_over = given.disabled_after_fast_forward and bool(record.fast_forward_at)
    skip_count = record.skip_count + 1
    state.execution = replace(
        state.execution,
        time_skipping=replace(
            record,
            skipped=skipped,
            skip_count=skip_count,
            is_enabled=record.is_enabled and not is_over and skip_count < record.skips_max,
            is_fast_forwarded=record.is_fast_forwarded or is_over,
        ),
    )
