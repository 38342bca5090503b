"""Commits that are ready, and may share a transaction.

Owns what follows a commit, whatever it is about: it is told, or, if its outcome is unknown, whoever
took part in it looks into the store again.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import NamedTuple, Protocol

from indelible.ports.stores import Commit
from indelible.services.history.uninterrupted import finish


class Prepared(NamedTuple):
    """A commit, and its consequences. Whoever prepared it holds the lock of its chain."""

    commit: Commit
    publish: Callable[[], None]
    """Tells whom it concerns that it is durable."""
    forget: Callable[[], None]
    """Drops what memory knows: nobody knows whether it is durable."""


class Write(Protocol):
    """Writes commits, all or none of them."""

    def __call__(self, *commits: Commit) -> Coroutine[object, object, None]:
        """Raise `UnavailableError` if it is not known that everything is stored."""
        ...


async def commit_prepared(write: Write, prepared: Sequence[Prepared]) -> None:
    """Commit everything together, and draw the consequences; a cancellation waits for them."""
    try:
        cancellation = await finish(write(*[one.commit for one in prepared]))
    except BaseException:
        for one in prepared:
            one.forget()
        raise
    for one in prepared:
        one.publish()
    if cancellation is not None:
        raise cancellation
