"""What a value of dynamic configuration can be, and how a key is described.

Owns the kinds of values, which parse what an operator wrote and show it again. Must not know any
key.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final, Generic, NamedTuple, TypeVar

from indelible.base.callback_addresses import AddressRule, AddressRules
from indelible.base.circuit_breaker import USUAL_BREAKER, BreakerSettings
from indelible.base.instants import HOUR, MILLISECOND, MINUTE, SECOND, Duration, seconds
from indelible.server.callback_template import ID, NAME, is_template

Value = bool | int | float | str | Sequence["Value"] | Mapping[str, "Value"] | None
"""What JSON (and YAML) can say."""


class UnfitValueError(Exception):
    """A value is not of the kind that its key takes; the message says what would be."""


class Scope(Enum):
    """How closely a key may be constrained."""

    NODE = "the server"
    NAMESPACE = "namespace"
    TASK_QUEUE = "task queue"


T = TypeVar("T", int, float, str, AddressRules, BreakerSettings, tuple[str, ...])
Setting = int | float | str | AddressRules | BreakerSettings | tuple[str, ...]
"""What a field of `Limits` holds."""


class Kind(NamedTuple, Generic[T]):
    """A kind of values."""

    name: str
    parse: Callable[[Value], T]
    """Raises `UnfitValueError`."""
    show: Callable[[T], str]
    """Returns a value as an operator would write it."""


class Key(NamedTuple):
    """A key that sets a field of `Limits`."""

    name: str
    field: str
    kind: (
        Kind[int]
        | Kind[float]
        | Kind[str]
        | Kind[AddressRules]
        | Kind[BreakerSettings]
        | Kind[tuple[str, ...]]
    )
    about: str
    scope: Scope = Scope.NAMESPACE


_UNITS: Final[Mapping[str, float]] = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": MILLISECOND / SECOND,
    "s": 1,
    "m": MINUTE / SECOND,
    "h": HOUR / SECOND,
    "d": 24 * HOUR / SECOND,
    "": 1,
}
_SPAN: Final = re.compile(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h|d|$)")
_UNSET: Final = "unset"
"""What the reference says where there is no template."""
_SHOWN_UNITS: Final = (("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", MILLISECOND))


def _whole_number(value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UnfitValueError("a whole number, not below zero")
    return value


def _number(value: Value) -> float:
    # NaN is not above zero either.
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise UnfitValueError("a number, not below zero")
    return value


def _span(value: Value) -> Duration:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return seconds(value)
    parts = _SPAN.findall(value) if isinstance(value, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != value:
        raise UnfitValueError('a duration such as "10s" or "1h30m", or a number of seconds')
    return seconds(sum(float(number) * _UNITS[unit] for number, unit in parts))


def _switch(value: Value) -> int:
    if not isinstance(value, bool):
        raise UnfitValueError("true or false")
    return value


def _show_switch(value: float) -> str:
    return "true" if value else "false"


def _show_number(value: float) -> str:
    return f"{value:g}"


def _show_span(value: float) -> str:
    unit, size = next(
        (unit, size) for unit, size in _SHOWN_UNITS if value % size == 0 or size == MILLISECOND
    )
    return f"{value / size:g}{unit}"


def _addresses(value: Value) -> AddressRules:
    # The reference ignores an entry that it cannot read. Whoever allows something wants to know.
    rules = [_address(one) for one in value] if isinstance(value, list) else [None]
    known = [rule for rule in rules if rule is not None]
    if len(known) < len(rules):
        raise UnfitValueError(
            'a list of entries such as {"Pattern": "*.example.com:443", "AllowInsecure": false}'
        )
    return tuple(known)


def _address(entry: Value) -> AddressRule | None:
    if not isinstance(entry, Mapping):
        return None
    given = {name.casefold(): value for name, value in entry.items()}
    pattern, is_insecure = given.pop("pattern", None), given.pop("allowinsecure", False)
    if not isinstance(pattern, str) or not pattern or not isinstance(is_insecure, bool) or given:
        return None
    return AddressRule(pattern, is_insecure)


def _show_addresses(rules: AddressRules) -> str:
    shown = [{"Pattern": rule.pattern, "AllowInsecure": rule.allows_insecure} for rule in rules]
    return json.dumps(shown)


def _breaker(value: Value) -> BreakerSettings:
    given = {name.casefold(): one for name, one in value.items()} if isinstance(value, dict) else {}
    trials, interval, timeout = (
        given.pop(name, 0) for name in ("maxrequests", "interval", "timeout")
    )
    try:
        settings = BreakerSettings(_whole_number(trials), _span(interval), _span(timeout))
    except UnfitValueError:
        settings = None
    if settings is None or given or not isinstance(value, dict):
        raise UnfitValueError(
            'settings such as {"MaxRequests": 1, "Interval": "0s", "Timeout": "60s"}'
        )
    return settings._replace(
        calls_on_trial_max=settings.calls_on_trial_max or USUAL_BREAKER.calls_on_trial_max,
        timeout=settings.timeout or USUAL_BREAKER.timeout,
    )


def _show_breaker(settings: BreakerSettings) -> str:
    shown = {
        "MaxRequests": settings.calls_on_trial_max,
        "Interval": _show_span(settings.interval),
        "Timeout": _show_span(settings.timeout),
    }
    return json.dumps(shown)


def _names(value: Value) -> tuple[str, ...]:
    names = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
    if not isinstance(value, list) or len(names) < len(value):
        raise UnfitValueError("a list of names")
    return tuple(names)


def _lower_names(value: Value) -> tuple[str, ...]:
    return tuple(name.lower() for name in _names(value))


def _show_names(names: tuple[str, ...]) -> str:
    return json.dumps(list(names))


def _callback_template(value: Value) -> str:
    if value == _UNSET:
        return ""
    if not isinstance(value, str) or not is_template(value):
        raise UnfitValueError(
            f"a URL, with {{{{.{NAME}}}}} and {{{{.{ID}}}}} for those of the namespace"
        )
    return value


def _show_callback_template(template: str) -> str:
    return template or _UNSET


WHOLE_NUMBER: Final = Kind("whole number", _whole_number, str)
NUMBER: Final = Kind("number", _number, _show_number)
SPAN: Final = Kind("duration", _span, _show_span)
SWITCH: Final = Kind("true or false", _switch, _show_switch)
ADDRESSES: Final = Kind("list of addresses", _addresses, _show_addresses)
BREAKER: Final = Kind("settings of a circuit breaker", _breaker, _show_breaker)
NAMES: Final = Kind("list of names", _names, _show_names)
HEADERS: Final = Kind("list of header names", _lower_names, _show_names)
CALLBACK_TEMPLATE: Final = Kind("URL", _callback_template, _show_callback_template)
