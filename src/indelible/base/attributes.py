"""What can be wrong with a name, a duration or a priority that came from outside.

Owns the checks that several commands and requests share, with the texts that users see. A
check returns the fault in words, or None.
"""

from typing import Final

from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.common.v1 import Priority

FAIRNESS_KEY_BYTES_MAX: Final = 64
RESERVED_QUEUE_PREFIX: Final = "/_sys/"


def utf8_length(text: str) -> int:
    """Return the length of a text in bytes, as limits count it."""
    return len(text) if text.isascii() else len(text.encode())


def overlength(text: str, bytes_max: int) -> str | None:
    """Return how long a name is and may be, in the words of refusals; None if it is no longer."""
    length = utf8_length(text)
    return f"Length={length} Limit={bytes_max}" if length > bytes_max else None


def duration_fault(message: DurationMessage) -> str | None:
    """Return what is wrong with a duration; too long is not wrong, it is capped."""
    if message.seconds > 0 > message.nanos or message.seconds < 0 < message.nanos:
        return "duration has seconds and nanos with different signs"
    if message.seconds < 0 or message.nanos < 0:
        return "negative duration"
    return None


def task_queue_fault(name: str, bytes_max: int) -> str | None:
    """Return what is wrong with the name of a task queue that a user chose."""
    if not name:
        return "taskQueue is not set"
    if utf8_length(name) > bytes_max:
        return "taskQueue length exceeds limit"
    if name.startswith(RESERVED_QUEUE_PREFIX):
        return f"task queue name cannot start with reserved prefix {RESERVED_QUEUE_PREFIX}"
    return None


def priority_fault(priority: Priority) -> str | None:
    """Return what is wrong with a priority."""
    if priority.priority_key < 0:
        return "priority key can't be negative"
    if utf8_length(priority.fairness_key) > FAIRNESS_KEY_BYTES_MAX:
        return "fairness key length exceeds limit"
    if priority.fairness_weight < 0:
        return "must be greater than zero"
    return None
