"""A Nexus endpoint: a name for a target that workflows of any namespace may call.

Owns the stored form and the rules of change (semantics 9.1). Must not know who calls.
"""

import re
from typing import Final

import msgspec
from msgspec.structs import replace
from temporalio.api.nexus.v1 import Endpoint, EndpointSpec

from indelible.base.errors import FailedPreconditionError, InvalidArgumentError
from indelible.base.ids import NamespaceId
from indelible.base.instants import Instant, timestamp
from indelible.base.limits import (
    Limits,
)

SYSTEM_ENDPOINT: Final = "__temporal_system"
"""Never registered: what workflows call by this name is carried out by the service itself."""
NAME_PATTERN: Final = r"^[a-zA-Z][a-zA-Z0-9\-]*[a-zA-Z0-9]$"
_NAME: Final = re.compile(NAME_PATTERN, re.ASCII)
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


class NexusEndpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One endpoint. Either a task queue or a URL is its target."""

    id: str
    version: int = 1
    name: str
    description: bytes = b""
    """A serialized `Payload`."""
    namespace_id: NamespaceId = NamespaceId("")
    task_queue: str = ""
    url: str = ""
    created_at: Instant
    updated_at: Instant


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(NexusEndpoint)


def encode_endpoint(endpoint: NexusEndpoint) -> bytes:
    """Return the stored form of an endpoint."""
    return _encoder.encode(endpoint)


def decode_endpoint(record: bytes) -> NexusEndpoint:
    """Return the endpoint of a stored record."""
    return _decoder.decode(record)


def create_endpoint(
    spec: EndpointSpec,
    *,
    endpoint_id: str,
    namespace_id: NamespaceId | None,
    now: Instant,
    limits: Limits,
) -> NexusEndpoint:
    """Return a new endpoint; raise `InvalidArgumentError` for a bad specification.

    `namespace_id` is that of the target's namespace, None if there is no such namespace.
    """
    _check(spec, namespace_id, limits)
    return _specified(
        NexusEndpoint(id=endpoint_id, name=spec.name, created_at=now, updated_at=now),
        spec,
        namespace_id,
    )


def update_endpoint(
    endpoint: NexusEndpoint,
    spec: EndpointSpec,
    *,
    version: int,
    namespace_id: NamespaceId | None,
    now: Instant,
    limits: Limits,
) -> NexusEndpoint:
    """Return the endpoint with another specification.

    Raises `FailedPreconditionError` if `version` is not the present one.
    """
    _check(spec, namespace_id, limits)
    if version != endpoint.version:
        raise FailedPreconditionError(
            f"nexus endpoint version mismatch. received: {version} expected {endpoint.version}"
        )
    changed = replace(endpoint, version=endpoint.version + 1, updated_at=now)
    return _specified(changed, spec, namespace_id)


def _specified(
    endpoint: NexusEndpoint, spec: EndpointSpec, namespace_id: NamespaceId | None
) -> NexusEndpoint:
    return replace(
        endpoint,
        name=spec.name,
        description=spec.description.SerializeToString(),
        namespace_id=namespace_id or NamespaceId(""),
        task_queue=spec.target.worker.task_queue,
        url=spec.target.external.url,
    )


def check_endpoint_id(endpoint_id: str, *issues: str) -> None:
    """Refuse an id that is missing or no UUID, together with what else is wrong."""
    found = list(issues)
    if not endpoint_id:
        found.insert(0, "endpoint ID not set")
    elif not _UUID.fullmatch(endpoint_id):
        found.insert(0, f'malformed endpoint ID: "{endpoint_id}"')
    _raise_for(found)


def _check(spec: EndpointSpec, namespace_id: NamespaceId | None, limits: Limits) -> None:
    issues = _name_issues(spec.name, limits.nexus_endpoint_name_bytes_max)
    match spec.target.WhichOneof("variant"):
        case "worker":
            issues += _worker_issues(spec, namespace_id, limits.id_bytes_max)
        case "external":
            issues += _url_issues(spec.target.external.url, limits.nexus_endpoint_url_bytes_max)
        case _:
            issues.append("empty target variant")
            _raise_for(issues)
    bytes_max = limits.nexus_endpoint_description_bytes_max
    if spec.description.ByteSize() > bytes_max:
        issues.append(f"description size exceeds limit of {bytes_max}")
    _raise_for(issues)


def _name_issues(name: str, bytes_max: int) -> list[str]:
    if not name:
        return ["endpoint name not set"]
    issues: list[str] = []
    if len(name.encode()) > bytes_max:
        issues.append(f"endpoint name exceeds length limit of {bytes_max}")
    if not _NAME.fullmatch(name):
        quoted = NAME_PATTERN.replace("\\", "\\\\")
        issues.append(f'endpoint name must match the regex: "{quoted}"')
    return issues


def _worker_issues(
    spec: EndpointSpec, namespace_id: NamespaceId | None, bytes_max: int
) -> list[str]:
    target = spec.target.worker
    issues: list[str] = []
    if not target.namespace:
        issues.append("target namespace not set")
    elif namespace_id is None:
        raise FailedPreconditionError(
            "could not verify namespace referenced by target exists: "
            f"Namespace {target.namespace} is not found."
        )
    if not target.task_queue:
        issues.append('invalid target task queue: "taskQueue is not set"')
    elif len(target.task_queue.encode()) > bytes_max:
        issues.append('invalid target task queue: "taskQueue length exceeds limit"')
    return issues


def _url_issues(url: str, bytes_max: int) -> list[str]:
    if not url:
        return ["empty target URL"]
    if len(url.encode()) > bytes_max:
        return [f"target URL length exceeds limit of {bytes_max}"]
    scheme = url.partition(":")[0].lower()
    if scheme not in {"http", "https"}:
        return [f'invalid target URL scheme: "{scheme}", expected http or https']
    return []


def _raise_for(issues: list[str]) -> None:
    if issues:
        raise InvalidArgumentError(", ".join(issues))


def endpoint_message(endpoint: NexusEndpoint, *, namespace_name: str) -> Endpoint:
    """Return the API form of an endpoint; `namespace_name` is that of the target's namespace."""
    message = Endpoint(
        version=endpoint.version,
        id=endpoint.id,
        created_time=timestamp(endpoint.created_at),
        url_prefix=f"/nexus/endpoints/{endpoint.id}/services",
    )
    if endpoint.version > 1:
        message.last_modified_time.CopyFrom(timestamp(endpoint.updated_at))
    message.spec.name = endpoint.name
    if endpoint.description:
        message.spec.description.MergeFromString(endpoint.description)
    if endpoint.url:
        message.spec.target.external.url = endpoint.url
    else:
        message.spec.target.worker.namespace = namespace_name
        message.spec.target.worker.task_queue = endpoint.task_queue
    return message
