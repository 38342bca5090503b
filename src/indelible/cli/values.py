"""What people write for durations, times and pairs, and how both are shown.

Owns the text forms. They are the reference's: `1h30m`, `7d`, RFC 3339, `KEY=JSON`.
"""

import argparse
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_UNIT_SECONDS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3_600.0,
    "d": 86_400.0,
}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h|d)")
_AGO: Final = (
    (86_400 * 365, "year"),
    (86_400 * 30, "month"),
    (86_400 * 7, "week"),
    (86_400, "day"),
    (3_600, "hour"),
    (60, "minute"),
    (1, "second"),
)


class ValueRefusedError(Exception):
    """A value cannot be read; the message says why."""


def duration(written: str) -> timedelta:
    """Return the duration that a text stands for. Raises argparse's error."""
    body = written.removeprefix("-")
    if body == "0":
        return timedelta()
    end = 0
    seconds = 0.0
    while part := _PART.match(body, end):
        seconds += float(part[1]) * _UNIT_SECONDS[part[2]]
        end = part.end()
    if not body or end != len(body):
        raise argparse.ArgumentTypeError(f'"{written}" is no duration; write 30s, 1h30m or 7d')
    return timedelta(seconds=-seconds if written.startswith("-") else seconds)


def instant(written: str) -> datetime:
    """Return the time that a text stands for. Raises argparse's error."""
    try:
        time = datetime.fromisoformat(written)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f'"{written}" is no time; write 2030-01-02T15:04:05Z, with its time zone'
        )
    return time


def pairs(words: Iterable[str], flag: str) -> dict[str, str]:
    """Return `KEY=VALUE` words as a mapping. Raises `ValueRefusedError`."""
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ValueRefusedError(f'{flag} takes KEY=VALUE, not "{word}"')
        found[key] = value
    return found


def json_pairs(words: Iterable[str], flag: str) -> Mapping[str, Json]:
    """Return `KEY=JSON` words as a mapping. Raises `ValueRefusedError`."""
    return {key: _json(value, f"{flag} {key}") for key, value in pairs(words, flag).items()}


def _json(value: str, where: str) -> Json:
    try:
        return json.loads(value)
    except ValueError:
        raise ValueRefusedError(
            f"the value of {where} must be JSON, not {value}; a text needs double quotes of its"
            f" own: '\"{value}\"'"
        ) from None


# ------------------------------------------------------------------------------------- showing
def shown_duration(value: timedelta) -> str:
    """Return a duration the way people write it: `1d 2h`, `1m 30s`, `250ms`."""
    seconds = value.total_seconds()
    if seconds < 0:
        return f"-{shown_duration(-value)}"
    if seconds < 1:
        return f"{round(seconds * 1_000)}ms" if seconds else "0s"
    whole = int(seconds)
    parts: list[str] = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count}{unit}")
    rest = whole + seconds - int(seconds)
    if rest or not parts:
        parts.append(f"{rest:.2f}".rstrip("0").rstrip(".") + "s")
    return " ".join(part for part in parts if part != "0s") or "0s"


def shown_instant(value: datetime, form: str, now: datetime) -> str:
    """Return a time in the form that was asked for."""
    if form == "raw":
        return str(value)
    if form == "iso":
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    seconds = int((now - value).total_seconds())
    for size, unit in _AGO:
        count = abs(seconds) // size
        if count:
            words = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "now"
