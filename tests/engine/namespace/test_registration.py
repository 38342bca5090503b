"""How a namespace comes to be, changes and ends."""

from collections.abc import Mapping

import msgspec
import pytest
from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import BadBinaryInfo
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest, UpdateNamespaceRequest

from indelible.base.errors import FailedPreconditionError, InvalidArgumentError, ServiceError
from indelible.base.ids import NamespaceId, NamespaceName
from indelible.base.instants import DAY, DURATION_MAX, HOUR, Duration, Instant
from indelible.engine.namespace.aliases import (
    FIELDS_PER_TYPE,
    add_search_attributes,
    apply_aliases,
    remove_search_attributes,
)
from indelible.engine.namespace.record import (
    DELETED,
    DEPRECATED,
    REGISTERED,
    SYSTEM_NAMESPACE_ID,
    Namespace,
    decode_namespace,
    encode_namespace,
)
from indelible.engine.namespace.registration import (
    BAD_BINARIES_MAX,
    delete_namespace,
    deprecate_namespace,
    register_namespace,
    update_namespace,
)

NOW = Instant(1_000)
LATER = Instant(2_000)
KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
INT = IndexedValueType.INDEXED_VALUE_TYPE_INT
BOOL = IndexedValueType.INDEXED_VALUE_TYPE_BOOL

PLAIN = Namespace(
    id=NamespaceId("abcdefgh"),
    name=NamespaceName("plain"),
    retention=DAY,
    created_at=NOW,
    updated_at=NOW,
)


def register(**fields: object) -> Namespace:
    given = {
        "namespace": "n",
        "workflow_execution_retention_period": DurationMessage(seconds=3_600),
        **fields,
    }
    return register_namespace(
        RegisterNamespaceRequest(**given),  # pyright: ignore[reportArgumentType]
        namespace_id=NamespaceId("id"),
        now=NOW,
        retention_min=HOUR,
    )


def update(before: Namespace = PLAIN, /, **fields: object) -> Namespace:
    request = UpdateNamespaceRequest(**fields)  # pyright: ignore[reportArgumentType]
    return update_namespace(before, request, now=LATER, retention_min=HOUR)


def changed(**fields: object) -> Namespace:
    return msgspec.structs.replace(PLAIN, updated_at=LATER, **fields)


def test_a_registered_namespace_has_what_was_asked_for() -> None:
    namespace = register(description="d", owner_email="o", data={"k": "v"})
    assert namespace == Namespace(
        id=NamespaceId("id"),
        name=NamespaceName("n"),
        state=REGISTERED,
        description="d",
        owner_email="o",
        data={"k": "v"},
        retention=HOUR,
        created_at=NOW,
        updated_at=NOW,
    )


def test_a_record_survives_storage() -> None:
    namespace = add_search_attributes(register(data={"k": "v"}), {"A": KEYWORD})
    assert decode_namespace(encode_namespace(namespace)) == namespace


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"workflow_execution_retention_period": None},
            "A valid retention period is not set on request.",
        ),
        (
            {"workflow_execution_retention_period": DurationMessage(seconds=3_599)},
            "A valid retention period is not set on request.",
        ),
        (
            {"workflow_execution_retention_period": DurationMessage(seconds=-1)},
            "A valid retention period is not set on request.",
        ),
        ({"is_global_namespace": True}, "Cannot register global namespace when not enabled"),
        ({"active_cluster_name": "x"}, "Invalid cluster name: x"),
        ({"clusters": [{"cluster_name": "x"}]}, "Invalid cluster name: x"),
        (
            {"clusters": [{"cluster_name": "active"}] * 2},
            "Invalid local namespace clusters",
        ),
    ],
    ids=str,
)
def test_a_bad_registration_is_refused(fields: Mapping[str, object], text: str) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        register(**fields)
    assert refusal.value.message == text


def test_an_endless_retention_is_capped() -> None:
    endless = DurationMessage(seconds=2**60)
    assert register(workflow_execution_retention_period=endless).retention == DURATION_MAX


def test_an_update_merges() -> None:
    before = msgspec.structs.replace(PLAIN, data={"a": "1", "b": "2"}, description="old")
    after = update(
        before,
        update_info={"owner_email": "o", "data": {"b": "3", "c": "4"}},
        config={"workflow_execution_retention_ttl": DurationMessage(seconds=7_200)},
    )
    assert after == msgspec.structs.replace(
        before,
        owner_email="o",
        data={"a": "1", "b": "3", "c": "4"},
        retention=Duration(2 * HOUR),
        updated_at=LATER,
    )


def test_an_update_that_says_nothing_changes_nothing() -> None:
    assert update() is PLAIN
    assert update(update_info={}, config={}, replication_config={}) is PLAIN
    assert update(update_info={"state": REGISTERED}) is PLAIN


def test_bad_binaries_come_and_go() -> None:
    marked = update(config={"bad_binaries": {"binaries": {"sum": {"reason": "r"}}}})
    assert BadBinaryInfo.FromString(marked.bad_binaries["sum"]).reason == "r"
    assert update(marked, delete_bad_binary="sum").bad_binaries == {}


@pytest.mark.parametrize(
    ("before", "after", "is_allowed"),
    [
        (REGISTERED, DEPRECATED, True),
        (REGISTERED, DELETED, True),
        (DEPRECATED, DELETED, True),
        (DEPRECATED, REGISTERED, False),
        (DELETED, REGISTERED, False),
        (REGISTERED, 99, False),
    ],
)
def test_states_change_one_way(before: int, after: int, is_allowed: bool) -> None:
    namespace = msgspec.structs.replace(PLAIN, state=before)
    if is_allowed:
        assert update(namespace, update_info={"state": after}).state == after
    else:
        with pytest.raises(InvalidArgumentError, match="Invalid namespace state update"):
            update(namespace, update_info={"state": after})


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"config": {"workflow_execution_retention_ttl": DurationMessage(seconds=1)}},
            "A valid retention period is not set on request.",
        ),
        ({"delete_bad_binary": "x"}, "Bad binary checksum x doesn't exists."),
        (
            {
                "config": {
                    "bad_binaries": {"binaries": {str(n): {} for n in range(BAD_BINARIES_MAX + 1)}}
                }
            },
            "Total resetBinaries cannot exceed the max limit: 10",
        ),
        ({"replication_config": {"active_cluster_name": "x"}}, "Invalid cluster name: x"),
        (
            {"namespace": "plain", "promote_namespace": True},
            (
                "global namespace is not enabled on this cluster, cannot update global namespace "
                "or promote local namespace: plain"
            ),
        ),
        (
            {"config": {"custom_search_attribute_aliases": {"Keyword99": "A"}}},
            "Search attribute field Keyword99 doesn't exist.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_update_is_refused(fields: Mapping[str, object], text: str) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        update(**fields)
    assert refusal.value.message == text


def test_deprecation_and_deletion() -> None:
    assert deprecate_namespace(PLAIN, now=LATER) == changed(state=DEPRECATED)
    assert delete_namespace(PLAIN, now=LATER) == changed(
        name="plain-deleted-abcde", state=DELETED, deleted_at=LATER
    )
    system = msgspec.structs.replace(PLAIN, id=SYSTEM_NAMESPACE_ID)
    with pytest.raises(FailedPreconditionError):
        delete_namespace(system, now=LATER)


def test_search_attributes_take_the_next_free_field() -> None:
    namespace = add_search_attributes(PLAIN, {"A": KEYWORD, "B": KEYWORD, "N": INT})
    assert namespace.search_attributes == {"A": KEYWORD, "B": KEYWORD, "N": INT}
    assert namespace.search_attribute_fields == {
        "A": "Keyword01",
        "B": "Keyword02",
        "N": "Int01",
    }
    namespace = remove_search_attributes(namespace, ["A", "unknown"])
    namespace = add_search_attributes(namespace, {"C": KEYWORD})
    assert namespace.search_attribute_fields["C"] == "Keyword01"


def test_an_attribute_that_exists_is_left_as_it_is() -> None:
    namespace = add_search_attributes(PLAIN, {"A": KEYWORD})
    assert add_search_attributes(namespace, {"A": INT}) is namespace


@pytest.mark.parametrize("value_type", list(FIELDS_PER_TYPE))
def test_each_type_has_so_many_attributes_and_no_more(value_type: int) -> None:
    _, count = FIELDS_PER_TYPE[value_type]
    full = add_search_attributes(PLAIN, {str(number): value_type for number in range(count)})
    with pytest.raises(ServiceError, match=f"more than {count} search attribute of type"):
        add_search_attributes(full, {"one more": value_type})


def test_aliases_are_the_same_fact_in_other_words() -> None:
    namespace = apply_aliases(PLAIN, {"Keyword03": "A", "Bool01": "F"})
    assert namespace.search_attributes == {"A": KEYWORD, "F": BOOL}
    assert apply_aliases(namespace, {"Keyword05": "A"}) is namespace
    with pytest.raises(InvalidArgumentError, match="already allocated"):
        apply_aliases(namespace, {"Keyword03": "B"})
    assert apply_aliases(namespace, {"Keyword03": ""}).search_attributes == {"F": BOOL}
    assert apply_aliases(namespace, {"Keyword09": ""}) is namespace
