"""Dynamic configuration: named values that may differ per namespace and per task queue.

Owns which of several values holds where, and their change while the server runs. Whoever needs a
limit asks again each time and keeps nothing.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from indelible.base.ids import QueueType
from indelible.base.limits import DEFAULT_LIMITS, Limits
from indelible.server.dynamic_keys import KEYS_BY_NAME
from indelible.server.dynamic_kinds import Key, Scope, Setting, UnfitValueError, Value
from indelible.server.refusal import StartRefusedError


class Constraints(msgspec.Struct, frozen=True, kw_only=True):
    """Where a value applies: wherever everything that is named here is so."""

    namespace: str | None = None
    queue: str | None = None
    queue_type: QueueType | None = None

    @property
    def is_about_queue(self) -> bool:
        """Whether it can hold for some task queues of a namespace only."""
        return self.queue is not None or self.queue_type is not None


class ConstrainedValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value and where it applies; the more precise one wins."""

    value: Value
    constraints: Constraints = Constraints()
    fault: str = ""
    """Why its constraints make no sense; then it is never used."""


Values = Mapping[str, Sequence[ConstrainedValue]]
"""Values by the name of their key."""

_EVERYWHERE: Final = Constraints()


class _Setting(NamedTuple):
    value: Setting
    constraints: Constraints


_Settings = Mapping[Key, Sequence[_Setting]]


class DynamicConfig:
    """The values that are set, and the limits that follow from them.

    What the command line assigns holds for good; what a file says may be replaced at any time. A
    key that the command line assigns is not read from the file.
    """

    def __init__(
        self, assigned: Values | None = None, *, defaults: Limits = DEFAULT_LIMITS
    ) -> None:
        """Take the values of the command line.

        Raises `StartRefusedError` if a known key has a value that does not fit it.
        """
        self._defaults = defaults
        self._unknown_keys: dict[str, None] = {}
        self._assigned: _Settings = {}
        self._filed: _Settings = {}
        self._node = defaults
        self._by_namespace: dict[str, Limits] = {}
        self._queue_settings: _Settings = {}
        self._assigned, faults = self._parsed(assigned or {}, old={})
        if faults:
            raise StartRefusedError(f"the dynamic configuration value {faults[0]}")
        self._resolve()

    @property
    def unknown_keys(self) -> Sequence[str]:
        """Keys that mean nothing here; many of the reference's are about parts we do not have."""
        return tuple(self._unknown_keys)

    def read_file(self, values: Values) -> Sequence[str]:
        """Let the values of a file take the place of its earlier ones; return what is wrong.

        A key with a value that does not fit it keeps the values that it has.
        """
        self._filed, faults = self._parsed(values, old=self._filed)
        self._resolve()
        return faults

    def limits(self, namespace: str) -> Limits:
        """Return the limits of a namespace, by its name."""
        return self._by_namespace.get(namespace, self._node)

    def queue_limits(self, namespace: str, queue: str, queue_type: QueueType) -> Limits:
        """Return the limits of a task queue in a namespace, both by their names."""
        limits = self.limits(namespace)
        if not self._queue_settings:
            return limits
        place = Constraints(namespace=namespace, queue=queue, queue_type=queue_type)
        return _with(limits, self._queue_settings, place)

    def _parsed(self, values: Values, *, old: _Settings) -> tuple[_Settings, list[str]]:
        parsed: dict[Key, Sequence[_Setting]] = {}
        faults: list[str] = []
        for name, constrained in values.items():
            key = KEYS_BY_NAME.get(name.casefold())
            if key is None:
                self._unknown_keys[name] = None
                continue
            try:
                parsed[key] = [_setting(key, one) for one in constrained]
            except UnfitValueError as error:
                faults.append(str(error))
                if key in old:
                    parsed[key] = old[key]
        return parsed, faults

    def _resolve(self) -> None:
        settings = {**self._filed, **self._assigned}
        self._queue_settings = {
            key: found
            for key, found in settings.items()
            if any(one.constraints.is_about_queue for one in found)
        }
        namespaces = {one.constraints.namespace for found in settings.values() for one in found}
        self._node = _with(self._defaults, settings, _EVERYWHERE)
        self._by_namespace = {
            name: _with(self._defaults, settings, Constraints(namespace=name))
            for name in namespaces
            if name is not None
        }


def _setting(key: Key, given: ConstrainedValue) -> _Setting:
    if given.fault:
        raise UnfitValueError(given.fault)
    where = given.constraints
    if where.is_about_queue and key.scope is not Scope.TASK_QUEUE:
        raise UnfitValueError(f"{key.name} cannot be constrained to a task queue")
    if where.namespace is not None and key.scope is Scope.NODE:
        raise UnfitValueError(f"{key.name} cannot be constrained to a namespace")
    try:
        return _Setting(key.kind.parse(given.value), where)
    except UnfitValueError as error:
        raise UnfitValueError(f"{key.name} must be {error}, not {given.value!r}") from error


def _with(limits: Limits, settings: _Settings, place: Constraints) -> Limits:
    """Return limits with the most precise value of each key that has one for the place."""
    fields: dict[str, Setting] = {}
    for key, found in settings.items():
        for constraints in _from_precise_to_general(place):
            values = [one.value for one in found if one.constraints == constraints]
            if values:
                fields[key.field] = values[0]
                break
    return replace(limits, **fields)


def _from_precise_to_general(place: Constraints) -> Iterable[Constraints]:
    """The reference's order: a queue's name says more than a namespace's."""
    if place.queue is not None:
        yield place
        yield replace(place, queue_type=None)
        yield Constraints(queue=place.queue)
    yield Constraints(namespace=place.namespace)
    yield _EVERYWHERE


def parse_assignments(words: Iterable[str]) -> Values:
    """Return the values of `KEY=JSON` words; the last word for a key wins.

    Raises `StartRefusedError` for a word of another form.
    """
    values: dict[str, Sequence[ConstrainedValue]] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not key or not equals:
            raise StartRefusedError(
                f'a dynamic configuration value has the form KEY=JSON, not "{word}"'
            )
        try:
            value: Value = json.loads(text)
        except ValueError as error:
            raise StartRefusedError(
                f"the dynamic configuration value {key} is not JSON: {text} (a string needs"
                f" its quotes: {key}='\"{text}\"')"
            ) from error
        values[key] = [ConstrainedValue(value=value)]
    return values
