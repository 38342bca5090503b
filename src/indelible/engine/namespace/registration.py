"""How a namespace comes to be, changes and ends (semantics 13.1 and 13.2).

Owns the rules of RegisterNamespace, UpdateNamespace, DeprecateNamespace and DeleteNamespace. Pure:
a namespace and a request give a new namespace or an `InvalidArgumentError`. Uniqueness of names is
up to who holds all of them. Archival is not built; as in a cluster without it, its settings are
ignored and shown as disabled.
"""

from collections.abc import Collection
from typing import Final

import msgspec
from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.enums.v1 import NamespaceState
from temporalio.api.namespace.v1 import BadBinaryInfo, NamespaceConfig, UpdateNamespaceInfo
from temporalio.api.replication.v1 import NamespaceReplicationConfig
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest, UpdateNamespaceRequest

from indelible.base.errors import FailedPreconditionError, InvalidArgumentError
from indelible.base.ids import NamespaceId, NamespaceName
from indelible.base.instants import NO_DURATION, Duration, Instant, duration, timestamp
from indelible.engine.namespace.aliases import apply_aliases
from indelible.engine.namespace.record import (
    DELETED,
    DEPRECATED,
    REGISTERED,
    SYSTEM_NAMESPACE_ID,
    Namespace,
)

CLUSTER_NAME: Final = "active"
"""The only cluster there is; the name is the reference's default."""
BAD_BINARIES_MAX: Final = 10
_ID_CHARACTERS_IN_DELETED_NAME: Final = 5

_STATE_CHANGES: Final = frozenset(
    {(REGISTERED, DEPRECATED), (REGISTERED, DELETED), (DEPRECATED, DELETED)}
)


def register_namespace(
    request: RegisterNamespaceRequest,
    *,
    namespace_id: NamespaceId,
    now: Instant,
    retention_min: Duration,
) -> Namespace:
    """Return the new namespace."""
    if request.is_global_namespace:
        raise InvalidArgumentError("Cannot register global namespace when not enabled")
    retention = _retention(request.workflow_execution_retention_period, retention_min)
    _check_clusters(
        request.active_cluster_name, [cluster.cluster_name for cluster in request.clusters]
    )
    return Namespace(
        id=namespace_id,
        name=NamespaceName(request.namespace),
        description=request.description,
        owner_email=request.owner_email,
        data=dict(request.data),
        retention=retention,
        created_at=now,
        updated_at=now,
    )


def update_namespace(
    namespace: Namespace,
    request: UpdateNamespaceRequest,
    *,
    now: Instant,
    retention_min: Duration,
) -> Namespace:
    """Return the changed namespace; the same object if the request changes nothing."""
    changed = namespace
    if request.HasField("update_info"):
        changed = _update_info(changed, request.update_info)
    if request.HasField("config"):
        changed = _update_config(changed, request.config, now=now, retention_min=retention_min)
    if request.delete_bad_binary:
        changed = _forget_bad_binary(changed, request.delete_bad_binary)
    if request.HasField("replication_config"):
        _check_replication(request.replication_config)
    if request.promote_namespace:
        raise InvalidArgumentError(
            "global namespace is not enabled on this cluster, cannot update global namespace or "
            f"promote local namespace: {request.namespace}"
        )
    if changed == namespace:
        return namespace
    return msgspec.structs.replace(changed, updated_at=now)


def deprecate_namespace(namespace: Namespace, *, now: Instant) -> Namespace:
    """Return the namespace closed for new executions; those that run go on."""
    return msgspec.structs.replace(namespace, state=DEPRECATED, updated_at=now)


def delete_namespace(
    namespace: Namespace,
    *,
    now: Instant,
    delay: Duration = NO_DURATION,
    protected: Collection[str] = (),
) -> Namespace:
    """Return the namespace marked as deleted, under a name that frees the old one.

    `delay` is how long its record stays when all else is gone; deleting it again changes that.
    `protected` names those that nobody deletes.
    """
    if namespace.id == SYSTEM_NAMESPACE_ID:
        raise FailedPreconditionError("unable to delete system namespace")
    if namespace.name in protected:
        raise FailedPreconditionError(f"namespace {namespace.name} is protected from deletion")
    suffix = f"-deleted-{namespace.id[:_ID_CHARACTERS_IN_DELETED_NAME]}"
    if namespace.state == DELETED and namespace.name.endswith(suffix):
        return msgspec.structs.replace(namespace, updated_at=now, delete_delay=delay)
    return msgspec.structs.replace(
        namespace,
        name=NamespaceName(f"{namespace.name}{suffix}"),
        state=DELETED,
        updated_at=now,
        deleted_at=now,
        delete_delay=delay,
    )


def _update_info(namespace: Namespace, update: UpdateNamespaceInfo) -> Namespace:
    state = update.state
    if state not in {NamespaceState.NAMESPACE_STATE_UNSPECIFIED, namespace.state}:
        if (namespace.state, state) not in _STATE_CHANGES:
            raise InvalidArgumentError("Invalid namespace state update.")
        namespace = msgspec.structs.replace(namespace, state=int(state))
    return msgspec.structs.replace(
        namespace,
        description=update.description or namespace.description,
        owner_email=update.owner_email or namespace.owner_email,
        data={**namespace.data, **update.data},
    )


def _update_config(
    namespace: Namespace, config: NamespaceConfig, *, now: Instant, retention_min: Duration
) -> Namespace:
    retention = namespace.retention
    if config.HasField("workflow_execution_retention_ttl"):
        retention = _retention(config.workflow_execution_retention_ttl, retention_min)
    bad_binaries = dict(namespace.bad_binaries)
    for checksum, binary in config.bad_binaries.binaries.items():
        stamped = BadBinaryInfo(
            reason=binary.reason, operator=binary.operator, create_time=timestamp(now)
        )
        bad_binaries[checksum] = stamped.SerializeToString()
    if len(bad_binaries) > BAD_BINARIES_MAX:
        raise InvalidArgumentError(
            f"Total resetBinaries cannot exceed the max limit: {BAD_BINARIES_MAX}"
        )
    namespace = apply_aliases(namespace, config.custom_search_attribute_aliases)
    return msgspec.structs.replace(namespace, retention=retention, bad_binaries=bad_binaries)


def _forget_bad_binary(namespace: Namespace, checksum: str) -> Namespace:
    if checksum not in namespace.bad_binaries:
        raise InvalidArgumentError(f"Bad binary checksum {checksum} doesn't exists.")
    rest = {key: value for key, value in namespace.bad_binaries.items() if key != checksum}
    return msgspec.structs.replace(namespace, bad_binaries=rest)


def _retention(message: DurationMessage, retention_min: Duration) -> Duration:
    retention = duration(message)
    if retention < retention_min:
        raise InvalidArgumentError("A valid retention period is not set on request.")
    return retention


def _check_replication(config: NamespaceReplicationConfig) -> None:
    _check_clusters(
        config.active_cluster_name, [cluster.cluster_name for cluster in config.clusters]
    )


def _check_clusters(active: str, clusters: list[str]) -> None:
    for name in (active, *clusters):
        if name not in {"", CLUSTER_NAME}:
            raise InvalidArgumentError(f"Invalid cluster name: {name}")
    if clusters not in ([], [CLUSTER_NAME]):
        raise InvalidArgumentError("Invalid local namespace clusters")
