"""Facts, and predicates about them.

Owns the seam between whoever reads the text of a predicate and whoever knows the facts. Must not
know what they are about.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

Fact = str | int | None
"""What is known under a name; None if nothing is, and then no condition holds."""


class Facts(Protocol):
    """Facts by name; a predicate looks at those that its text names."""

    def __getitem__(self, name: str, /) -> Fact:
        """Return what is known under a name of which the predicate was told."""
        ...


Predicate = Callable[[Facts], bool]


class FactKind(Enum):
    """What may be asked of a fact."""

    TEXT = auto()
    STATE = auto()
    """A word of a few."""
    NUMBER = auto()
    TIME = auto()


def never(_facts: Facts) -> bool:
    """The predicate that nothing meets."""
    return False


def always(_facts: Facts) -> bool:
    """The predicate that everything meets."""
    return True
