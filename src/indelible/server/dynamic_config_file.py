"""The file of dynamic configuration: read at the start, and again whenever it changes.

Owns the YAML form, which is the reference service's: a list of `{value, constraints}` for each
key. A file that cannot be understood changes nothing; the log says why.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, cast

import structlog

from indelible.base.ids import QueueType
from indelible.base.instants import SECOND, Duration
from indelible.ports.clock import Clock
from indelible.server.dynamic_config import (
    ConstrainedValue,
    Constraints,
    DynamicConfig,
    Values,
)
from indelible.server.dynamic_kinds import UnfitValueError, Value
from indelible.server.refusal import StartRefusedError

CHECK_INTERVAL: Final[Duration] = SECOND
FILE_BYTES_MAX: Final = 1024 * 1024

_log: Final = structlog.get_logger("indelible.dynamic_config")


_CONSTRAINTS: Final = frozenset({"namespace", "taskqueuename", "tasktype"})


class BrokenFileError(Exception):
    """The file as a whole makes no sense; the message says where."""


class _Fingerprint(NamedTuple):
    """Tells one content of the file from another without reading it."""

    inode: int
    changed_at_ns: int
    bytes: int


class DynamicConfigFile:
    """Keeps a configuration in step with a file."""

    def __init__(self, path: Path, config: DynamicConfig) -> None:
        self._path = path
        self._config = config
        self._seen: _Fingerprint | None = None
        self._known_fault = ""

    def load(self) -> None:
        """Read the file for the first time. Raises `StartRefusedError` if it is broken."""
        try:
            self._seen = _fingerprint(self._path)
            self._apply(self._path.read_bytes())
        except (OSError, BrokenFileError) as error:
            raise StartRefusedError(
                f"the dynamic configuration file {self._path} cannot be used: {error}"
            ) from error

    async def watch(self, clock: Clock) -> None:
        """Read the file again after each change, for ever."""
        while True:
            await clock.sleep(CHECK_INTERVAL)
            self.refresh()

    def refresh(self) -> None:
        """Read the file again if it has changed; what is wrong with it is logged once."""
        fault = ""
        try:
            found = _fingerprint(self._path)
            if found == self._seen:
                return
            self._seen = found
            self._apply(self._path.read_bytes())
        except (OSError, BrokenFileError) as error:
            fault = str(error)
        if fault and fault != self._known_fault:
            _log.error("dynamic configuration kept as it was", path=str(self._path), reason=fault)
        elif not fault:
            _log.info("dynamic configuration read again", path=str(self._path))
        self._known_fault = fault

    def _apply(self, content: bytes) -> None:
        known = set(self._config.unknown_keys)
        for fault in self._config.read_file(parse_file(content)):
            _log.error("dynamic configuration value kept as it was", reason=fault)
        log_unknown_keys(key for key in self._config.unknown_keys if key not in known)


def log_unknown_keys(keys: Iterable[str]) -> None:
    """Tell of keys that set nothing; most are of parts that only the reference has."""
    for key in keys:
        _log.info("dynamic configuration key without a meaning here", key=key)


def _fingerprint(path: Path) -> _Fingerprint:
    status = path.stat()
    return _Fingerprint(status.st_ino, status.st_mtime_ns, status.st_size)


def parse_file(content: bytes) -> Values:
    """Return the values that a file sets. Raises `BrokenFileError`."""
    # Imported here and not above: only who has such a file pays for it.
    import yaml  # noqa: PLC0415

    if len(content) > FILE_BYTES_MAX:
        raise BrokenFileError(f"it has more than {FILE_BYTES_MAX} bytes")
    try:
        document: object = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BrokenFileError(" ".join(f"it is not YAML: {error}".split())) from error
    if document is None:
        return {}
    return {
        key: [_constrained(key, entry) for entry in _entries(key, entries)]
        for key, entries in _mapping(document, "the file").items()
    }


def _entries(key: str, entries: object) -> list[object]:
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise BrokenFileError(f"{key} has no list of values")
    return cast("list[object]", entries)


def _mapping(given: object, what: str) -> Mapping[str, object]:
    if not isinstance(given, dict):
        raise BrokenFileError(f"{what} is no mapping")
    mapping = cast("dict[object, object]", given)
    names = {name: content for name, content in mapping.items() if isinstance(name, str)}
    if len(names) != len(mapping):
        raise BrokenFileError(f"{what} has a key that is no text")
    return names


def _constrained(key: str, entry: object) -> ConstrainedValue:
    fields = _mapping(entry, f"a value of {key}")
    if "value" not in fields or fields.keys() - {"value", "constraints"}:
        raise BrokenFileError(f"a value of {key} has value and constraints, and nothing else")
    value = cast("Value", fields["value"])
    named = _mapping(fields.get("constraints") or {}, f"the constraints of {key}")
    try:
        return ConstrainedValue(value=value, constraints=_constraints(named))
    except UnfitValueError as error:
        # Many of the reference's keys are constrained by what does not exist here.
        return ConstrainedValue(value=value, fault=f"{key} is constrained to {error}")


def _constraints(named: Mapping[str, object]) -> Constraints:
    """Names are compared without regard to case. Raises `UnfitValueError`."""
    found: dict[str, object] = {}
    for name, given in named.items():
        if name.casefold() not in _CONSTRAINTS:
            raise UnfitValueError(f"a {name}, which means nothing here")
        found[name.casefold()] = given
    return Constraints(
        namespace=_text(found.get("namespace")),
        queue=_text(found.get("taskqueuename")),
        queue_type=_queue_type(found.get("tasktype")),
    )


def _text(given: object) -> str | None:
    if given is not None and not isinstance(given, str):
        raise UnfitValueError(f"{given!r}, which is no text")
    return given or None


def _queue_type(given: object) -> QueueType | None:
    if given is None:
        return None
    for one in QueueType:
        if isinstance(given, str) and given.upper() == one.name:
            return one
        if type(given) is int and given == one:
            return one
    raise UnfitValueError(f"a task type that does not exist: {given!r}")
