"""Failures as Nexus carries them over HTTP: JSON, with a type in the metadata (semantics 9.4).

Owns both directions between them and Temporal's failures. Handler errors and unsuccessful
operations have types of Nexus itself, everything else travels as a Temporal failure in the details.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Final, cast

from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import NexusHandlerErrorRetryBehavior
from temporalio.api.failure.v1 import (
    ApplicationFailureInfo,
    CanceledFailureInfo,
    Failure,
    NexusHandlerFailureInfo,
)
from temporalio.api.nexus.v1 import Failure as NexusFailure

CAUSES_MAX: Final = 50
"""A protobuf decoder reads a hundred levels; what it cannot read must not be stored."""
CANCELED: Final = "canceled"
FAILED: Final = "failed"
_HANDLER_ERROR: Final = "nexus.HandlerError"
_OPERATION_ERROR: Final = "nexus.OperationError"
_TEMPORAL: Final = "temporal.api.failure.v1.Failure"
_UNWRAP: Final = "unwrap-error"
_Behavior = NexusHandlerErrorRetryBehavior
_BEHAVIORS: Final[Mapping[bool | None, "NexusHandlerErrorRetryBehavior.ValueType"]] = {
    True: _Behavior.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_RETRYABLE,
    False: _Behavior.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_NON_RETRYABLE,
    None: _Behavior.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_UNSPECIFIED,
}

_Json = dict[str, object]


# -- Nexus failures and their JSON -----------------------------------------------------------------


def dumped_failure(nexus: NexusFailure) -> bytes:
    """Return the JSON of a failure."""
    return json.dumps(_as_json(nexus), separators=(",", ":")).encode()


def parsed_failure(text: bytes) -> NexusFailure:
    """Return the failure in a JSON text; raise `ValueError` if there is none."""
    try:
        return _from_json(json.loads(text), CAUSES_MAX)
    except (TypeError, RecursionError) as error:
        raise ValueError("not a failure") from error


def _as_json(nexus: NexusFailure) -> _Json:
    value: _Json = {"message": nexus.message}
    if nexus.stack_trace:
        value["stackTrace"] = nexus.stack_trace
    if nexus.metadata:
        value["metadata"] = dict(nexus.metadata)
    if nexus.details:
        value["details"] = json.loads(nexus.details)
    if nexus.HasField("cause"):
        value["cause"] = _as_json(nexus.cause)
    return value


def _from_json(value: object, causes_left: int) -> NexusFailure:
    if not isinstance(value, dict) or not causes_left:
        raise ValueError("not a failure, or one with too many causes")
    given = cast("_Json", value)
    metadata = given.get("metadata")
    if not isinstance(metadata, dict | None):
        raise TypeError(metadata)
    nexus = NexusFailure(
        message=_text(given, "message"),
        stack_trace=_text(given, "stackTrace"),
        metadata=cast("dict[str, str] | None", metadata),
    )
    if given.get("details") is not None:
        nexus.details = json.dumps(given["details"], separators=(",", ":")).encode()
    if given.get("cause") is not None:
        nexus.cause.CopyFrom(_from_json(given["cause"], causes_left - 1))
    return nexus


def _text(given: _Json, name: str) -> str:
    value = given.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(value)
    return value


# -- from Temporal to Nexus ------------------------------------------------------------------------


def nexus_failure(failure: Failure) -> NexusFailure:
    """Return a Temporal failure as Nexus carries it."""
    nexus = NexusFailure(message=failure.message, stack_trace=failure.stack_trace)
    if failure.HasField("nexus_handler_failure_info"):
        nexus.metadata["type"] = _HANDLER_ERROR
        nexus.details = _handler_details(failure)
    else:
        rest = Failure()
        rest.CopyFrom(failure)
        for name in ("message", "stack_trace", "cause"):
            rest.ClearField(name)
        nexus.metadata["type"] = _TEMPORAL
        nexus.details = json_format.MessageToJson(rest, indent=None).encode()
    if failure.HasField("cause"):
        nexus.cause.CopyFrom(nexus_failure(failure.cause))
    return nexus


def operation_error(state: str, cause: NexusFailure) -> NexusFailure:
    """Return the error of an operation that ended without success, with its reason inside."""
    nexus = NexusFailure(
        message="operation error",
        metadata={"type": _OPERATION_ERROR, _UNWRAP: "true"},
        details=json.dumps({"state": state}, separators=(",", ":")).encode(),
    )
    nexus.cause.CopyFrom(cause)
    return nexus


def _handler_details(failure: Failure) -> bytes:
    handler = failure.nexus_handler_failure_info
    details: _Json = {"type": handler.type}
    override = next(key for key, value in _BEHAVIORS.items() if value == handler.retry_behavior)
    if override is not None:
        details["retryableOverride"] = override
    if failure.HasField("encoded_attributes"):
        text = json_format.MessageToJson(failure.encoded_attributes, indent=None)
        details["encodedAttributes"] = urlsafe_b64encode(text.encode()).decode().rstrip("=")
    return json.dumps(details, separators=(",", ":")).encode()


# -- from Nexus to Temporal ------------------------------------------------------------------------


def failure_of(nexus: NexusFailure) -> Failure:
    """Return the Temporal failure that a Nexus failure means; raise `ValueError` if it is broken.

    A wrapper that says nothing of its own is taken off.
    """
    if nexus.metadata.get(_UNWRAP) == "true" and nexus.HasField("cause"):
        nexus = nexus.cause
    try:
        failure = _failure_of(nexus)
    except (json_format.ParseError, AttributeError, TypeError, RecursionError) as error:
        raise ValueError("a failure with broken details") from error
    if _depth(failure) > CAUSES_MAX:
        raise ValueError("a failure with too many causes")
    return failure


def operation_failure(nexus: NexusFailure, state: str) -> Failure:
    """Return the failure of an operation that ended in a state; raise `ValueError` as above.

    The failure itself says whether the operation was canceled.
    """
    failure = failure_of(nexus)
    is_canceled = state == CANCELED
    if failure.HasField("canceled_failure_info") == is_canceled:
        return failure
    wrapped = Failure(message=failure.message)
    if is_canceled:
        wrapped.canceled_failure_info.CopyFrom(CanceledFailureInfo())
    else:
        wrapped.application_failure_info.CopyFrom(_unsuccessful())
    wrapped.cause.CopyFrom(failure)
    return wrapped


def _failure_of(nexus: NexusFailure) -> Failure:
    failure = Failure()
    match nexus.metadata.get("type"):
        case "temporal.api.failure.v1.Failure":
            json_format.Parse(nexus.details or b"{}", failure, ignore_unknown_fields=True)
        case "nexus.OperationError":
            if json.loads(nexus.details or b"{}").get("state") == CANCELED:
                failure.canceled_failure_info.CopyFrom(CanceledFailureInfo())
            else:
                failure.application_failure_info.CopyFrom(_unsuccessful())
        case "nexus.HandlerError":
            _set_handler(failure, json.loads(nexus.details or b"{}"))
        case _:
            if nexus.metadata or nexus.details:
                failure.application_failure_info.CopyFrom(_opaque(nexus))
    failure.message = nexus.message
    failure.stack_trace = nexus.stack_trace
    if nexus.HasField("cause"):
        failure.cause.CopyFrom(_failure_of(nexus.cause))
    return failure


def _set_handler(failure: Failure, details: _Json) -> None:
    override = details.get("retryableOverride")
    failure.nexus_handler_failure_info.CopyFrom(
        NexusHandlerFailureInfo(
            type=_text(details, "type"),
            retry_behavior=_BEHAVIORS[override if isinstance(override, bool) else None],
        )
    )
    encoded = _text(details, "encodedAttributes")
    if encoded:
        text = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        json_format.Parse(text, failure.encoded_attributes)


def _unsuccessful() -> ApplicationFailureInfo:
    return ApplicationFailureInfo(type="OperationError", non_retryable=True)


def _opaque(nexus: NexusFailure) -> ApplicationFailureInfo:
    """What is not understood is kept: somebody else may know the type."""
    kept = NexusFailure(metadata=nexus.metadata, details=nexus.details)
    payload = Payload(metadata={"encoding": b"json/plain"}, data=dumped_failure(kept))
    return ApplicationFailureInfo(type="NexusFailure", details=Payloads(payloads=[payload]))


def _depth(failure: Failure) -> int:
    depth = 1
    while failure.HasField("cause"):
        failure = failure.cause
        depth += 1
    return depth


def with_retry_behavior(failure: Failure, told: str) -> None:
    """Note in a new handler's failure whether the call may be repeated, if a header tells it."""
    override = {"true": True, "false": False}.get(told.lower())
    failure.nexus_handler_failure_info.retry_behavior = _BEHAVIORS[override]
