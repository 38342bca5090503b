"""A whole server inside the process of the tests.

Owns its thread and the event loop in it. It is the product's own node, in memory, on a real port:
only the clocks differ, one for each namespace, and they skip.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Final, TypeVar

from indelible.observability.logs import leave_logs_to_the_process
from indelible.server.config import (
    RETENTION_UNDER_SKIPPED_TIME,
    Port,
    ServerConfig,
    TimeSkipping,
)
from indelible.server.lifecycle import serve_until
from indelible.server.node import Started
from indelible.testing.injection import Injection

_HOST: Final = "127.0.0.1"
_STOP_SECONDS_MAX: Final = 10.0
_Result = TypeVar("_Result")


class TestServer:
    """Serves from `start` to `stop`; both may be called from any thread but its own."""

    __test__ = False  # It is no test, whatever its name makes of pytest.

    def __init__(self) -> None:
        self.injection: Final = Injection()
        """What goes wrong, namespace by namespace."""
        self._thread: Final = threading.Thread(target=self._run, name="indelible", daemon=True)
        self._started: Final[Future[Started]] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def start(self) -> None:
        """Return when it serves. Raises `StartRefusedError` if it cannot."""
        self._thread.start()
        self._started.result()

    def stop(self) -> None:
        """Stop it; it cannot be started again."""
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_STOP_SECONDS_MAX)

    @property
    def address(self) -> str:
        """Return where it listens, as clients write it."""
        return f"{_HOST}:{self._started.result().port}"

    def run(self, work: Coroutine[object, object, _Result], *, seconds_max: float) -> _Result:
        """Run `work` in the server's event loop and return its result, for callers without one.

        Raises `TimeoutError` after `seconds_max`, and what `work` raises.
        """
        if self._loop is None:
            raise RuntimeError("the server has not been started")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds_max)
        except TimeoutError:
            future.cancel()
            raise

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - whoever waits for the start must hear of it
            if not self._started.done():
                self._started.set_exception(error)

    async def _serve(self) -> None:
        leave_logs_to_the_process()
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        config = ServerConfig(
            host=_HOST,
            port=0,
            metrics_port=Port(number=0),
            retention=RETENTION_UNDER_SKIPPED_TIME,
            time_skipping=TimeSkipping(
                is_shared=False, skips_for_waiting_clients=True, intercept=self.injection.intercept
            ),
        )
        async with self.injection:
            await serve_until(self._stopping, config, self._started.set_result)
