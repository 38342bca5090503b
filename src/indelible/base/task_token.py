"""Task tokens: the opaque proof that a worker was given a task.

Owns their encoding. A token names one attempt of one task; it proves nothing about who holds it, so
the namespace inside is checked against the request's and the rest against the state of the run.

Tokens are UTF-8: the Python SDK decodes that of a Nexus task, for its log, when it is to cancel one
that has just ended; where that fails, its worker never shuts down. The reference's are by chance.
"""

from typing import NamedTuple

import msgspec

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import EventId, NamespaceId, RunId, WorkflowId, WorkflowKey


class WorkflowTaskToken(msgspec.Struct, frozen=True, array_like=True, tag="w"):
    """A started workflow task. `started_at` tells repeated starts with equal ids apart."""

    namespace_id: NamespaceId
    workflow_id: WorkflowId
    run_id: RunId
    scheduled_event_id: EventId
    started_event_id: EventId
    attempt: int
    started_at: int

    @property
    def key(self) -> WorkflowKey:
        """The run that the task belongs to."""
        return WorkflowKey(self.namespace_id, self.workflow_id, self.run_id)


class ActivityTaskToken(msgspec.Struct, frozen=True, array_like=True, tag="a"):
    """A started activity attempt of a workflow."""

    namespace_id: NamespaceId
    workflow_id: WorkflowId
    run_id: RunId
    scheduled_event_id: EventId
    attempt: int
    activity_id: str
    reset_count: int = 0
    """Of a standalone activity: tells its attempts from those before a reset."""

    @property
    def key(self) -> WorkflowKey:
        """The run that the activity belongs to."""
        return WorkflowKey(self.namespace_id, self.workflow_id, self.run_id)


class QueryTaskToken(msgspec.Struct, frozen=True, array_like=True, tag="q"):
    """A query that was sent to a worker outside of a workflow task."""

    namespace_id: NamespaceId
    queue_name: str
    query_id: str


class NexusTaskToken(msgspec.Struct, frozen=True, array_like=True, tag="n"):
    """A call of a Nexus operation that a worker is to carry out, while its caller waits."""

    namespace_id: NamespaceId
    queue_name: str
    task_id: str


class ActivityById(NamedTuple):
    """An activity as a client names it that has no token. An empty run id means the current run."""

    workflow_id: WorkflowId
    run_id: RunId
    activity_id: str


TaskToken = WorkflowTaskToken | ActivityTaskToken | QueryTaskToken | NexusTaskToken

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(TaskToken)


def encode_task_token(token: TaskToken) -> bytes:
    """Return the bytes of a token."""
    return _encoder.encode(token)


def decode_task_token(raw: bytes) -> TaskToken:
    """Return the token in the bytes; raise `InvalidArgumentError` if there is none."""
    if not raw:
        raise InvalidArgumentError("Task token not set on request.")
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidArgumentError("Error deserializing task token.") from error
