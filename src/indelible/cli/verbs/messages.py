"""Small parts of requests and answers that many commands share."""

from argparse import Namespace
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Final, Protocol

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Priority, RetryPolicy, WorkflowExecution
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.sdk.v1 import UserMetadata

from indelible.cli.output import Color, Output
from indelible.cli.verbs.payloads import json_payload
from indelible.wire.http.api.enum_names import enum_number

NEVER: Final = "0001-01-01T00:00:00Z"
"""What the reference prints for a time that is not set."""
_single: Final = Struct("f")
_SINGLE_DIGITS_MAX: Final = 9
"""So many digits tell any two numbers of 32 bits apart."""
STATUS_COLORS: Final = {
    "Running": Color.BLUE,
    "Completed": Color.GREEN,
    "Failed": Color.RED,
    "TimedOut": Color.RED,
    "Terminated": Color.RED,
    "Canceled": Color.YELLOW,
    "ContinuedAsNew": Color.BLUE,
    "Paused": Color.YELLOW,
}
"""Of workflows, activities, Nexus operations and batch jobs."""


class NamedEnum(Protocol):
    """A generated enum, as far as names go."""

    @property
    def DESCRIPTOR(self) -> EnumDescriptor:  # noqa: N802 - protobuf's name
        """Its definition."""
        ...


def execution(options: Namespace) -> WorkflowExecution:
    """Return the execution that `--workflow-id` and `--run-id` name."""
    return WorkflowExecution(workflow_id=options.workflow_id, run_id=options.run_id or "")


def enum_of(enum: NamedEnum, name: str | None) -> int:
    """Return the number of a short name; 0 if there is none."""
    return (enum_number(enum.DESCRIPTOR, name) if name else None) or 0


def queue_type(word: str) -> TaskQueueType.ValueType:
    """Return the type of task queue that a word names."""
    return TaskQueueType.ValueType(enum_of(TaskQueueType, word.capitalize()))


def short_name(enum: NamedEnum, number: int) -> str:
    """Return the short name of a number: `TimedOut` for `..._STATUS_TIMED_OUT`."""
    descriptor = enum.DESCRIPTOR
    value = descriptor.values_by_number.get(number)
    if value is None:
        return str(number)
    prefix_length = len(_shared_prefix([one.name for one in descriptor.values]))
    words = value.name[prefix_length:].split("_")
    return "".join(word.capitalize() for word in words)


def _shared_prefix(names: list[str]) -> str:
    first, last = min(names), max(names)
    same = next(
        (place for place, letter in enumerate(first) if last[place : place + 1] != letter),
        len(first),
    )
    return first[: first.rfind("_", 0, same) + 1]


def status_text(output: Output, enum: NamedEnum, status: int) -> str:
    """Return the name of a status, coloured."""
    name = short_name(enum, status)
    return output.colored(name, STATUS_COLORS.get(name))


def plain_number(value: float) -> int | float:
    """Return a 32-bit number without the digits that 64 bits add to it, and 2 for 2.0."""
    if value.is_integer():
        return int(value)
    texts = (f"{value:.{digits}g}" for digits in range(1, _SINGLE_DIGITS_MAX + 1))
    return next(float(one) for one in texts if _single.pack(float(one)) == _single.pack(value))


def time_text(message: Message, field: str, unset: str = NEVER) -> str:
    """Return a time of a record as the reference's own JSON has it, which leaves no field out."""
    if not message.HasField(field):
        return unset
    time: Timestamp = getattr(message, field)
    return precise(time)


def span_of(value: timedelta | None) -> Duration | None:
    """Return the message of a duration that was given."""
    if value is None:
        return None
    message = Duration()
    message.FromTimedelta(value)
    return message


def instant_of(value: datetime | None) -> Timestamp | None:
    """Return the message of a time that was given."""
    if value is None:
        return None
    message = Timestamp()
    message.FromDatetime(value.astimezone(UTC))
    return message


def when(message: Timestamp) -> datetime | None:
    """Return the time of a message; None if it is not set."""
    if not message.seconds and not message.nanos:
        return None
    return message.ToDatetime(UTC)


def precise(message: Timestamp) -> str:
    """Return a time as the reference prints its own records: without zeros at the end."""
    seconds, point, rest = message.ToJsonString().removesuffix("Z").partition(".")
    return f"{seconds}{point}{rest}".rstrip("0" if point else "").rstrip(".") + "Z"


def how_long(message: Duration) -> timedelta | None:
    """Return the duration of a message; None if it is zero or not set."""
    return message.ToTimedelta() or None


def priority(options: Namespace) -> Priority | None:
    """Return the priority that was asked for."""
    if not (options.priority_key or options.fairness_key or options.fairness_weight):
        return None
    return Priority(
        priority_key=options.priority_key or 0,
        fairness_key=options.fairness_key or "",
        fairness_weight=options.fairness_weight or 0.0,
    )


def user_metadata(options: Namespace) -> UserMetadata | None:
    """Return the static texts that were given."""
    summary, details = options.static_summary, options.static_details
    if not summary and not details:
        return None
    return UserMetadata(
        summary=json_payload(summary) if summary else None,
        details=json_payload(details) if details else None,
    )


def retry_policy(options: Namespace) -> RetryPolicy | None:
    """Return the retry policy that `--retry-...` ask for."""
    given = (
        options.retry_initial_interval,
        options.retry_maximum_interval,
        options.retry_backoff_coefficient,
        options.retry_maximum_attempts,
    )
    if all(value is None for value in given):
        return None
    return RetryPolicy(
        initial_interval=span_of(options.retry_initial_interval),
        maximum_interval=span_of(options.retry_maximum_interval),
        backoff_coefficient=options.retry_backoff_coefficient or 0.0,
        maximum_attempts=options.retry_maximum_attempts or 0,
    )
