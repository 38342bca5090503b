"""One atomic step of a schedule.

Owns the way from one state to the next, and what a decision sees beside the state: the present, the
times, the policies. Nothing is durable before the shell has committed the step.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import msgspec
from msgspec.structs import replace
from temporalio.api.enums.v1 import ScheduleOverlapPolicy
from temporalio.api.schedule.v1 import SchedulePolicies, ScheduleSpec

from indelible.base.instants import DAY, SECOND, Duration, Instant, duration
from indelible.base.time_zones import TimeZones
from indelible.engine.schedule.fields import InvalidSpecError
from indelible.engine.schedule.state import (
    UNSPECIFIED,
    BufferedStart,
    ScheduleCore,
    ScheduleDefinition,
    ScheduleState,
)
from indelible.engine.schedule.times import Times
from indelible.engine.schedule.zones import compile_spec

CATCHUP_WINDOW_DEFAULT: Final = Duration(365 * DAY)
CATCHUP_WINDOW_MIN: Final = Duration(10 * SECOND)
RULES_CACHED_MAX: Final = 1_000
_SKIP: Final = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_SKIP
_NO_TIMES: Final = Times(ScheduleSpec(), lambda _at: Duration(0))


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What a definition means, ready to decide with."""

    times: Times
    overlap_policy: int
    catchup_window: Duration
    pauses_on_failure: bool
    keeps_workflow_id: bool
    fault: str = ""
    """Why the specification cannot be used any more; such a schedule has no times."""


def compile_rules(definition: ScheduleDefinition, zones: TimeZones) -> Rules:
    """Return what a definition means."""
    policies = SchedulePolicies.FromString(definition.policies)
    fault = ""
    try:
        times = compile_spec(ScheduleSpec.FromString(definition.spec), zones)
    except InvalidSpecError as error:
        # The machine's time zones are not those of the day when it was accepted.
        times, fault = _NO_TIMES, str(error)
    return Rules(
        times=times,
        overlap_policy=policies.overlap_policy or _SKIP,
        catchup_window=catchup_window(policies),
        pauses_on_failure=policies.pause_on_failure,
        keeps_workflow_id=policies.keep_original_workflow_id,
        fault=fault,
    )


def cached_rules(zones: TimeZones) -> Callable[[ScheduleDefinition], Rules]:
    """Return what compiles definitions; those that say the same are compiled once."""

    @lru_cache(maxsize=RULES_CACHED_MAX)
    def compiled(spec: bytes, policies: bytes) -> Rules:
        return compile_rules(ScheduleDefinition(spec=spec, action=b"", policies=policies), zones)

    return lambda definition: compiled(definition.spec, definition.policies)


def catchup_window(policies: SchedulePolicies) -> Duration:
    """Return how late an action may be."""
    window = duration(policies.catchup_window)
    return max(window, CATCHUP_WINDOW_MIN) if window > 0 else CATCHUP_WINDOW_DEFAULT


class ScheduleStep:
    """A step under way."""

    __slots__ = ("_ruled", "_rules", "_rules_of", "now", "seed", "state")

    def __init__(
        self,
        state: ScheduleState,
        *,
        now: Instant,
        rules_of: Callable[[ScheduleDefinition], Rules],
    ) -> None:
        self.state = state
        self.now = now
        self.seed = jitter_seed(state.core)
        self._rules_of = rules_of
        self._ruled = state.definition
        self._rules = rules_of(state.definition)

    @property
    def rules(self) -> Rules:
        """What the definition means, as it is now."""
        if self._ruled is not self.state.definition:
            self._ruled = self.state.definition
            self._rules = self._rules_of(self._ruled)
        return self._rules

    @property
    def core(self) -> ScheduleCore:
        """The core record as it is now."""
        return self.state.core

    def change(self, **changes: object) -> None:
        """Set fields of the core record."""
        self.state = self.state._replace(core=replace(self.core, **changes))

    def change_buffer(self, buffer: tuple[BufferedStart, ...]) -> None:
        """Replace the starts that are not made."""
        self.state = self.state._replace(buffer=buffer)

    def buffer(
        self, nominal: Instant, at: Instant, *, policy: int = UNSPECIFIED, is_manual: bool = False
    ) -> None:
        """Add a start that is due."""
        start = BufferedStart(
            number=self.core.next_number,
            nominal=nominal,
            at=at,
            policy=policy,
            is_manual=is_manual,
        )
        self.change(next_number=start.number + 1)
        self.change_buffer((*self.state.buffer, start))


def jitter_seed(core: ScheduleCore) -> str:
    """Return what makes the jitter of a schedule its own."""
    return f"{core.namespace_id}-{core.schedule_id}"
