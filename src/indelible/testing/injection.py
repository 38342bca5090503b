"""The seam where faults are injected: between callers and services, namespace by namespace.

Owns which requests pass through whose plan, and the lifetime of what a fault leaves to be done
later. What a fault does stands in `fault_effects`.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from types import TracebackType
from typing import Final, Self

import msgspec
from google.protobuf.message import Message

from indelible.ports.clock import SkippingClock
from indelible.ports.rpc import Call, Handler, Handlers
from indelible.testing.fault_effects import FaultEffects
from indelible.testing.faults import Faults

_SERVICE: Final = "temporal.api.workflowservice.v1.WorkflowService"


class Injection:
    """All plans of one server. `open` may be called from any thread, `close` in its event loop."""

    def __init__(self) -> None:
        self._faults: Final[dict[str, Faults]] = {}
        self._effects: Final[dict[str, FaultEffects]] = {}
        self._group: Final = asyncio.TaskGroup()
        self._tasks: Final[dict[str, set[asyncio.Task[None]]]] = {}

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for namespace in tuple(self._tasks):
            self.close(namespace)
        await self._group.__aexit__(kind, error, traceback)

    def open(self, namespace: str, faults: Faults) -> None:
        """Let things go wrong in a namespace from now on."""
        self._faults[namespace] = faults

    def close(self, namespace: str) -> None:
        """Forget a namespace, and what was still to be done there: it would keep the clock."""
        self._faults.pop(namespace, None)
        self._effects.pop(namespace, None)
        for task in tuple(self._tasks.pop(namespace, ())):
            task.cancel()

    def intercept(self, handlers: Handlers, clock_of: Callable[[str], SkippingClock]) -> Handlers:
        """Return the handlers, with the plans in front of those that faults can be about."""

        async def ask(request: Message, call: Call) -> Message:
            method = request.DESCRIPTOR.name.removesuffix("Request")
            handler = handlers[_SERVICE, method]
            return await handler(request, msgspec.structs.replace(call, method=method))

        def effects_of(request: Message) -> FaultEffects | None:
            namespace: str = getattr(request, "namespace", "")
            effects = self._effects.get(namespace)
            if effects is None and (faults := self._faults.get(namespace)) is not None:
                spawn = partial(self._start, namespace)
                effects = FaultEffects(faults, ask, clock_of(namespace), spawn)
                self._effects[namespace] = effects
            return effects

        def around(handler: Handler) -> Handler:
            async def answer(request: Message, call: Call) -> Message:
                effects = effects_of(request)
                if effects is None:
                    return await handler(request, call)
                return await effects.answer(request, call)

            return answer

        return {
            key: around(handler) if key in _SUBJECT_TO_FAULTS else handler
            for key, handler in handlers.items()
        }

    def _start(self, namespace: str, work: Coroutine[object, object, None]) -> None:
        task = self._group.create_task(work)
        tasks = self._tasks.setdefault(namespace, set())
        tasks.add(task)
        task.add_done_callback(tasks.discard)


_SUBJECT_TO_FAULTS: Final = frozenset((_SERVICE, method) for method in FaultEffects.METHODS)
