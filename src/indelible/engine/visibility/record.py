"""The row by which an execution is found.

Owns its fields and their units. Must not know how a store keeps it, nor how the state of a run
becomes one.
"""

from collections.abc import Mapping, Sequence

import msgspec

from indelible.base.ids import Archetype, NamespaceId, RunId
from indelible.base.instants import Instant

IndexedValue = str | int | float | bool | Sequence[str]
"""A search attribute's value in the form in which it is compared; datetimes are nanoseconds."""


class VisibilityRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The row by which an execution is found. Times are `NEVER` where there is none."""

    archetype: Archetype
    namespace_id: NamespaceId
    workflow_id: str
    run_id: RunId
    workflow_type: str
    task_queue: str
    status: int
    start_time: Instant
    execution_time: Instant
    close_time: Instant
    history_length: int
    history_size_bytes: int
    state_transition_count: int
    parent_workflow_id: str
    parent_run_id: str
    root_workflow_id: str
    root_run_id: str
    memo: bytes
    """A serialized `Memo`; empty for none."""
    search_attributes: Mapping[str, bytes]
    """Custom and predefined search attributes by their registered name: serialized `Payload`s."""
    indexed_values: Mapping[str, IndexedValue]
    """The same, decoded by their registered type, for comparison."""
