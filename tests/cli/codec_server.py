"""A codec server, as users have one: it turns the bytes of payloads around.

Owns the listener, in threads of its own, and notes who asked for what.
"""

import json
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from temporalio.api.common.v1 import Payload

ENCODING: Final = b"binary/turned"


class CodecServer(ThreadingHTTPServer):
    """Answers `encode` and `decode`, and whatever it is told to answer instead."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.instead: tuple[int, bytes] | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a client hang up that has got an answer which it does not like."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Asked(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, CodecServer)
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        server.asked.append((self.path, headers))
        status, answer = server.instead or (200, _turned(self.path, json.loads(body)))
        self.send_response(status)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def _turned(path: str, asked: dict[str, Any]) -> bytes:
    turn = _encoded if path.endswith("/encode") else _decoded
    return json.dumps({"payloads": [turn(one) for one in asked.get("payloads", ())]}).encode()


def _encoded(payload: dict[str, Any]) -> dict[str, Any]:
    inner = Payload(
        metadata={key: b64decode(value) for key, value in payload["metadata"].items()},
        data=b64decode(payload.get("data", "")),
    )
    return {
        "metadata": {"encoding": b64encode(ENCODING).decode()},
        "data": b64encode(inner.SerializeToString()[::-1]).decode(),
    }


def _decoded(payload: dict[str, Any]) -> dict[str, Any]:
    if b64decode(payload.get("metadata", {}).get("encoding", "")) != ENCODING:
        return payload
    inner = Payload.FromString(b64decode(payload["data"])[::-1])
    return {
        "metadata": {key: b64encode(value).decode() for key, value in inner.metadata.items()},
        "data": b64encode(inner.data).decode(),
    }


@contextmanager
def codec_server() -> Iterator[CodecServer]:
    """A codec server, as long as the block lasts."""
    with CodecServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
