"""What is done on the UI: each act has a name, and is the same on every server.

Owns the form of an act. What the acts are stands in `pages` and in `drives`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from scripts.ui_check.hand import Hand
from scripts.ui_check.seeding import Seeds

Doing = Callable[[Hand, Seeds], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One line of the table."""

    name: str
    doing: Doing
    expected: tuple[str, ...] = ()
    """Words of what the page says of itself or of the server, and is right to say."""
    is_compared: bool = True
    """Whether the text of the page, at the end, is the same on every server."""


def opens(
    name: str,
    path: Callable[[Seeds], str],
    *,
    expected: tuple[str, ...] = (),
    is_compared: bool = True,
) -> Act:
    """Return the act of opening one page."""

    async def doing(hand: Hand, seeds: Seeds) -> None:
        await hand.open(path(seeds))

    return Act(name=name, doing=doing, expected=expected, is_compared=is_compared)
