"""Completion callbacks that lead to a URL (semantics 9.4 and 9.5).

Owns what such a call says, and what its answer means. Whether the URL may be called was decided
when the callback was given. Must not know who owes the callback.
"""

from collections.abc import Iterator
from email.utils import formatdate
from typing import Final

from temporalio.api.common.v1 import Callback
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure

from indelible.base.instants import SECOND, Duration, timestamp
from indelible.base.limits import CALLBACK_ANSWER_BYTES_MAX
from indelible.base.nexus_operations import (
    OPERATION_TOKEN_HEADER,
    Completion,
    OperationEnd,
    OperationSucceeded,
)
from indelible.engine.nexus.content import Content, content_of, is_header
from indelible.engine.nexus.failure_json import CANCELED, FAILED, dumped_failure, nexus_failure
from indelible.engine.nexus.link_headers import link_headers
from indelible.ports.outbound import Outbound, OutboundError
from indelible.services.history.external_handlers import (
    TRANSFER_HEADERS,
    USER_AGENT,
    refused_answer,
)
from indelible.services.history.nexus_links import nexus_links
from indelible.services.history.operation_calls import CallResult

_STATE_HEADER: Final = "nexus-operation-state"
_SUCCEEDED: Final = "succeeded"
_CONTENT_PREFIX: Final = "content-"


class ExternalCallbacks:
    """Tells the ends of operations over HTTP."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def complete(
        self, callback: Callback.Nexus, completion: Completion, patience: Duration
    ) -> CallResult:
        """Tell the one behind a URL how an operation has ended."""
        state, content = _told(completion.end)
        headers = [(_STATE_HEADER, state)]
        headers += [(_CONTENT_PREFIX + name, value) for name, value in content.headers.items()]
        headers += _given_headers(callback)
        named = {name for name, _ in headers}
        headers += [one for one in _own_headers(completion) if one[0] not in named]
        try:
            answer = await self._outbound.post(
                callback.url,
                headers=[one for one in headers if is_header(*one)],
                body=content.body,
                patience=patience,
                answer_bytes_max=CALLBACK_ANSWER_BYTES_MAX,
            )
        except OutboundError as error:
            return _failed(str(error), is_retryable=True)
        if answer.status in range(200, 300):
            return CallResult()
        refused = refused_answer(answer)
        return _failed(_words(refused.failure), is_retryable=refused.is_retryable)


def _told(end: OperationEnd) -> tuple[str, Content]:
    """Return the state of an operation that has ended, and the content that tells the rest."""
    if isinstance(end, OperationSucceeded):
        return _SUCCEEDED, content_of(end.result)
    body = dumped_failure(nexus_failure(end.failure))
    return CANCELED if end.is_canceled else FAILED, Content({"type": "application/json"}, body)


def _given_headers(callback: Callback.Nexus) -> Iterator[tuple[str, str]]:
    """What came with the callback may not change how the message is read, nor what it says."""
    for name, value in callback.header.items():
        is_ours = name in TRANSFER_HEADERS or name == _STATE_HEADER
        if not is_ours and not name.startswith(_CONTENT_PREFIX):
            yield name, value


def _own_headers(completion: Completion) -> Iterator[tuple[str, str]]:
    """What is said unless the callback says it already."""
    started = completion.started
    yield USER_AGENT
    yield OPERATION_TOKEN_HEADER, started.token
    if started.at is not None:
        yield "nexus-operation-start-time", formatdate(started.at // SECOND, usegmt=True)
    yield "nexus-operation-close-time", timestamp(completion.closed_at).ToJsonString()
    yield from link_headers(nexus_links(started.links))


def _words(failure: Failure) -> str:
    if not failure.HasField("nexus_handler_failure_info"):
        return failure.message
    kind = failure.nexus_handler_failure_info.type or "INTERNAL"
    told = failure.cause.message if failure.HasField("cause") else failure.message
    return f"handler error ({kind}): {told.removeprefix('handler error: ')}"


def _failed(message: str, *, is_retryable: bool) -> CallResult:
    kind = ApplicationFailureInfo(non_retryable=not is_retryable)
    return CallResult(
        failure=Failure(message=message, application_failure_info=kind), is_retryable=is_retryable
    )
