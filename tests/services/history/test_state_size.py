"""What a run takes in the store beside its history is counted record by record."""

from indelible.ports.stores import SubRecord
from indelible.services.history.entries import StateSize


def record(name: str, size: int, kind: int = 1) -> SubRecord:
    return SubRecord(kind=kind, record_id=name, blob=bytes(size))


def test_records_come_change_and_go() -> None:
    size = StateSize()
    assert size.bytes_count == 0
    size.note(bytes(10), [record("a", 100), record("b", 20), record("a", 3, kind=2)])
    assert size.bytes_count == 133
    size.note(bytes(11), [record("a", 50)])
    assert size.bytes_count == 84
    size.note(bytes(11), [], [(1, "a"), (1, "unknown")])
    assert size.bytes_count == 34


def test_what_would_be_changes_nothing() -> None:
    size = StateSize()
    size.note(bytes(10), [record("a", 100), record("b", 20)])
    assert size.after(bytes(9), [record("a", 90), record("c", 1)], [(1, "b")]) == 100
    assert size.bytes_count == 130
