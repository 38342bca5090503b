"""What stands in the headers of Nexus: links, times, content (semantics 9.4).

Owns their grammar. Must not know what a request asks.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from temporalio.api.nexus.v1 import Link as NexusLink

from indelible.base.instants import MILLISECOND, SECOND, Duration, Instant
from indelible.engine.nexus.content import Content, is_header
from indelible.wire.http.messages import Request

LINK_HEADER: Final = "nexus-link"
CONTENT_PREFIX: Final = "content-"
CALLBACK_PREFIX: Final = "nexus-callback-"
_LINK: Final = re.compile(r"<\s*([^>\s]+)\s*>\s*((?:;\s*[^;=]+=\s*[^;]+)+)")
_LINK_TYPE: Final = re.compile(r'"?([A-Za-z0-9_./]+)"?')
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


def links(request: Request) -> list[NexusLink]:
    """Return the links of a request; raise `ValueError` if one is broken."""
    values = [value for name, value in request.headers if name == LINK_HEADER]
    return [_link(text.strip()) for text in ",".join(values).split(",")] if values else []


def link_headers(given: Iterable[NexusLink]) -> list[tuple[str, str]]:
    """Return links as headers; one that no header can hold explains nothing, and is left out."""
    texts = (f'<{link.url}>; type="{link.type}"' for link in given if ">" not in link.url)
    return [(LINK_HEADER, text) for text in texts if is_header(LINK_HEADER, text)]


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


def _link(text: str) -> NexusLink:
    match = _LINK.fullmatch(text)
    if match is None:
        raise ValueError(f"not a link: {text}")
    parameters = (part.partition("=") for part in match[2].split(";")[1:])
    types = [value.strip() for key, _, value in parameters if key.strip() == "type"]
    found = _LINK_TYPE.fullmatch(types[-1]) if types else None
    if found is None:
        raise ValueError(f"a link without a type: {text}")
    return NexusLink(url=match[1], type=found[1])
