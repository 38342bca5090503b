"""Calls to elsewhere: handlers of Nexus operations and callbacks that have a URL."""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from indelible.base.instants import Duration


class OutboundResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered, whole."""

    status: int
    headers: Sequence[tuple[str, str]]
    """With lower-case names."""
    body: bytes

    def header(self, name: str) -> str:
        """Return the first value of a header, by its lower-case name."""
        return next((value for key, value in self.headers if key == name), "")


class OutboundError(Exception):
    """There was no answer, or none that can be understood; a later call may have one."""


class AnswerTooLargeError(OutboundError):
    """The answer is longer than the caller takes."""


class Outbound(Protocol):
    """Makes calls over HTTP. Redirections are answers like others."""

    async def post(
        self,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        patience: Duration,
        answer_bytes_max: int,
    ) -> OutboundResponse:
        """Send a request and return what it was answered; raise `OutboundError` without answer."""
        ...


class NothingOutside:
    """For a node that is alone in the world, as in simulation."""

    async def post(
        self,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],  # noqa: ARG002
        body: bytes,  # noqa: ARG002
        patience: Duration,  # noqa: ARG002
        answer_bytes_max: int,  # noqa: ARG002
    ) -> OutboundResponse:
        """Reach nobody."""
        raise OutboundError(f"{url} cannot be reached from here")


NOTHING_OUTSIDE: Final = NothingOutside()
