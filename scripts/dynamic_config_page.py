"""`make docs`: writes the table of the reference page on dynamic configuration.

Owns the form of the table. What it says comes from the code, and a test compares the two; the text
above it is written by hand.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from indelible.base.limits import DEFAULT_LIMITS
from indelible.server.dynamic_keys import KEYS
from indelible.server.dynamic_kinds import Key

PAGE: Final = Path(__file__).resolve().parents[1] / "docs/reference/dynamic-config.md"
_MARK: Final = "<!-- made by `make docs` -->\n"
_HEAD: Final = """\
| key | default | takes | constraints | what it bounds |
| --- | --- | --- | --- | --- |
"""


def renewed(page: str) -> str:
    """Return the page with the table as it should be."""
    text, mark, _ = page.partition(_MARK)
    return text + mark + _HEAD + "".join(_rows())


def _rows() -> Iterator[str]:
    for key in sorted(KEYS, key=lambda key: key.name.casefold()):
        cells = (f"`{key.name}`", _default(key), key.kind.name, key.scope.value, key.about)
        yield f"| {' | '.join(cells)} |\n"


def _default(key: Key) -> str:
    return key.kind.show(getattr(DEFAULT_LIMITS, key.field))


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
