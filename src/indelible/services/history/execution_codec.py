"""Runs as they lie in the store.

Owns the encoding of records and history batches. A record names its fields, so old ones open for
ever.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from temporalio.api.history.v1 import History, HistoryEvent

from indelible.base.ids import EventId
from indelible.engine.workflow.state import (
    RECORD_TYPES,
    ExecutionRecord,
    MutableState,
    Record,
    RecordKind,
)
from indelible.engine.workflow.tasks import DispatchTask
from indelible.ports.stores import HistoryBatch, StoredExecution, SubRecord
from indelible.ports.transfer_tasks import AnyTransfer

_encode: Final = msgspec.msgpack.Encoder().encode
_execution_decoder: Final = msgspec.msgpack.Decoder(ExecutionRecord)
_record_decoders: Final[dict[RecordKind, msgspec.msgpack.Decoder[Record]]] = {
    kind: msgspec.msgpack.Decoder(record_type) for kind, record_type in RECORD_TYPES.items()
}
_transfer_decoder: Final = msgspec.msgpack.Decoder(AnyTransfer)


def encode_record(record: Record) -> bytes:
    """Return the stored form of a record."""
    return _encode(record)


def encode_task(task: DispatchTask | AnyTransfer) -> bytes:
    """Return the stored form of a task."""
    return _encode(task)


def decode_transfer(blob: bytes) -> AnyTransfer:
    """Return a transfer task from its stored form."""
    return _transfer_decoder.decode(blob)


def decode_state(stored: StoredExecution) -> MutableState:
    """Return the state of a stored run."""
    state = MutableState(_execution_decoder.decode(stored.record))
    tables = {table.kind: table for table in state.tables()}
    for row in stored.sub_records:
        kind = RecordKind(row.kind)
        tables[kind].restore(row.record_id, _record_decoders[kind].decode(row.blob))
    state.index_activities()
    return state


def touched_records(state: MutableState) -> tuple[list[SubRecord], list[tuple[int, str]]]:
    """Return the sub-records to write and those to remove."""
    put: list[SubRecord] = []
    removed: list[tuple[int, str]] = []
    for table in state.tables():
        for record_id, record in table.unstored() if table.touched or table.before else ():
            if record is None:
                removed.append((table.kind, record_id))
            else:
                put.append(SubRecord(kind=table.kind, record_id=record_id, blob=_encode(record)))
    return put, removed


def encode_events(events: Sequence[HistoryEvent]) -> HistoryBatch:
    """Return a history batch; `events` are consecutive and not empty."""
    return HistoryBatch(
        first_event_id=EventId(events[0].event_id),
        next_event_id=EventId(events[-1].event_id + 1),
        blob=History(events=events).SerializeToString(),
    )


def decode_events(batches: Sequence[HistoryBatch]) -> Iterator[HistoryEvent]:
    """Return the events of batches, in their order.

    A blob that several runs share may go on with events of another run: they are left out.
    """
    for batch in batches:
        for event in History.FromString(batch.blob).events:
            if event.event_id < batch.next_event_id:
                yield event
