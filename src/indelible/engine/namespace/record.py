"""The namespace: a tenant's name, its retention and its search attributes.

Owns the stored form and the fixed identity of the system namespace. Must not know requests: the
rules by which a namespace changes are in `registration`.
"""

from typing import Final

import msgspec
from temporalio.api.enums.v1 import NamespaceState

from indelible.base.ids import NamespaceId, NamespaceName
from indelible.base.instants import DAY, NEVER, NO_DURATION, Duration, Instant

SYSTEM_NAMESPACE_NAME: Final = NamespaceName("temporal-system")
SYSTEM_NAMESPACE_ID: Final = NamespaceId("32049b68-7872-4094-8e63-d0dd59896a83")
"""The same in every cluster; tools recognise the namespace by it."""
SYSTEM_NAMESPACE_RETENTION: Final = Duration(7 * DAY)

REGISTERED: Final = NamespaceState.NAMESPACE_STATE_REGISTERED
DEPRECATED: Final = NamespaceState.NAMESPACE_STATE_DEPRECATED
DELETED: Final = NamespaceState.NAMESPACE_STATE_DELETED


class RuleRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One workflow rule."""

    rule: bytes
    """A serialized `WorkflowRule`."""
    request_id: str = ""
    """Of the request that made it."""


class Namespace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One namespace. New fields get defaults, so that old records open for ever."""

    id: NamespaceId
    name: NamespaceName
    state: int = REGISTERED
    """A `NamespaceState`."""
    description: str = ""
    owner_email: str = ""
    data: dict[str, str] = {}
    """The owner's own key-value pairs; the service does not look at them."""
    retention: Duration
    """How long closed executions are kept."""
    search_attributes: dict[str, int] = {}
    """Custom search attributes: name -> `IndexedValueType`."""
    search_attribute_fields: dict[str, str] = {}
    """Custom search attributes: name -> the field that clients of the aliases API see."""
    bad_binaries: dict[str, bytes] = {}
    """Binary checksum -> serialized `BadBinaryInfo`."""
    workflow_rules: dict[str, RuleRecord] = {}
    """By their ids, oldest first."""
    created_at: Instant = NEVER
    updated_at: Instant = NEVER
    deleted_at: Instant = NEVER
    delete_delay: Duration = NO_DURATION
    """How long the record of a deleted namespace stays when its executions are gone."""
    emptied_at: Instant = NEVER
    """When they were, if the record has to stay."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Namespace)


def encode_namespace(namespace: Namespace) -> bytes:
    """Return the stored form of a namespace."""
    return _encoder.encode(namespace)


def decode_namespace(record: bytes) -> Namespace:
    """Return the namespace of a stored record."""
    return _decoder.decode(record)
