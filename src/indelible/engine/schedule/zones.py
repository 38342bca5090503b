"""The time zone of a specification: one for all its calendars, by name or brought along."""

from temporalio.api.schedule.v1 import ScheduleSpec

from indelible.base.civil_time import OffsetAt
from indelible.base.time_zones import UTC, TimeZones, utc_at
from indelible.engine.schedule.fields import InvalidSpecError
from indelible.engine.schedule.times import Times

ZONE_NAME_BYTES_MAX = 200


def compile_spec(spec: ScheduleSpec, zones: TimeZones) -> Times:
    """Return the times of a canonical specification; `InvalidSpecError` without its zone."""
    return Times(spec, _offsets(spec, zones))


def check_possible(times: Times) -> None:
    """Refuse a specification that names times of which none ever comes."""
    if not times.is_empty and not times.is_possible():
        raise InvalidSpecError("no time matches the specification, or too many times are excluded")


def _offsets(spec: ScheduleSpec, zones: TimeZones) -> OffsetAt:
    if spec.timezone_data:
        found = zones.read_zone(spec.timezone_data)
        if found is None:
            raise InvalidSpecError("malformed time zone information")
        return found
    name = spec.timezone_name
    if name in {"", UTC}:
        return utc_at
    found = zones.named(name) if len(name) <= ZONE_NAME_BYTES_MAX else None
    if found is None:
        raise InvalidSpecError(f"unknown time zone {name}")
    return found
