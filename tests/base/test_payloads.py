"""What the service knows of payloads."""

import pytest
from hypothesis import given, strategies as st
from temporalio.api.common.v1 import Memo, Payload

from indelible.base.payloads import content_size, fields_size, is_removal, merged_fields

PAYLOADS = st.builds(
    Payload,
    metadata=st.dictionaries(st.text(max_size=5), st.binary(max_size=5), max_size=2),
    data=st.one_of(st.binary(max_size=300), st.sampled_from([b"", b"null", b"[]"])),
)
FIELDS = st.dictionaries(st.text(max_size=200), PAYLOADS, max_size=5)


@given(FIELDS)
def test_size_is_that_of_the_message(fields: dict[str, Payload]) -> None:
    stored = {name: payload.SerializeToString() for name, payload in fields.items()}
    assert fields_size(stored) == Memo(fields=fields).ByteSize()


@given(FIELDS, FIELDS)
def test_later_fields_win_and_nothing_removes(
    fields: dict[str, Payload], upserted: dict[str, Payload]
) -> None:
    before = merged_fields({}, fields)
    after = merged_fields(before, upserted)
    for name in {*fields, *upserted}:
        winner = upserted.get(name, fields.get(name))
        assert winner is not None
        if is_removal(winner):
            assert name not in after
        else:
            assert after[name] == winner.SerializeToString()


@given(FIELDS)
def test_content_is_names_and_data(fields: dict[str, Payload]) -> None:
    assert content_size(fields) == sum(
        len(name.encode()) + len(payload.data) for name, payload in fields.items()
    )


@pytest.mark.parametrize(
    ("encoding", "content", "is_removed"),
    [
        (b"json/plain", b"null", True),
        (b"json/plain", b" [] ", True),
        (b"json/plain", b"", True),
        (b"binary/null", b"whatever", True),
        (b"json/plain", b"[null]", False),
        (b"json/plain", b'""', False),
        (b"json/plain", b"0", False),
    ],
)
def test_removal(encoding: bytes, content: bytes, is_removed: bool) -> None:
    payload = Payload(metadata={"encoding": encoding}, data=content)
    assert is_removal(payload) is is_removed
