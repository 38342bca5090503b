"""Typed identifiers.

Owns the names by which executions, namespaces and queues are told apart. Must not know how any of
them is stored, validated or generated (fresh identifiers come from `base.fresh_ids`).
"""

from enum import IntEnum
from typing import NamedTuple, NewType

NamespaceId = NewType("NamespaceId", str)
NamespaceName = NewType("NamespaceName", str)
WorkflowId = NewType("WorkflowId", str)
RunId = NewType("RunId", str)
EventId = NewType("EventId", int)
ShardId = NewType("ShardId", int)
RangeId = NewType("RangeId", int)
"""Fencing number of a shard's owner: grows with every change of ownership."""
TaskId = NewType("TaskId", int)
"""Identifies one durable task of a shard: unique, growing, never used twice."""

FIRST_EVENT_ID = EventId(1)
UNASSIGNED_EVENT_ID = EventId(0)
"""The id of an event that is buffered, or that has not happened."""


class Archetype(IntEnum):
    """The kind of a durable entity; stored, so the values never change."""

    WORKFLOW = 1
    ACTIVITY = 2
    """A standalone activity: it has no workflow around it."""
    NEXUS_OPERATION = 3
    """A standalone Nexus operation, likewise."""
    SCHEDULE = 4
    BATCH_OPERATION = 5
    """A job that does one thing to many executions."""


class ChainKey(NamedTuple):
    """All runs of one id of one archetype: the unit of locking and of routing to a shard.

    Each archetype has ids of its own; `workflow_id` is whatever id the entity has.
    """

    namespace_id: NamespaceId
    workflow_id: WorkflowId
    archetype: Archetype = Archetype.WORKFLOW


class WorkflowKey(NamedTuple):
    """One run of one workflow, or of another archetype's entity: see `ChainKey`."""

    namespace_id: NamespaceId
    workflow_id: WorkflowId
    run_id: RunId
    archetype: Archetype = Archetype.WORKFLOW

    @property
    def chain(self) -> ChainKey:
        """All runs of the same id."""
        return ChainKey(self.namespace_id, self.workflow_id, self.archetype)


class QueueType(IntEnum):
    """What a task queue carries; the values are those of `temporal.api.enums.v1.TaskQueueType`."""

    WORKFLOW = 1
    ACTIVITY = 2
    NEXUS = 3


class QueueKey(NamedTuple):
    """One task queue of one type. A sticky queue has a key of its own."""

    namespace_id: NamespaceId
    queue_type: QueueType
    name: str
