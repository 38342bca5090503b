"""How a simulated client calls: patiently, and again when nobody knows what became of a request.

Owns which refusals are ordinary. Must not know what a request means.
"""

from collections.abc import Collection
from random import Random
from typing import Final, TypeVar

from google.protobuf.message import Message

from indelible.base.errors import StatusCode
from indelible.base.instants import SECOND, Duration
from simulation.checkers.promises import Promise
from simulation.world.network import Caller, RpcError
from simulation.world.world import World

TIMEOUT: Final = Duration(4 * SECOND)
ATTEMPTS_MAX: Final = 8
EXPECTED: Final = frozenset(
    {
        StatusCode.NOT_FOUND,
        StatusCode.ALREADY_EXISTS,
        StatusCode.FAILED_PRECONDITION,
        StatusCode.RESOURCE_EXHAUSTED,
    }
)
"""What may become of any request in a world where everything changes all the time."""
M = TypeVar("M", bound=Message)


class Calls:
    """The calls of one client."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.chance: Random = world.stream(f"calls/{name}")
        self._world = world
        self._caller = Caller(name)
        self._request_count = 0

    def request_id(self) -> str:
        """Return an id for the next request."""
        self._request_count += 1
        return f"{self.name}-{self._request_count}"

    async def ask(
        self,
        request: Message,
        response_type: type[M],
        promise: Promise | None = None,
        *,
        patience: Duration = TIMEOUT,
        attempts: int = 2,
        also_expected: Collection[StatusCode] = (),
    ) -> M | None:
        """Call, repeat while nobody knows what became of it; None for a refusal.

        The name of the request's type says which method is meant.
        """
        method = type(request).__name__.removesuffix("Request")
        for _ in range(ATTEMPTS_MAX if promise is not None else attempts):
            try:
                response = await self._world.call(
                    self._caller, method, request, response_type, patience=patience
                )
            except RpcError as error:
                if error.is_vague:
                    if promise is not None:
                        promise.vague_count += 1
                    await self._world.pause(Duration(int(self.chance.random() * SECOND)))
                    continue
                if promise is not None:
                    promise.refused_count += 1
                if error.code not in EXPECTED and error.code not in also_expected:
                    self._world.accuse("answers", f"{method} was answered {error}")
                return None
            if promise is not None:
                promise.ok_count += 1
                promise.ok_at = self._world.now
            return response
        return None
