"""`make docs`: writes the lists of the page about the official command line.

Owns the form of the lists. What they say comes from the code, and a test compares the two.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from scripts.cli_check.deliberate import DELIBERATE, NOT_BUILT, Deliberate

PAGE: Final = Path(__file__).resolve().parents[2] / "docs/reference/official-cli.md"
_MARK: Final = "<!-- made by `make docs` -->\n"


def renewed(page: str) -> str:
    """Return the page with the lists as they should be."""
    text, mark, _ = page.partition(_MARK)
    lists = [*_section("On purpose", DELIBERATE), *_section("Not built yet", NOT_BUILT)]
    return text + mark + "".join(lists)


def _section(title: str, entries: tuple[Deliberate, ...]) -> Iterator[str]:
    yield f"\n## {title}\n\n"
    for reason, same in groupby(entries, key=lambda one: one.reason):
        where = "; ".join(f"`{one.commands}` at `{one.path}`" for one in same)
        yield f"- {reason}\n  In {where}.\n"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
