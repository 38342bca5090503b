"""Structured logs: text for terminals, JSON for collectors.

Owns the format, the level and the stream. Everybody else asks structlog (or the standard library,
as asyncio and hpack do) for a logger and says what happened. Nothing is logged per good request.
"""

import logging
import sys
from enum import StrEnum
from typing import Final, TextIO

import structlog
from structlog.typing import Processor


class LogFormat(StrEnum):
    """How a log line looks."""

    TEXT = "text"
    JSON = "json"
    PRETTY = "pretty"
    """What the reference calls its text format in older versions."""


class LogLevel(StrEnum):
    """From which severity on a line is written."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    NEVER = "never"


_LEVELS: Final[dict[LogLevel, int]] = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARN: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
    LogLevel.NEVER: logging.CRITICAL + 1,
}

# They tell of selectors and header blocks at levels that mean nothing to an operator.
_QUIET_LOGGERS: Final = ("asyncio", "hpack")


def configure_logs(*, level: LogLevel, format_: LogFormat, stream: TextIO | None = None) -> None:
    """Send all logs of the process to `stream` (standard error if None)."""
    output = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *_renderers(format_, is_terminal=output.isatty()),
        ],
    )
    output_handler = logging.StreamHandler(output)
    output_handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [output_handler]
    root.setLevel(_LEVELS[level])
    for name in _QUIET_LOGGERS:
        logging.getLogger(name).setLevel(max(_LEVELS[level], logging.WARNING))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared[:-1],
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def leave_logs_to_the_process() -> None:
    """Hand log lines to the standard library's logging, whose handlers are somebody else's.

    For a server inside another program; a program that has configured structlog keeps its own way.
    """
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _renderers(format_: LogFormat, *, is_terminal: bool) -> list[Processor]:
    if format_ is LogFormat.JSON:
        return [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=is_terminal, exception_formatter=structlog.dev.plain_traceback
        )
    ]
