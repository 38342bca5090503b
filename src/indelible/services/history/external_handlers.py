"""Calls to handlers of Nexus operations that have a URL (semantics 9.4).

Owns what such a call says, and what its answer means. Must not know who wants the operation.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure

from indelible.base.callback_token import encode_callback_token
from indelible.base.failures import server_failure
from indelible.base.instants import MILLISECOND, Duration
from indelible.base.limits import MESSAGE_BYTES_MAX, Limits
from indelible.base.nexus_operations import (
    OPERATION_TOKEN_HEADER,
    TOKEN_HEADER,
    CallFailed,
    OperationFailed,
    OperationSucceeded,
    StartOutcome,
)
from indelible.engine.namespace.record import Namespace
from indelible.engine.nexus.content import Content, content_of, is_header, media_type, payload_of
from indelible.engine.nexus.error_types import ERROR_TYPES, OPERATION_UNSUCCESSFUL
from indelible.engine.nexus.failure_json import (
    CANCELED,
    FAILED,
    failure_of,
    operation_failure,
    parsed_failure,
    with_retry_behavior,
)
from indelible.engine.nexus.failures import handler_failure, is_retryable_handler_failure
from indelible.engine.nexus.link_headers import link_headers, links_in
from indelible.ports.outbound import (
    AnswerTooLargeError,
    Outbound,
    OutboundError,
    OutboundResponse,
)
from indelible.services.history.nexus_answers import RESULT_TOO_LARGE, started_outcome
from indelible.services.history.nexus_links import temporal_links
from indelible.services.history.operation_calls import (
    CallResult,
    CancelCall,
    OperationName,
    StartCall,
)

CallbackUrl = Callable[[Namespace], str]
"""Where handlers complete the operations of a namespace; empty if they cannot."""

USER_AGENT: Final = ("user-agent", "indelible")
NO_CALLBACK: Final = "the handler completes over HTTP: the server needs an --http-port"
TRANSFER_HEADERS: Final = frozenset(
    {"host", "connection", "transfer-encoding", "te", "upgrade", "expect"}
)
_PREFIXES: Final = ("content-", "nexus-", "proxy-")


def nowhere(_namespace: Namespace) -> str:
    """Handlers cannot complete anything."""
    return ""


class _Refused(NamedTuple):
    """A call that was not heard, or not well received."""

    failure: Failure
    is_retryable: bool


class ExternalHandlers:
    """Speaks to handlers over HTTP."""

    def __init__(self, outbound: Outbound, callback_url: CallbackUrl) -> None:
        self._outbound = outbound
        self._callback_url = callback_url

    async def start(self, base: str, call: StartCall) -> StartOutcome:
        """Ask a handler to start an operation; return what became of it."""
        callback = self._callback_url(call.namespace)
        if not callback:
            return CallFailed(failure=server_failure(NO_CALLBACK, is_non_retryable=False))
        content = content_of(call.payload)
        headers = [
            *_headers(call.header, call.patience),
            *((f"content-{name}", value) for name, value in content.headers.items()),
            ("nexus-request-id", call.request_id),
            (f"nexus-callback-{TOKEN_HEADER}", encode_callback_token(call.token)),
            *link_headers([call.link]),
        ]
        url = _url(base, call.target, (), [("callback", callback)])
        answer = await self._post(
            url, headers, content.body, call.patience, call.limits.blob_bytes_max
        )
        outcome = answer if isinstance(answer, _Refused) else _outcome(answer, call.limits)
        if not isinstance(outcome, _Refused):
            return outcome
        if outcome.is_retryable:
            return CallFailed(failure=outcome.failure)
        return OperationFailed(failure=outcome.failure)

    async def cancel(self, base: str, call: CancelCall) -> CallResult:
        """Ask a handler to cancel an operation that it has started."""
        headers = [
            *_headers(call.header, call.patience),
            (OPERATION_TOKEN_HEADER, call.operation_token),
        ]
        url = _url(base, call.target, ("cancel",), [])
        answer = await self._post(url, headers, b"", call.patience, MESSAGE_BYTES_MAX)
        if isinstance(answer, OutboundResponse):
            if answer.status in range(200, 300):
                return CallResult()
            answer = refused_answer(answer)
        return CallResult(failure=answer.failure, is_retryable=answer.is_retryable)

    async def _post(
        self,
        url: str,
        headers: list[tuple[str, str]],
        body: bytes,
        patience: Duration,
        answer_bytes_max: int,
    ) -> OutboundResponse | _Refused:
        try:
            return await self._outbound.post(
                url,
                headers=[one for one in headers if is_header(*one)],
                body=body,
                patience=patience,
                answer_bytes_max=answer_bytes_max,
            )
        except AnswerTooLargeError:
            return _Refused(
                server_failure(RESULT_TOO_LARGE, is_non_retryable=True), is_retryable=False
            )
        except OutboundError as error:
            return _call_error(str(error))


def _url(
    base: str, target: OperationName, more: tuple[str, ...], query: list[tuple[str, str]]
) -> str:
    parts = urlsplit(base)
    words = [quote(word, safe="") for word in (target.service, target.operation, *more)]
    path = "/".join((parts.path.rstrip("/"), *words))
    return parts._replace(
        path=path, query=urlencode([*parse_qsl(parts.query), *query]), fragment=""
    ).geturl()


def _headers(given: Mapping[str, str], patience: Duration) -> Iterable[tuple[str, str]]:
    """What the caller says may not change how the message is read."""
    for name, value in given.items():
        lower = name.lower()
        if lower not in TRANSFER_HEADERS and not lower.startswith(_PREFIXES):
            yield lower, value
    yield "request-timeout", f"{patience // MILLISECOND}ms"
    yield "temporal-nexus-failure-support", "true"
    yield USER_AGENT


def _outcome(answer: OutboundResponse, limits: Limits) -> StartOutcome | _Refused:
    try:
        links = temporal_links(links_in(answer.headers))
        match answer.status:
            case 200:
                return OperationSucceeded(result=payload_of(_content(answer)), links=links)
            case 201:
                return started_outcome(_token(answer), links, limits)
            case codes if codes == OPERATION_UNSUCCESSFUL:
                return OperationFailed(failure=_operation_failure(answer))
            case _:
                return refused_answer(answer)
    except ValueError as error:
        return _call_error(f"unexpected response: {error}")


def _content(answer: OutboundResponse) -> Content:
    prefix = "content-"
    headers = {
        name.removeprefix(prefix): value
        for name, value in reversed(answer.headers)
        if name.startswith(prefix)
    }
    return Content(headers, answer.body)


def _token(answer: OutboundResponse) -> str:
    told: object = json.loads(answer.body)
    fields = cast("dict[str, object]", told) if isinstance(told, dict) else {}
    token, state = fields.get("token"), fields.get("state")
    if state != "running" or not isinstance(token, str) or not token:
        raise ValueError("neither a running operation nor its token")
    return token


def _operation_failure(answer: OutboundResponse) -> Failure:
    state = answer.header("nexus-operation-state")
    if state not in {CANCELED, FAILED}:
        raise ValueError(f'invalid operation state header: "{state}"')
    return operation_failure(parsed_failure(answer.body), state)


def refused_answer(answer: OutboundResponse) -> _Refused:
    """Return what an answer means that tells of no success."""
    error_type = ERROR_TYPES.get(answer.status)
    failure = handler_failure(error_type or "", f"handler error: status {answer.status}")
    if media_type(answer.header("content-type")).name == "application/json":
        try:
            told = failure_of(parsed_failure(answer.body))
        except ValueError:
            told = None
        if told is not None and told.HasField("nexus_handler_failure_info"):
            return _Refused(told, is_retryable_handler_failure(told))
        if told is not None:
            failure.cause.CopyFrom(told)
    if error_type is None:
        return _call_error(f"unexpected response status: {answer.status}")
    with_retry_behavior(failure, answer.header("nexus-request-retryable"))
    return _Refused(failure, is_retryable_handler_failure(failure))


def _call_error(message: str) -> _Refused:
    kind = ApplicationFailureInfo(type="CallError")
    return _Refused(Failure(message=message, application_failure_info=kind), is_retryable=True)
