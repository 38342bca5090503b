"""Somebody who is called over HTTP, without any network."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from indelible.base.instants import Duration
from indelible.ports.outbound import OutboundError, OutboundResponse


@dataclass
class Elsewhere:
    """Answers every call with one answer, and remembers it."""

    answer: OutboundResponse | OutboundError
    asked: list[tuple[str, dict[str, str], bytes]] = field(
        default_factory=list[tuple[str, dict[str, str], bytes]]
    )

    async def post(
        self,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        patience: Duration,
        answer_bytes_max: int,
    ) -> OutboundResponse:
        self.asked.append((url, dict(headers), body))
        if isinstance(self.answer, OutboundError):
            raise self.answer
        return self.answer


def answered(status: int, body: bytes = b"", **headers: str) -> Elsewhere:
    given = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Elsewhere(OutboundResponse(status=status, headers=given, body=body))
