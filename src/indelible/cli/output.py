"""What a command prints: JSON for programs, tables and cards for people.

Owns the four forms of output, colours, and the form of lists. It knows nothing of servers; messages
come as JSON values already, but for `message`, which imports what it needs when called.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final, TextIO, TypeAlias

import msgspec

from indelible.cli.values import Json, shown_duration, shown_instant

if TYPE_CHECKING:
    from google.protobuf.message import Message

_Plain: TypeAlias = "str | int | float | bool | datetime | timedelta | None"
Shown: TypeAlias = "_Plain | Mapping[str, object] | Sequence[object]"


class Color(Enum):
    """Colours by what they mean on the reference's command line."""

    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    BLUE = "34"
    MAGENTA = "35"


class Output(msgspec.Struct, kw_only=True):
    """Where results go, and in which form."""

    form: str = "text"
    is_colored: bool = False
    is_short: bool = True
    """Whether payloads are written as plain values where they can be."""
    time_format: str = "relative"
    now: datetime
    stream: TextIO = msgspec.field(default_factory=lambda: sys.stdout)
    _list_length: int | None = None

    @property
    def is_json(self) -> bool:
        """Whether programs read this."""
        return self.form in {"json", "jsonl"}

    @property
    def is_live(self) -> bool:
        """Whether lines may be written over."""
        return self.form == "text" and self.stream.isatty() and os.environ.get("TERM") != "dumb"

    # ------------------------------------------------------------------------------ for programs
    def document(self, value: Json) -> None:
        """Print a JSON value; for people nothing."""
        if not self.is_json:
            return
        if self.form == "jsonl":
            self._write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
            return
        text = json.dumps(value, ensure_ascii=False, indent=2)
        if self._list_length is None:
            self._write(f"{text}\n")
            return
        self._write(",\n" if self._list_length else "\n")
        self._write(text)
        self._list_length += 1

    @contextmanager
    def listing(self) -> Iterator[None]:
        """Make one list of the documents that are printed inside."""
        is_bracketed = self.form == "json"
        if is_bracketed:
            self._list_length = 0
            self._write("[")
        try:
            yield
        finally:
            if is_bracketed:
                self._list_length = None
                self._write("\n]\n")

    def message(self, message: "Message", *, is_short: bool | None = None) -> None:
        """Print a message as JSON; for people nothing."""
        if self.is_json:
            self.document(self.json_of(message, is_short=is_short))

    def json_of(self, message: "Message", *, is_short: bool | None = None) -> Json:
        """Return the JSON form of a message."""
        from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - 0.02 s

        from indelible.wire.http.api.descriptors import descriptor_of  # noqa: PLC0415
        from indelible.wire.http.api.payload_shorthand import ordered, shortened  # noqa: PLC0415

        arranged = shortened if (self.is_short if is_short is None else is_short) else ordered
        value = _whole_numbers(MessageToDict(message))
        return arranged(value, descriptor_of(message))

    # -------------------------------------------------------------------------------- for people
    def say(self, text: str = "") -> None:
        """Print a line."""
        if self.form == "text":
            self._write(f"{text}\n")

    def title(self, text: str) -> None:
        """Print the heading of what follows."""
        self.say(self.colored(text, Color.MAGENTA))

    def colored(self, text: str, color: Color | None) -> str:
        """Return the text in a colour, if colours are wanted."""
        if color is None or not self.is_colored:
            return text
        return f"\x1b[{color.value}m{text}\x1b[0m"

    def card(self, rows: Mapping[str, Shown]) -> None:
        """Print labels with their values; what is empty is left out."""
        shown = {label: text for label, value in rows.items() if (text := self.shown(value))}
        width = max(map(len, shown), default=0)
        self.lines(
            f"  {label:<{width}}  {_indented(value, width + 4)}" for label, value in shown.items()
        )

    def table(
        self, headings: Sequence[str], rows: Iterable[Sequence[Shown]], *, has_head: bool = True
    ) -> None:
        """Print rows in columns."""
        if self.form != "text":
            return
        cells = [[self.shown(value) for value in row] for row in rows]
        widths = [
            max([len(heading), *(_width(row[place]) for row in cells)])
            for place, heading in enumerate(headings)
        ]
        if has_head:
            self.say(self.colored(_row(headings, widths), Color.MAGENTA))
        self.lines(_row(row, widths) for row in cells)

    def record(self, values: Mapping[str, Json], title: str = "") -> None:
        """Print a record in either form."""
        if self.is_json:
            self.document(dict(values))
            return
        if title:
            self.title(title)
        self.card({f"{key[0].upper()}{key[1:]}": value for key, value in values.items()})

    def lines(self, lines: Iterable[str]) -> None:
        """Print lines."""
        for line in lines:
            self.say(line.rstrip())

    def shown(self, value: Shown) -> str:
        """Return the text for a value."""
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, datetime):
            return shown_instant(value, self.time_format, self.now)
        if isinstance(value, timedelta):
            return shown_duration(value)
        if isinstance(value, str | int | float):
            return str(value)
        return json.dumps(value, ensure_ascii=False) if value else ""

    def flush(self) -> None:
        """Let whoever reads see it."""
        self.stream.flush()

    def overwrite(self, lines: Sequence[str], previous_count: int, *, is_last: bool = False) -> int:
        """Print lines in place of as many as were printed before; return how many there are now.

        What will be overwritten must not be wider or higher than the terminal, or the cursor does
        not find its beginning; the last lines are whole.
        """
        up = f"\x1b[{previous_count}A\x1b[J" if previous_count else ""
        shown = list(lines)
        if not is_last:
            size = shutil.get_terminal_size()
            shown = [_cut(line, size.columns) for line in shown[-(size.lines - 1) :]]
        self._write(up + "".join(f"{line}\n" for line in shown))
        self.flush()
        return len(shown)

    def fitting(self, text: str, room_taken: int) -> str:
        """Return a text on one line, and no longer than the rest of a terminal's line."""
        text = " ".join(text.split())
        if not self.is_live:
            return text
        return _cut(text, max(shutil.get_terminal_size().columns - room_taken, 1))

    def _write(self, text: str) -> None:
        if self.form != "none":
            self.stream.write(text)


def _whole_numbers(value: Json) -> Json:
    """Write 2.0 as 2, as everybody else does. Payloads are base64 by now, and stay as they are."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {key: _whole_numbers(inner) for key, inner in value.items()}
    return [_whole_numbers(inner) for inner in value] if isinstance(value, list) else value


_ESCAPE: Final = "\x1b["
_COLORS: Final = re.compile(r"(\x1b\[\d+m)")


def _width(text: str) -> int:
    """How many places a text takes; colours take none."""
    return len(_COLORS.sub("", text))


def _cut(text: str, width: int) -> str:
    """Return as much of a text as fits; colours take no place, and end where they ended."""
    if _width(text) <= width:
        return text
    kept: list[str] = []
    room = width - 1
    for part in _COLORS.split(text):
        if part.startswith(_ESCAPE):
            kept.append(part)
            continue
        kept.append(part[:room])
        if room and len(part) >= room:
            kept.append("…")
        room = max(room - len(part), 0)
    return "".join(kept)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return "  " + "  ".join(padded)


def _indented(text: str, width: int) -> str:
    return text.replace("\n", "\n" + " " * width)


def wants_color(choice: str, form: str, stream: TextIO) -> bool:
    """Return whether colours are wanted: never in JSON, and by themselves on a terminal only."""
    if form != "text" or choice == "never":
        return False
    if choice == "always":
        return True
    # https://no-color.org
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
