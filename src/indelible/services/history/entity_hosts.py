"""The entities of one kind in all shards, for those who look for one or wait for news of it.

Owns the way to the shard of an id, the long polls, and the token by which a client says what it has
seen. Must not know what an entity is about.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import msgspec

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import ChainKey
from indelible.base.instants import SECOND, Duration, Instant, after
from indelible.base.limits import LONG_POLL_MARGIN_SECONDS, LONG_POLL_SECONDS_MAX
from indelible.ports.clock import Clocks
from indelible.ports.rpc import Call
from indelible.services.history.entities import Entities, EntityEntry, EntityKind
from indelible.services.history.shards import Shards

S = TypeVar("S")
T = TypeVar("T")


class LongPollToken(msgspec.Struct, frozen=True, array_like=True):
    """What a client has seen of an entity."""

    run_id: str
    transition_count: int

    def is_news(self, run_id: str, transition_count: int) -> bool:
        """Whether there is more to see; `InvalidArgumentError` if another run was seen."""
        if self.run_id != run_id:
            raise _other_run()
        return self.transition_count < transition_count


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(LongPollToken)


def encode_long_poll_token(token: LongPollToken) -> bytes:
    """Return the form in which a client keeps a token."""
    return _encoder.encode(token)


def decode_long_poll_token(blob: bytes, *, run_id: str) -> LongPollToken | None:
    """Return what the client has seen of a run; None if it does not say.

    Raises `InvalidArgumentError` for a token that is none of ours, or of another run.
    """
    if not blob:
        return None
    try:
        token = _decoder.decode(blob)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidArgumentError("invalid long poll token") from error
    if token.run_id != run_id:
        raise _other_run()
    return token


def _other_run() -> InvalidArgumentError:
    return InvalidArgumentError("long poll token does not match execution")


class EntityHosts(Generic[S]):
    """Finds the entities of one kind, wherever they are."""

    def __init__(
        self,
        shards: Shards,
        clocks: Clocks,
        kind: EntityKind[S],
        absent: Callable[[str], Exception],
    ) -> None:
        self._shards = shards
        self._clocks = clocks
        self._kind = kind
        self._absent = absent
        """Makes the refusal for an id that no entity has."""
        self._hosts: dict[int, Entities[S]] = {}

    def of(self, chain: ChainKey) -> Entities[S]:
        """Return the entities of the shard to which an id belongs."""
        shard = self._shards.of(chain)
        host = self._hosts.get(shard.shard_id)
        if host is None:
            host = self._hosts[shard.shard_id] = Entities(shard, self._kind)
        return host

    @asynccontextmanager
    async def hold(self, chain: ChainKey, run_id: str) -> AsyncGenerator[EntityEntry[S]]:
        """Hold a chain's lock and give its named or current run; raise the refusal without one."""
        async with self.of(chain).hold(
            chain, run_id, lambda: self._absent(chain.workflow_id)
        ) as entry:
            yield entry

    async def await_answer(
        self, chain: ChainKey, run_id: str, call: Call, answer: Callable[[S], T | None]
    ) -> T | None:
        """Return an answer as soon as the state has one; None if the time is over before."""
        give_up_at = self._give_up_at(call)
        has_changed = True
        while has_changed:
            async with self.hold(chain, run_id) as entry:
                found = answer(entry.state)
                if found is not None:
                    return found
                key = entry.key
                watch = self._shards.watchers.watch(key)
            run_id = key.run_id  # A later run of the same id is not what was asked for.
            has_changed = await self._shards.watchers.outcome(key, watch, until=give_up_at)
        return None

    def _give_up_at(self, call: Call) -> Instant:
        now = self._clocks.node.now()
        longest = after(now, Duration(LONG_POLL_SECONDS_MAX * SECOND))
        if call.deadline is None:
            return longest
        return min(longest, after(call.deadline, Duration(-LONG_POLL_MARGIN_SECONDS * SECOND)))
