# pyright: reportPrivateUsage=false
"""Payloads that only a codec server can read: encoded before they leave, decoded when they come.

Owns the walk through a message and the calls to the codec server. Commands know nothing of it: they
get a client that does both around every request. Search attributes stay as they are, since the
server itself reads them.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from google.protobuf.json_format import MessageToJson, Parse, ParseError
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, Payloads, SearchAttributes
from temporalio.service import ServiceClient, ServiceResponse

from indelible.base.instants import SECOND, Duration
from indelible.cli.values import ValueRefusedError
from indelible.ports.outbound import OutboundError
from indelible.runtime.outbound_http import OutboundHttp

if TYPE_CHECKING:
    from temporalio.service import _BridgeServiceClient

_PATIENCE: Final = Duration(30 * SECOND)
_ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
_CALLS_AT_ONCE_MAX: Final = 16
_TOLD_MAX: Final = 200
_OK: Final = 200


class RemoteCodec:
    """A codec server. To be used in one event loop, and closed in it."""

    def __init__(self, *, endpoint: str, headers: Sequence[tuple[str, str]]) -> None:
        self.endpoint = endpoint
        self.headers = headers
        self._http = OutboundHttp()
        self._gate = asyncio.Semaphore(_CALLS_AT_ONCE_MAX)

    async def encode(self, message: Message) -> None:
        """Encode what is in a message, in place. Raises `ValueRefusedError`."""
        await self._change(message, "encode")

    async def decode(self, message: Message) -> None:
        """Decode what is in a message, in place. Raises `ValueRefusedError`."""
        await self._change(message, "decode")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _change(self, message: Message, verb: str) -> None:
        await asyncio.gather(*(self._replace(unit, verb) for unit in units(message)))

    async def _replace(self, unit: "Payload | Payloads", verb: str) -> None:
        if isinstance(unit, Payloads):
            # The arguments of one call belong together: a codec may make one payload of them.
            unit.CopyFrom(await self._asked(unit, verb))
            return
        answer = await self._asked(Payloads(payloads=[unit]), verb)
        if len(answer.payloads) != 1:
            raise ValueRefusedError(
                f"the codec server at {self.endpoint} made {len(answer.payloads)} payloads of one"
            )
        unit.CopyFrom(answer.payloads[0])

    async def _asked(self, payloads: Payloads, verb: str) -> Payloads:
        async with self._gate:
            try:
                answer = await self._http.post(
                    f"{self.endpoint}/{verb}",
                    headers=[("content-type", "application/json"), *self.headers],
                    body=MessageToJson(payloads, indent=None).encode(),
                    patience=_PATIENCE,
                    answer_bytes_max=_ANSWER_BYTES_MAX,
                )
            except OutboundError as error:
                raise ValueRefusedError(
                    f"the codec server at {self.endpoint} did not answer: {error}"
                ) from None
        if answer.status != _OK:
            said = answer.body[:_TOLD_MAX].decode(errors="replace").strip()
            raise ValueRefusedError(
                f"the codec server at {self.endpoint} cannot {verb} (status {answer.status})"
                + (f": {said}" if said else "")
            )
        try:
            return Parse(answer.body, Payloads(), ignore_unknown_fields=True)
        except (ParseError, UnicodeDecodeError):
            raise ValueRefusedError(
                f"the codec server at {self.endpoint} answered something else than payloads"
            ) from None


def units(message: Message) -> "Iterator[Payload | Payloads]":
    """Yield what is encoded as a whole in a message: lists of payloads, and single ones."""
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        if isinstance(value, Message):
            inner = [value]
        elif descriptor.message_type.GetOptions().map_entry:
            inner = value.values()
        else:
            inner = value
        for one in inner:
            if isinstance(one, Payload | Payloads):
                yield one
            elif isinstance(one, Message) and not isinstance(one, SearchAttributes):
                yield from units(one)


class CodingClient(ServiceClient):
    """A client that encodes what it sends and decodes what it is answered."""

    def __init__(self, inner: ServiceClient, codec: RemoteCodec) -> None:
        super().__init__(inner.config)
        self._inner = inner
        self._codec = codec

    @property
    def worker_service_client(self) -> "_BridgeServiceClient":
        """The client below."""
        return self._inner.worker_service_client

    def update_rpc_metadata(self, metadata: Mapping[str, str | bytes]) -> None:
        """Change the headers of later requests."""
        self._inner.update_rpc_metadata(metadata)

    def update_api_key(self, api_key: str | None) -> None:
        """Change the key of later requests."""
        self._inner.update_api_key(api_key)

    async def _rpc_call(
        self,
        rpc: str,
        req: Message,
        resp_type: type[ServiceResponse],
        *,
        service: str,
        retry: bool,
        metadata: Mapping[str, str | bytes],
        timeout: timedelta | None,  # noqa: ASYNC109 - the SDK's signature
    ) -> ServiceResponse:
        # A command may send its request again, and what is encoded twice nobody decodes.
        sent = type(req)()
        sent.CopyFrom(req)
        await self._codec.encode(sent)
        answer = await self._inner._rpc_call(  # noqa: SLF001 - the one seam that there is
            rpc,
            sent,
            resp_type,
            service=service,
            retry=retry,
            metadata=metadata,
            timeout=timeout,
        )
        await self._codec.decode(answer)
        return answer
