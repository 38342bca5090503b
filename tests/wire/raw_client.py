"""A client that sends bytes as they are, over a real socket.

Owns the socket and the reading of frames. It must not know what a test sends.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from hpack import Decoder, Encoder

from indelible.wire.calls.methods import WORKFLOW_SERVICE
from indelible.wire.grpc.messages import framed
from indelible.wire.http2.bounds import FRAME_BYTES_MAX
from indelible.wire.http2.frames import (
    DATA,
    END_STREAM,
    GOAWAY,
    HEADER,
    HEADERS,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    STREAM_MASK,
    ErrorCode,
    frame,
    header_frames,
)

SECONDS_MAX = 5.0


class RawClient:
    """One connection. Answers come back as what they are: headers, body, trailers, or an end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.encoder = Encoder()
        self.decoder = Decoder()
        self.stream = -1

    def send(self, *frames: bytes) -> None:
        self.writer.write(b"".join(frames))

    def open(self, method: str, *, more: dict[str, str] | None = None, ends: bool = False) -> int:
        """Send the headers of a call; `more` replaces or adds fields, and an empty one drops it."""
        self.stream += 2
        fields = {
            ":method": "POST",
            ":scheme": "http",
            ":path": method if "/" in method else f"/{WORKFLOW_SERVICE.name}/{method}",
            ":authority": "localhost",
            "te": "trailers",
            "content-type": "application/grpc",
            **(more or {}),
        }
        block = self.encoder.encode(
            [(name, value) for name, value in fields.items() if value], huffman=False
        )
        self.send(header_frames(self.stream, block, ends_stream=ends, bytes_max=FRAME_BYTES_MAX))
        return self.stream

    def call(self, method: str, message: bytes = b"", **more: str) -> int:
        """Send a whole call; words become headers, with dashes for their underscores."""
        fields = {name.replace("_", "-"): value for name, value in more.items()}
        stream = self.open(method, more=fields)
        self.send(frame(DATA, END_STREAM, stream, framed(message)))
        return stream

    async def frame(self) -> tuple[int, int, int, bytes]:
        """The next frame: type, flags, stream, payload."""
        async with asyncio.timeout(SECONDS_MAX):
            header = await self.reader.readexactly(HEADER.size)
            high, low, kind, flags, stream = HEADER.unpack(header)
            payload = await self.reader.readexactly(high << 8 | low)
        return kind, flags, stream & STREAM_MASK, payload

    async def answer(self, stream: int) -> dict[str, str]:
        """All fields of an answer, and its body under "body"; a reset under "reset"."""
        found: dict[str, str] = {}
        body = b""
        while True:
            kind, flags, of_stream, payload = await self.frame()
            if kind == GOAWAY:
                return found | {"goaway": ErrorCode(int.from_bytes(payload[4:8])).name}
            if of_stream == stream:
                if kind == HEADERS:
                    found |= {str(name): str(value) for name, value in self.decoder.decode(payload)}
                elif kind == DATA:
                    body += payload
                elif kind == RST_STREAM:
                    return found | {"reset": ErrorCode(int.from_bytes(payload)).name}
                if flags & END_STREAM and kind != RST_STREAM:
                    return found | {"body": body.decode("latin-1")}

    async def is_closed(self) -> bool:
        """Whether the other side closes; what it still says is read and dropped."""
        async with asyncio.timeout(SECONDS_MAX):
            while await self.reader.read(65_536):
                pass
        return True


@asynccontextmanager
async def raw_client(port: int, host: str = "127.0.0.1") -> AsyncIterator[RawClient]:
    """Connect and introduce ourselves."""
    reader, writer = await asyncio.open_connection(host, port)
    client = RawClient(reader, writer)
    client.send(PREFACE, frame(SETTINGS, 0, 0))
    try:
        yield client
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
