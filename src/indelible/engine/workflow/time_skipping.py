"""The clock of a run whose time may be skipped.

Owns the record of it, and its form in messages. All instants in the state of such a run are by its
own clock, which is ahead of the namespace's by what has been skipped; so is the time of its steps.
Must not know when time is skipped: that is in `rules.time_skipping`.
"""

from temporalio.api.common.v1 import (
    FastForwardConfig,
    TimeSkippingConfig,
    TimeSkippingFastForwardInfo,
    TimeSkippingInfo,
)

from indelible.base.instants import (
    NEVER,
    NO_DURATION,
    Duration,
    Instant,
    duration,
    duration_message,
    timestamp,
)
from indelible.engine.workflow.records import Record


class TimeSkippingRecord(Record, frozen=True, kw_only=True):
    """How far the clock of a run is ahead, and by which rules it gets further."""

    is_known: bool = False
    """Whether time was ever to be skipped, in this run or where it comes from."""
    is_configured: bool = False
    is_enabled: bool = False
    """Off after a fast-forward and after too many skips, until somebody configures it anew."""
    is_private: bool = False
    """Children inherit the time, but not the configuration."""
    skips_max: int = 0
    skip_count: int = 0
    """Since it was configured."""
    skipped: Duration = NO_DURATION
    fast_forward_id: str = ""
    fast_forward_span: Duration = NO_DURATION
    fast_forward_at: Instant = NEVER
    """Where the fast-forward ends; `NEVER` without one."""
    is_fast_forwarded: bool = False

    @property
    def awaits_fast_forward(self) -> bool:
        """Whether a fast-forward is under way, and can still come to its end."""
        return self.is_enabled and self.fast_forward_at != NEVER and not self.is_fast_forwarded


NO_TIME_SKIPPED = TimeSkippingRecord()


def clock_ahead_by(skipped: Duration) -> TimeSkippingRecord:
    """Return the record of a run that begins in the time of another one."""
    return TimeSkippingRecord(is_known=True, skipped=skipped) if skipped else NO_TIME_SKIPPED


def config_message(record: TimeSkippingRecord) -> TimeSkippingConfig | None:
    """Return the configuration as it is in effect."""
    if not record.is_configured:
        return None
    config = TimeSkippingConfig(
        enabled=record.is_enabled,
        disable_propagation=record.is_private,
        max_session_skip_count=record.skips_max,
    )
    if record.fast_forward_at:
        config.fast_forward_config.CopyFrom(
            FastForwardConfig(
                id=record.fast_forward_id, duration=duration_message(record.fast_forward_span)
            )
        )
    return config


def fast_forward_message(record: TimeSkippingRecord) -> TimeSkippingFastForwardInfo | None:
    """Return what has become of the fast-forward, if there is one."""
    if not record.fast_forward_at:
        return None
    return TimeSkippingFastForwardInfo(
        fast_forward_id=record.fast_forward_id,
        fast_forward_duration=duration_message(record.fast_forward_span),
        target_time=timestamp(record.fast_forward_at),
        has_completed=record.is_fast_forwarded,
    )


def clock_message(record: TimeSkippingRecord, now: Instant) -> TimeSkippingInfo | None:
    """Return what is told of a run's time; `now` is by the run's own clock."""
    if not record.is_known:
        return None
    return TimeSkippingInfo(
        current_time=timestamp(now),
        effective_config=config_message(record),
        fast_forward_info=fast_forward_message(record),
        current_session_skip_count=record.skip_count,
    )


def configured(
    before: TimeSkippingRecord,
    config: TimeSkippingConfig | None,
    *,
    at: Instant,
    fast_forward_at: Instant = NEVER,
) -> TimeSkippingRecord:
    """Return the record under another configuration, with what has been skipped as it was.

    A fast-forward begins now, unless `fast_forward_at` says where one ends that is under way.
    """
    if config is None:
        return TimeSkippingRecord(is_known=True, skipped=before.skipped)
    has_fast_forward = config.HasField("fast_forward_config")
    span = duration(config.fast_forward_config.duration) if has_fast_forward else NO_DURATION
    target = (fast_forward_at or Instant(at + span)) if has_fast_forward else NEVER
    is_over = has_fast_forward and target <= at
    return TimeSkippingRecord(
        is_known=True,
        is_configured=True,
        is_enabled=config.enabled and not is_over,
        is_private=config.disable_propagation,
        skips_max=config.max_session_skip_count,
        skipped=before.skipped,
        fast_forward_id=config.fast_forward_config.id if has_fast_forward else "",
        fast_forward_span=span,
        fast_forward_at=target,
        is_fast_forwarded=is_over,
    )
