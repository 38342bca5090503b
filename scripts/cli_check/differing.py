"""Compares two values in normal form, field by field.

Owns what a difference is. Must not know which of them is meant.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from scripts.cli_check.normal import Json

_SHOWN_MAX: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place where the two answers are not the same."""

    path: str
    """Where: `exit`, `error`, or the fields from the root of the output, with `*` in lists."""
    ours: str
    theirs: str

    def __str__(self) -> str:
        return f"{self.path}: ours {self.ours}, reference {self.theirs}"


def differences(ours: Json, theirs: Json, path: str = "") -> Iterator[Difference]:
    """Yield the innermost differences."""
    match ours, theirs:
        case dict(), dict():
            for key in dict.fromkeys((*theirs, *ours)):
                inner = f"{path}/{key}"
                if key not in ours or key not in theirs:
                    yield Difference(
                        path=inner,
                        ours=_shown(ours[key]) if key in ours else "nothing",
                        theirs=_shown(theirs[key]) if key in theirs else "nothing",
                    )
                else:
                    yield from differences(ours[key], theirs[key], inner)
        case list(), list() if len(ours) == len(theirs):
            for one, other in zip(ours, theirs, strict=True):
                yield from differences(one, other, f"{path}/*")
        case _:
            if ours != theirs or isinstance(ours, bool) != isinstance(theirs, bool):
                yield Difference(path=path or "/", ours=_shown(ours), theirs=_shown(theirs))


def _shown(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."
