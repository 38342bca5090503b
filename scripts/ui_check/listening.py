"""What a page says on its console and asks of the network.

Owns what counts as an error, and what an error is called on every server. Must not know the pages.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

# The UI's own, against any server.
_HARMLESS: Final = ("net::ERR_NAME_NOT_RESOLVED", "net::ERR_INTERNET_DISCONNECTED")
# Chromium repeats on the console what the network has told already.
_REPEATED: Final = "Failed to load resource"
# Of histories, and of activities and Nexus operations without a workflow.
_LONG_POLLS: Final = ("waitNewEvent=true", "longPollToken=")
_CHANCE: Final = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"(http://)?(127\.0\.0\.1|localhost):\d+"), "<server>"),
    # Names of the UI's own files carry a digest.
    (re.compile(r"/_app/\S+"), "<script>"),
)


@dataclass(slots=True)
class Heard:
    """What was said and asked since this began to listen."""

    errors: set[str] = field(default_factory=set[str])
    """Of the console."""
    refused: set[str] = field(default_factory=set[str])
    """Answers of the network from status 400 on."""
    calls: set[str] = field(default_factory=set[str])
    last_at: float = 0
    _under_way: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is still to come; a long poll is not waited for."""
        urls = self._under_way.values()
        return not all(any(mark in url for mark in _LONG_POLLS) for url in urls)

    def listen(self, method: str, params: dict[str, Any]) -> None:
        """Take in one event of Chromium."""
        now = asyncio.get_running_loop().time()
        if method == "Network.requestWillBeSent":
            request = params["request"]
            self._under_way[params["requestId"]] = f"{request['method']} {request['url']}"
            self.last_at = now
        elif method in {"Network.loadingFinished", "Network.loadingFailed"}:
            self._under_way.pop(params["requestId"], None)
            self.last_at = now
        elif method == "Network.responseReceived":
            self._response(params["requestId"], params["response"])
        elif method == "Runtime.exceptionThrown":
            self._error(_exception_text(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in {"error", "assert"}:
            words = [str(one.get("value", one.get("description"))) for one in params["args"]]
            self._error(" ".join(words))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self._error(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    def _error(self, text: str) -> None:
        if not any(one in text for one in (*_HARMLESS, _REPEATED)):
            self.errors.add(_nameless(text))

    def _response(self, request_id: str, response: Mapping[str, Any]) -> None:
        url = urlsplit(response["url"])
        verb = self._under_way.get(request_id, "GET").partition(" ")[0]
        call = f"{verb} {_nameless(unquote(url.path))}"
        if url.path.startswith("/api/"):
            self.calls.add(call)
        if response["status"] >= 400:
            self.refused.add(f"{response['status']} {call}")


def _exception_text(details: Mapping[str, Any]) -> str:
    return str(details.get("exception", {}).get("description", details["text"]))


def _nameless(text: str) -> str:
    for pattern, name in _CHANCE:
        text = pattern.sub(name, text)
    return text
