"""Page tokens of histories: opaque to clients, and checked when they come back."""

import msgspec

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import EventId, RunId


class HistoryPageToken(msgspec.Struct, frozen=True, array_like=True):
    """Where the next page of a history begins. It pins the run."""

    run_id: RunId
    first: EventId
    """Of the next page."""
    end: EventId
    """One more than the last event that was there when the reading began."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(HistoryPageToken)


def encode_page_token(token: HistoryPageToken) -> bytes:
    """Return the bytes of a token."""
    return _encoder.encode(token)


def decode_page_token(raw: bytes, run_id: str) -> HistoryPageToken:
    """Return the token in the bytes; `InvalidArgumentError` if there is none, or of another run."""
    try:
        token = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidArgumentError("Invalid NextPageToken.") from error
    if run_id and run_id != token.run_id:
        raise InvalidArgumentError("RunId in the request does not match the NextPageToken.")
    return token
