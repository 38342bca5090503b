"""What a log line looks like."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from indelible.observability.logs import LogFormat, LogLevel, configure_logs


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    """Logging is the process's own; every test gives it back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("asyncio", "hpack"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def lines(
    level: LogLevel = LogLevel.INFO, format_: LogFormat = LogFormat.JSON
) -> tuple[io.StringIO, structlog.stdlib.BoundLogger]:
    output = io.StringIO()
    configure_logs(level=level, format_=format_, stream=output)
    return output, structlog.get_logger("indelible.test")


def test_json_has_one_object_per_line() -> None:
    output, log = lines()
    log.info("stored", bytes=3, odd={1: b"x"})
    (line,) = map(json.loads, output.getvalue().splitlines())
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "stored",
        "bytes": 3,
        "odd": {"1": "b'x'"},
        "level": "info",
        "logger": "indelible.test",
    }


def test_json_keeps_a_traceback_in_its_line() -> None:
    output, log = lines()
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        log.exception("failed")
    (line,) = map(json.loads, output.getvalue().splitlines())
    assert "ZeroDivisionError" in line["exception"]


def test_text_names_event_level_and_fields() -> None:
    output, log = lines(format_=LogFormat.TEXT)
    log.warning("disk is full", path="x.db")
    assert "warning" in output.getvalue()
    assert "disk is full" in output.getvalue()
    assert "path=x.db" in output.getvalue()
    assert "\x1b" not in output.getvalue()  # no colours but on a terminal


def test_the_standard_librarys_lines_look_alike() -> None:
    output, _ = lines()
    logging.getLogger("other.library").warning("low on %s", "luck", extra={"left": 1})
    (line,) = map(json.loads, output.getvalue().splitlines())
    assert (line["event"], line["logger"], line["left"]) == ("low on luck", "other.library", 1)


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (LogLevel.DEBUG, ["debug", "info", "warning", "error"]),
        (LogLevel.INFO, ["info", "warning", "error"]),
        (LogLevel.WARN, ["warning", "error"]),
        (LogLevel.ERROR, ["error"]),
        (LogLevel.NEVER, []),
    ],
)
def test_levels(level: LogLevel, expected: list[str]) -> None:
    output, log = lines(level)
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    assert [json.loads(line)["level"] for line in output.getvalue().splitlines()] == expected
