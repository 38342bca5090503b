"""What stands in the headers of Nexus: times, content (semantics 9.4).

Owns their grammar. Must not know what a request asks.
"""

import re
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from indelible.base.instants import MILLISECOND, SECOND, Duration, Instant
from indelible.engine.nexus.content import Content
from indelible.wire.http.messages import Request

CONTENT_PREFIX: Final = "content-"
CALLBACK_PREFIX: Final = "nexus-callback-"
_TIMEOUT: Final = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ms|s|m)")
_UNITS: Final = {"ms": 1, "s": 1_000, "m": 60_000}


def content(request: Request) -> Content:
    """Return what the body of a request is."""
    return Content(dict(_prefixed(request, CONTENT_PREFIX)), request.body)


def callback_header(request: Request) -> dict[str, str]:
    """Return the headers that a completion must bring along."""
    return dict(_prefixed(request, CALLBACK_PREFIX))


def handler_header(request: Request, *dropped: str) -> dict[str, str]:
    """Return the headers that a handler sees: all but those with a meaning of their own."""
    prefixes = (CONTENT_PREFIX, CALLBACK_PREFIX)
    names = {"host", "connection", "transfer-encoding", *dropped}
    return {
        name: value
        for name, value in reversed(request.headers)
        if name not in names and not name.startswith(prefixes)
    }


def request_timeout(text: str) -> Duration:
    """Return how long a caller waits; raise `ValueError` for what is no span."""
    match = _TIMEOUT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return Duration(int(float(match[1]) * _UNITS[match[2]]) * MILLISECOND)


def http_time(text: str) -> Instant:
    """Return the instant of a date as HTTP writes it; raise `ValueError` if it is none."""
    date = parsedate_to_datetime(text)
    return Instant(round(date.replace(tzinfo=date.tzinfo or UTC).timestamp()) * SECOND)


def _prefixed(request: Request, prefix: str) -> Iterator[tuple[str, str]]:
    # The first of several headers of one name counts.
    for name, value in reversed(request.headers):
        if name.startswith(prefix):
            yield name.removeprefix(prefix), value
