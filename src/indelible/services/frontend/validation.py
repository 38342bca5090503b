"""Checks that many requests share (semantics 1.9 and 16).

Owns the bounds of ids, executions, task queues, durations, links and payload sizes, with the
reference's words. Each function raises `InvalidArgumentError`; some fill in what the client left
out, because a request is complete once it is past the frontend.
"""

import re
from collections.abc import Iterable, MutableSequence
from typing import Final, Protocol

from google.protobuf.duration_pb2 import Duration as DurationMessage
from google.protobuf.message import Message
from temporalio.api.common.v1 import Callback, Link, Priority, WorkflowExecution
from temporalio.api.enums.v1 import EventType, TaskQueueKind
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.api.taskqueue.v1 import TaskQueue

from indelible.base.errors import InvalidArgumentError
from indelible.base.instants import DURATION_MAX, SECOND, Duration, duration, duration_message
from indelible.base.limits import Limits
from indelible.base.queue_kinds import NO_QUEUE_KIND, NORMAL_QUEUE, STICKY_QUEUE
from indelible.services.frontend.id_lengths import build_id_bytes_max, id_bytes_max

FAIRNESS_KEY_BYTES_MAX: Final = 64
_UTF8_BYTES_PER_CHARACTER_MAX: Final = 4
_RESERVED_QUEUE_PREFIX: Final = "/_sys/"
_INTERNAL_QUEUE_PREFIX: Final = "temporal-sys-per-ns-"
_UUID: Final = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE | re.ASCII
)


def exceeds(text: str, bytes_max: int) -> bool:
    """Whether a text has more than so many bytes in UTF-8."""
    if len(text) * _UTF8_BYTES_PER_CHARACTER_MAX <= bytes_max:
        return False
    return _byte_length(text) > bytes_max


def _byte_length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def check_length(text: str, field: str) -> None:
    """Refuse an id that is too long; `field` is its name in the refusal."""
    if exceeds(text, id_bytes_max()):
        raise InvalidArgumentError(f"{field} length exceeds limit.")


def check_given_id(text: str, words: str) -> None:
    """Refuse an id as `check_length` does, in the words that tell how long it is."""
    if exceeds(text, id_bytes_max()):
        raise InvalidArgumentError(
            f"{words} exceeds maximum allowed length ({_byte_length(text)}/{id_bytes_max()})"
        )


def check_entity_id(text: str, words: str) -> None:
    """Refuse an id as `check_length` does, in the words for what stands without a workflow."""
    check_entity_text(text, words, id_bytes_max())


def check_entity_text(text: str, words: str, bytes_max: int) -> None:
    """Refuse a text that is too long, in the words for what stands without a workflow."""
    if exceeds(text, bytes_max):
        raise InvalidArgumentError(
            f"{words} exceeds length limit. Length={_byte_length(text)} Limit={bytes_max}"
        )


def check_identity(identity: str) -> None:
    """Refuse an identity that is too long."""
    check_length(identity, "Identity")


def check_workflow_id(workflow_id: str) -> None:
    """Refuse a workflow id that is missing or too long."""
    if not workflow_id:
        raise InvalidArgumentError("WorkflowId is not set on request.")
    check_given_id(workflow_id, "WorkflowId")


def check_execution(execution: WorkflowExecution, *, is_set: bool) -> None:
    """Refuse an execution without a workflow id, or with a run id that is not a UUID."""
    if not is_set:
        raise InvalidArgumentError("Execution is not set on request.")
    check_workflow_id(execution.workflow_id)
    check_run_id(execution.run_id)


def check_run_id(run_id: str) -> None:
    """Refuse a run id that is not a UUID; it may be empty."""
    if run_id and not _UUID.fullmatch(run_id):
        raise InvalidArgumentError("Invalid RunId.")


def check_execution_to_load(execution: WorkflowExecution) -> None:
    """Refuse an execution as `check_execution` does, where the reference's history service does.

    Its frontend hands on unchecked what polls an update, pauses a workflow or names an activity;
    the words of its history service are others.
    """
    if not execution.workflow_id:
        raise InvalidArgumentError("Can't load workflow execution.  WorkflowId not set.")
    check_workflow_id(execution.workflow_id)
    check_run_id_to_load(execution.run_id)


def check_run_id_to_load(run_id: str) -> None:
    """Refuse a run id as `check_run_id` does, in the words of `check_execution_to_load`."""
    if run_id and not _UUID.fullmatch(run_id):
        raise InvalidArgumentError("RunId is not valid UUID.")


def check_task_queue(queue: TaskQueue, *, is_set: bool, is_partition: bool = False) -> None:
    """Refuse a queue without a valid name; an unset kind becomes NORMAL.

    `is_partition` allows the names of partitions, which start with a reserved prefix.
    """
    if not is_set:
        raise InvalidArgumentError("taskQueue is not set")
    if queue.kind == NO_QUEUE_KIND:
        queue.kind = NORMAL_QUEUE
    if queue.kind not in TaskQueueKind.values():
        raise InvalidArgumentError(f"invalid task queue kind: {queue.kind}")
    if not queue.name:
        raise InvalidArgumentError("missing task queue name")
    _check_queue_name(queue.name, is_partition=is_partition)
    if queue.kind == STICKY_QUEUE and queue.normal_name:
        _check_queue_name(queue.normal_name, is_partition=True)


def check_queue_name(name: str) -> None:
    """Refuse the name of a queue that clients cannot have."""
    if not name:
        raise InvalidArgumentError("missing task queue name")
    _check_queue_name(name, is_partition=False)


def check_worker_build_id(build_id: str) -> None:
    """Refuse the build id of a worker that is too long."""
    if exceeds(build_id, build_id_bytes_max()):
        raise InvalidArgumentError(
            "Build ID exceeds configured limit.workerBuildIdSize, use a shorter build ID."
        )


def check_user_task_queue(queue: TaskQueue, *, is_set: bool) -> None:
    """Refuse a queue on which no user's workflow may run."""
    check_task_queue(queue, is_set=is_set)
    if queue.name.startswith(_INTERNAL_QUEUE_PREFIX):
        raise InvalidArgumentError(f"cannot use internal per-namespace task queue:{queue.name}")
    if queue.kind != NORMAL_QUEUE:
        raise InvalidArgumentError("a workflow's task queue must be of the normal kind")


def _check_queue_name(name: str, *, is_partition: bool) -> None:
    if exceeds(name, id_bytes_max()):
        raise InvalidArgumentError("taskQueue length exceeds limit")
    if not is_partition and name.startswith(_RESERVED_QUEUE_PREFIX):
        raise InvalidArgumentError(
            f"task queue name cannot start with reserved prefix {_RESERVED_QUEUE_PREFIX}"
        )


def duration_fault(message: DurationMessage) -> str:
    """Return what is wrong with a duration, in the reference's words; empty if nothing is.

    A duration that is too long is capped in place: no sum of instants and durations overflows.
    """
    if message.seconds * message.nanos < 0:
        return "duration has seconds and nanos with different signs"
    if message.seconds < 0 or message.nanos < 0:
        return "negative duration"
    if message.seconds * SECOND + message.nanos > DURATION_MAX:
        message.CopyFrom(duration_message(DURATION_MAX))
    return ""


def checked_duration(message: DurationMessage, field: str) -> Duration:
    """Return a duration; refuse one that is negative. `field` is its name in the refusal."""
    fault = duration_fault(message)
    if fault:
        raise InvalidArgumentError(f"An invalid {field} is set on request. cause: {fault}")
    return duration(message)


def check_priority(priority: Priority) -> None:
    """Refuse a priority that is negative, or a fairness key that is too long."""
    if priority.priority_key < 0:
        raise InvalidArgumentError("priority key can't be negative")
    if exceeds(priority.fairness_key, FAIRNESS_KEY_BYTES_MAX):
        raise InvalidArgumentError("fairness key length exceeds limit")
    # Written this way round so that NaN is refused too.
    if not priority.fairness_weight >= 0:
        raise InvalidArgumentError("must be greater than zero")


def check_blob(message: Message, bytes_max: int) -> None:
    """Refuse a field that holds more payload than allowed."""
    if message.ByteSize() > bytes_max:
        raise InvalidArgumentError("Blob data size exceeds limit.")


def check_user_metadata(metadata: UserMetadata, limits: Limits) -> None:
    """Refuse a summary or details that are too long."""
    for part, size, bytes_max in (
        ("summary", metadata.summary.ByteSize(), limits.user_metadata_summary_bytes_max),
        ("details", metadata.details.ByteSize(), limits.user_metadata_details_bytes_max),
    ):
        if size > bytes_max:
            raise InvalidArgumentError(
                f"user_metadata.{part} exceeds size limit. Length={size} Limit={bytes_max}"
            )


_LINK_IDS: Final = {
    "workflow_event": (
        "workflow event",
        (("namespace", "namespace"), ("workflow_id", "workflow ID"), ("run_id", "run ID")),
    ),
    "activity": (
        "activity",
        (("namespace", "namespace"), ("activity_id", "activity ID"), ("run_id", "run ID")),
    ),
    "nexus_operation": (
        "nexus operation",
        (("namespace", "namespace"), ("operation_id", "operation ID"), ("run_id", "run ID")),
    ),
    "workflow": (
        "workflow",
        (("namespace", "namespace"), ("workflow_id", "workflow ID"), ("run_id", "run ID")),
    ),
}


class Linked(Protocol):
    """A request with links and callbacks; both have links."""

    @property
    def links(self) -> MutableSequence[Link]:
        """What led to the request."""
        ...

    @property
    def completion_callbacks(self) -> Iterable[Callback]:
        """Who is to be told of the end, and what led to that."""
        ...


def drop_repeated_links(request: Linked) -> None:
    """Take out links that a Nexus callback of the request carries, too: events show them there."""
    carried = [
        link
        for callback in request.completion_callbacks
        if callback.HasField("nexus")
        for link in callback.links
    ]
    own = [link for link in request.links if link not in carried]
    del request.links[:]
    request.links.extend(own)


def check_links(links: Iterable[Link], limits: Limits) -> None:
    """Refuse links that are too many, too large, or that point nowhere."""
    every = list(links)
    if len(every) > limits.links_per_request_max:
        raise InvalidArgumentError(
            f"cannot attach more than {limits.links_per_request_max} links per request, "
            f"got {len(every)}"
        )
    for link in every:
        size = link.ByteSize()
        if size > limits.link_bytes_max:
            raise InvalidArgumentError(
                f"link exceeds allowed size of {limits.link_bytes_max}, got {size}"
            )
        _check_link(link)


def _check_link(link: Link) -> None:
    variant = link.WhichOneof("variant")
    if variant == "batch_job":
        if not link.batch_job.job_id:
            raise InvalidArgumentError("batch job link must not have an empty job ID")
        return
    if variant not in _LINK_IDS:
        raise InvalidArgumentError("unsupported link variant")
    kind, fields = _LINK_IDS[variant]
    target: object = getattr(link, variant)
    for field, words in fields:
        if not getattr(target, field):
            raise InvalidArgumentError(f"{kind} link must not have an empty {words} field")
    reference = link.workflow_event.event_ref
    if reference.event_id and reference.event_type == EventType.EVENT_TYPE_UNSPECIFIED:
        raise InvalidArgumentError(
            "workflow event link ref cannot have an unspecified event type and a non-zero event ID"
        )
