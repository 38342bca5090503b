"""From start to stop: signals, background tasks that die, and the end.

Owns the event loop's life. Must not know the parts of a node.
"""

import asyncio
import gc
import signal
from collections.abc import Callable
from typing import Final

import structlog

from indelible.runtime.supervisor import BackgroundTaskError, Supervisor
from indelible.server.config import ServerConfig
from indelible.server.dynamic_config_file import log_unknown_keys
from indelible.server.node import Started, running_node
from indelible.server.refusal import ServerFailedError

_log: Final = structlog.get_logger("indelible.server")
_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_COLLECTION_THRESHOLDS: Final = (10_000, 20, 20)
"""How many objects, net, are made before the collector looks for cycles among them.

A workflow takes thousands of objects, and reference counts free nearly all. With Python's own 700,
most of what a collection looks at belongs to calls under way; that took a tenth of all time.
"""


async def serve(config: ServerConfig, announce: Callable[[Started], None]) -> None:
    """Run a server until SIGTERM or SIGINT; `announce` is called when it serves.

    Raises `StartRefusedError` if it cannot start, and `ServerFailedError` if it had to stop. A
    second signal while it stops ends the process at once, the way the system does it.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)  # asyncio would leave Python's own for SIGINT
        stopping.set()

    def own_process(started: Started) -> None:
        # What exists now lives as long as the process: no collection needs to look at it again.
        gc.freeze()
        gc.set_threshold(*_COLLECTION_THRESHOLDS)
        gc.enable()
        announce(started)

    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stop)
    await serve_until(stopping, config, own_process)


async def serve_until(
    stopping: asyncio.Event, config: ServerConfig, announce: Callable[[Started], None]
) -> None:
    """Run a server in somebody else's process until `stopping`; see `serve` for the rest."""
    log_unknown_keys(config.dynamic_config.unknown_keys)
    async with Supervisor() as supervisor, running_node(config, supervisor) as started:
        announce(started)
        crash = await _first_of(stopping, supervisor)
        _log.info("stopping", reason=str(crash) if crash else "signal")
    if crash is not None:
        raise ServerFailedError(f"stopped: {crash}") from crash


async def _first_of(stopping: asyncio.Event, supervisor: Supervisor) -> BackgroundTaskError | None:
    async with asyncio.TaskGroup() as group:
        crashed = group.create_task(supervisor.crashed())
        stopped = group.create_task(stopping.wait())
        await asyncio.wait((crashed, stopped), return_when=asyncio.FIRST_COMPLETED)
        crashed.cancel()
        stopped.cancel()
    return None if crashed.cancelled() else crashed.result()
