"""Search attributes: which values are taken, and how they are compared."""

import pytest
from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.enums.v1 import IndexedValueType

from indelible.base.errors import InvalidArgumentError
from indelible.base.limits import Limits
from indelible.engine.visibility.search_attributes import (
    BOOL,
    DATETIME,
    DOUBLE,
    INT,
    KEYWORD,
    KEYWORD_LIST,
    TEXT,
    TYPE_NAMES,
    check_search_attributes,
    decode_value,
    indexed_values,
    is_reserved,
    typed_attributes,
)

CUSTOM = {"Customer": KEYWORD, "Number": INT, "Tags": KEYWORD_LIST, "Notes": TEXT}
LIMITS = Limits(
    search_attribute_keys_max=3,
    search_attribute_value_bytes_max=20,
    search_attributes_bytes_max=150,
)


def json(text: str | bytes) -> Payload:
    raw = text.encode() if isinstance(text, str) else text
    return Payload(metadata={"encoding": b"json/plain"}, data=raw)


@pytest.mark.parametrize(
    ("text", "value_type", "value"),
    [
        ('"a"', KEYWORD, "a"),
        ('["a"]', KEYWORD, "a"),
        ("[]", KEYWORD, None),
        ("null", KEYWORD, None),
        ('"a b"', TEXT, "a b"),
        ("5", INT, 5),
        ("[-5]", INT, -5),
        (str(2**63 - 1), INT, 2**63 - 1),
        ("5", DOUBLE, 5.0),
        ("5.5", DOUBLE, 5.5),
        ("true", BOOL, True),
        ("[false]", BOOL, False),
        ('"1970-01-01T00:00:01Z"', DATETIME, 1_000_000_000),
        ('["a", "b"]', KEYWORD_LIST, ("a", "b")),
        ("[]", KEYWORD_LIST, None),
        ("null", KEYWORD_LIST, None),
    ],
)
def test_a_value_is_decoded_by_its_registered_type(
    text: str, value_type: int, value: object
) -> None:
    decoded = decode_value(json(text), value_type)
    assert (type(decoded), decoded) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "value_type"),
    [
        ("5", KEYWORD),
        ('["a", "b"]', KEYWORD),
        ("{}", KEYWORD),
        ('"\udcff"', KEYWORD),
        ('"5"', INT),
        ("5.0", INT),
        ("true", INT),
        (str(2**63), INT),
        ('"5"', DOUBLE),
        ("1e999", DOUBLE),
        ("1", BOOL),
        ('"true"', BOOL),
        ("5", DATETIME),
        ('"1970-01-01"', DATETIME),
        ('"a"', KEYWORD_LIST),
        ("[1]", KEYWORD_LIST),
        ("[null]", KEYWORD_LIST),
        ("not json", KEYWORD),
        ("[" * 100_000, KEYWORD),
        ("5", 99),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_value_of_another_type_is_none(text: str, value_type: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller makes the words
        decode_value(json(text.encode("utf-8", "surrogateescape")), value_type)


def test_an_encoding_other_than_json_is_refused_and_nothing_removes() -> None:
    with pytest.raises(ValueError, match="binary/encrypted"):
        decode_value(Payload(metadata={"encoding": b"binary/encrypted"}, data=b"x"), KEYWORD)
    assert decode_value(Payload(metadata={"encoding": b"binary/null"}), KEYWORD) is None
    assert decode_value(Payload(), KEYWORD) is None


def test_every_type_has_a_name() -> None:
    known = set(IndexedValueType.values()) - {IndexedValueType.INDEXED_VALUE_TYPE_UNSPECIFIED}
    assert set(TYPE_NAMES) == known


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"Nope": json("1")}, "Namespace n has no mapping defined for search attribute Nope"),
        ({"WorkflowId": json('"w"')}, "WorkflowId attribute can't be set in SearchAttributes"),
        (
            {"TemporalWorkerDeployment": json('"d"')},
            "TemporalWorkerDeployment attribute can't be set in SearchAttributes",
        ),
        (
            {name: json('["a"]') for name in ("Tags", "BuildIds", "BinaryChecksums", "Customer")},
            "number of search attributes 4 exceeds limit 3",
        ),
        (
            {"Number": json('"five"')},
            'invalid value for search attribute Number of type Int: "five"',
        ),
        (
            {"Customer": json('"' + "c" * 19 + '"')},
            "search attribute Customer value size 21 exceeds size limit 20",
        ),
        (
            {name: json('["12345678901234"]') for name in ("Tags", "BuildIds", "Customer")},
            "total size of search attributes 170 exceeds size limit 150",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_attributes_are_refused(fields: dict[str, Payload], text: str) -> None:
    attributes = SearchAttributes(indexed_fields=fields)
    with pytest.raises(InvalidArgumentError) as refusal:
        check_search_attributes(attributes, custom=CUSTOM, namespace="n", limits=LIMITS)
    assert refusal.value.message == text


def test_good_attributes_pass() -> None:
    fields = {"Customer": json('"c"'), "TemporalChangeVersion": json('["v"]')}
    attributes = SearchAttributes(indexed_fields=fields)
    check_search_attributes(attributes, custom=CUSTOM, namespace="n", limits=LIMITS)


def test_stored_values_are_indexed_and_the_rest_is_left_out() -> None:
    stored = {
        "Customer": json('"c"'),
        "Number": json("5"),
        "Notes": json('"Grüß Gott, World"'),
        "Tags": json('["b", "a"]'),
        "Removed": json('"x"'),
        "BuildIds": json("[]"),
        "BatcherUser": json("5"),
    }
    fields = {name: payload.SerializeToString() for name, payload in stored.items()}
    assert indexed_values(fields, CUSTOM) == {
        "Customer": "c",
        "Number": 5,
        "Notes": ("grüss", "gott", "world"),
        "Tags": ("b", "a"),
    }


def test_a_returned_attribute_tells_its_type() -> None:
    fields = {name: json("5").SerializeToString() for name in ("Number", "Removed")}
    attributes = typed_attributes(fields, CUSTOM)
    assert list(attributes.indexed_fields) == ["Number"]
    assert attributes.indexed_fields["Number"].metadata["type"] == b"Int"
    assert attributes.indexed_fields["Number"].data == b"5"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("WorkflowId", True),
        ("BuildIds", True),
        ("Memo", True),
        ("TemporalAnything", True),
        ("Customer", False),
        ("temporalThing", False),
    ],
)
def test_reserved_names(name: str, expected: bool) -> None:
    assert is_reserved(name) is expected
