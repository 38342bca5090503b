"""Links as headers carry them: a URL in angle brackets, and a type (semantics 9.4)."""

import re
from collections.abc import Iterable
from typing import Final

from temporalio.api.nexus.v1 import Link as NexusLink

from indelible.engine.nexus.content import is_header

LINK_HEADER: Final = "nexus-link"
_LINK: Final = re.compile(r"<\s*([^>\s]+)\s*>\s*((?:;\s*[^;=]+=\s*[^;]+)+)")
_LINK_TYPE: Final = re.compile(r'"?([A-Za-z0-9_./]+)"?')


def links_in(headers: Iterable[tuple[str, str]]) -> list[NexusLink]:
    """Return the links in headers; raise `ValueError` if one is broken."""
    values = [value for name, value in headers if name == LINK_HEADER]
    return [_link(text.strip()) for text in ",".join(values).split(",")] if values else []


def link_headers(given: Iterable[NexusLink]) -> list[tuple[str, str]]:
    """Return links as headers; one that no header can hold explains nothing, and is left out."""
    texts = (f'<{link.url}>; type="{link.type}"' for link in given if ">" not in link.url)
    return [(LINK_HEADER, text) for text in texts if is_header(LINK_HEADER, text)]


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
