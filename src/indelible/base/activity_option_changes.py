"""Changes of an activity's options: the paths of a field mask, and what they copy.

Owns what can be changed of activities of workflows and of standalone ones alike (semantics 7.9).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from google.protobuf.message import Message
from temporalio.api.activity.v1 import ActivityOptions

from indelible.base.errors import InvalidArgumentError

START_DELAY: Final = "start_delay"
"""Only standalone activities have one."""
_WHOLE: Final = frozenset(
    {
        "task_queue",
        "task_queue.name",
        "schedule_to_close_timeout",
        "schedule_to_start_timeout",
        "start_to_close_timeout",
        "heartbeat_timeout",
        "retry_policy",
        "priority",
    }
)
_PARTS: Final[Mapping[str, frozenset[str]]] = {
    "retry_policy": frozenset(
        {"initial_interval", "backoff_coefficient", "maximum_interval", "maximum_attempts"}
    ),
    "priority": frozenset({"priority_key", "fairness_key", "fairness_weight"}),
}


def unknown_path(paths: Iterable[str]) -> str | None:
    """Return the first path that leads to no option; None if each does."""
    return next((path for path in paths if not _is_known(path)), None)


def merge_options(target: ActivityOptions, source: ActivityOptions, paths: Sequence[str]) -> None:
    """Copy what the paths name; raise `InvalidArgumentError` for a path that leads nowhere."""
    for path in paths:
        if not _is_known(path):
            raise InvalidArgumentError(f"unknown field in UpdateMask: {path}")
        whole, _, part = path.partition(".")
        if part in _PARTS.get(whole, ()):
            _copy(getattr(target, whole), getattr(source, whole), part)
        else:
            _copy(target, source, whole)


def is_about(paths: Iterable[str], field: str) -> bool:
    """Whether a path names a field, or a part of it."""
    return any(path.partition(".")[0] == field for path in paths)


def _is_known(path: str) -> bool:
    whole, _, part = path.partition(".")
    return path in _WHOLE or path == START_DELAY or part in _PARTS.get(whole, ())


def _copy(target: Message, source: Message, field: str) -> None:
    value = getattr(source, field)
    if isinstance(value, Message):
        getattr(target, field).CopyFrom(value)
    else:
        setattr(target, field, value)
