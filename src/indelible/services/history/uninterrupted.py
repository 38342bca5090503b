"""Waiting that a cancelled caller cannot break off.

A client that goes away cancels its handler. A commit under way is then neither undone nor to be
forgotten: its tasks must still be dispatched. So the wait goes on, and the cancellation is told
afterwards.
"""

import asyncio
from collections.abc import Coroutine


async def finish(work: Coroutine[object, object, None]) -> asyncio.CancelledError | None:
    """Await `work` to its end, whatever happens to the caller; raise what it raises.

    Returns the cancellation that came meanwhile, for the caller to raise when it has drawn the
    consequences.
    """
    task = asyncio.ensure_future(work)  # noqa: TID251  # awaited right here, to its end
    cancellation: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancellation = error
    task.result()
    return cancellation
