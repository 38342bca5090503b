"""Runs a server for a command: flags to configuration, what the terminal shows, the exit code.

Owns the reading of the flags' values and the words of the start-up message. Importing this module
imports the whole server.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import structlog
from msgspec.structs import replace

from indelible import __version__
from indelible.base.instants import DAY, Duration
from indelible.base.limits import DEFAULT_LIMITS
from indelible.engine.visibility.search_attributes import TYPE_NAMES, is_reserved
from indelible.observability.logs import LogFormat, LogLevel, configure_logs
from indelible.server.config import (
    DATABASE_NAME,
    METRICS_PORT_DEFAULT,
    NAMESPACE_DEFAULT,
    RETENTION_UNDER_SKIPPED_TIME,
    Durability,
    Port,
    ServerConfig,
    TimeSkipping,
)
from indelible.server.data_folder import default_data_folder, ensure_data_folder
from indelible.server.dynamic_config import DynamicConfig, parse_assignments
from indelible.server.lifecycle import serve
from indelible.server.node import Started
from indelible.server.refusal import ServerFailedError, StartRefusedError

FAILURE: Final = 1
_log: Final = structlog.get_logger("indelible.cli")
_TYPES: Final = {name.casefold(): number for number, name in TYPE_NAMES.items()}
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
# The reference's dev server keeps closed runs for a day, so its users expect them to go.
_DEV_RETENTION: Final[Duration] = DAY
# So does it allow more lists and counts per second; and SDKs start it to skip time.
_DEV_LIMITS: Final = replace(DEFAULT_LIMITS, visibility_requests_per_second=100, time_skipping=True)
_DYNAMIC_CONFIG_VARIABLE: Final = "DYNAMIC_CONFIG_FILE_PATH"


def run_server(parsed: argparse.Namespace, *, is_development: bool) -> int:
    """Run a server until it is told to stop, and return the exit code of the process."""
    configure_logs(level=LogLevel(parsed.log_level), format_=LogFormat(parsed.log_format))
    try:
        config = dev_config(parsed) if is_development else durable_config(parsed)
        if parsed.log_config:
            print(_shown(config), file=sys.stderr)
        announce = partial(_announce, parsed=parsed, is_development=is_development)
        asyncio.run(serve(config, announce))
    except (StartRefusedError, ServerFailedError) as error:
        print(f"indelible: {error}", file=sys.stderr)
        return FAILURE
    return 0


def run_test_server(parsed: argparse.Namespace) -> int:
    """Run a server that skips time until it is told to stop, and return the exit code."""
    configure_logs(level=LogLevel(parsed.log_level), format_=LogFormat.TEXT)
    try:
        asyncio.run(serve(test_config(parsed), _announce_test_server))
    except (StartRefusedError, ServerFailedError) as error:
        print(f"indelible-test-server: {error}", file=sys.stderr)
        return FAILURE
    return 0


# ---------------------------------------------------------------------------- configuration
def durable_config(parsed: argparse.Namespace) -> ServerConfig:
    """Return what the flags of `server start` ask for. Raises `StartRefusedError`."""
    folder: Path = parsed.data or default_data_folder(os.environ)
    return ServerConfig(
        host=parsed.ip,
        port=parsed.port,
        http_port=parsed.http_port,
        metrics_port=_metrics_port(parsed, Port(number=METRICS_PORT_DEFAULT, may_move=True)),
        database=ensure_data_folder(folder) / DATABASE_NAME,
        durability=Durability(parsed.durability),
        namespaces=_namespaces(parsed.namespace),
        search_attributes=_search_attributes(parsed.search_attribute),
        dynamic_config=DynamicConfig(parse_assignments(parsed.dynamic_config_value)),
        dynamic_config_file=_dynamic_config_file(parsed),
    )


def dev_config(parsed: argparse.Namespace) -> ServerConfig:
    """Return what the flags of `server start-dev` ask for. Raises `StartRefusedError`."""
    return ServerConfig(
        host=parsed.ip,
        port=parsed.port,
        http_port=parsed.http_port,
        metrics_port=_metrics_port(parsed, Port(number=0)),
        database=parsed.db_filename,
        durability=_durability(parsed.sqlite_pragma),
        namespaces=_namespaces(parsed.namespace),
        retention=_DEV_RETENTION,
        search_attributes=_search_attributes(parsed.search_attribute),
        dynamic_config=DynamicConfig(
            parse_assignments(parsed.dynamic_config_value), defaults=_DEV_LIMITS
        ),
        dynamic_config_file=_dynamic_config_file(parsed),
    )


def test_config(parsed: argparse.Namespace) -> ServerConfig:
    """Return what the flags of the test server ask for. Raises `StartRefusedError`."""
    return ServerConfig(
        host=parsed.ip,
        port=parsed.port,
        metrics_port=Port(number=0),
        namespaces=_namespaces(parsed.namespace),
        retention=RETENTION_UNDER_SKIPPED_TIME,
        search_attributes=_search_attributes(parsed.search_attribute),
        time_skipping=TimeSkipping(
            is_locked=not parsed.enable_time_skipping, is_shared=not parsed.clock_per_namespace
        ),
        dynamic_config=DynamicConfig(
            parse_assignments(parsed.dynamic_config_value), defaults=_DEV_LIMITS
        ),
    )


def _dynamic_config_file(parsed: argparse.Namespace) -> Path | None:
    named = os.environ.get(_DYNAMIC_CONFIG_VARIABLE, "")
    return parsed.dynamic_config_file or (Path(named) if named else None)


def _metrics_port(parsed: argparse.Namespace, default: Port) -> Port:
    return default if parsed.metrics_port is None else Port(number=parsed.metrics_port)


def _namespaces(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((NAMESPACE_DEFAULT, *names)))


def _pairs(words: Iterable[str], *, flag: str) -> Mapping[str, str]:
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise StartRefusedError(f'{flag} takes NAME=VALUE, not "{word}"')
        pairs[name] = value
    return pairs


def _search_attributes(words: Iterable[str]) -> Mapping[str, int]:
    attributes: dict[str, int] = {}
    for name, type_name in _pairs(words, flag="--search-attribute").items():
        number = _TYPES.get(type_name.casefold())
        if number is None:
            raise StartRefusedError(
                f'"{type_name}" is no type of a search attribute; the types are'
                f" {', '.join(sorted(TYPE_NAMES.values()))}"
            )
        if is_reserved(name):
            raise StartRefusedError(f'the search attribute name "{name}" is reserved')
        attributes[name] = number
    return attributes


def _durability(pragmas: Iterable[str]) -> Durability:
    durability = Durability.FULL
    for name, value in _pairs(pragmas, flag="--sqlite-pragma").items():
        if name.casefold() == "synchronous":
            is_full = value.casefold() in {"full", "extra", "2", "3"}
            durability = Durability.FULL if is_full else Durability.NORMAL
        else:
            _log.warning("SQLite pragma ignored: this store sets its own", pragma=name)
    return durability


def _shown(config: ServerConfig) -> str:
    return "\n".join(f"{name}: {getattr(config, name)}" for name in config.__struct_fields__)


# ---------------------------------------------------------------------------- the terminal
def _announce(started: Started, *, parsed: argparse.Namespace, is_development: bool) -> None:
    kind = "development server" if is_development else "server"
    print(f"Indelible {__version__} {kind}")
    for label, text in _facts(started):
        print(f"{label + ':':<10} {text}")
    if is_development and not parsed.headless:
        print(f"{'Web UI:':<10} comes with a later version; the official one works meanwhile")
    sys.stdout.flush()  # Whoever started us through a pipe waits for these lines.


def _announce_test_server(started: Started) -> None:
    print(f"Indelible {__version__} test server")
    print(f"{'Server:':<10} {_friendly(started.host)}:{started.port}")
    sys.stdout.flush()


def _facts(started: Started) -> Iterable[tuple[str, str]]:
    store = started.store
    host = _friendly(started.host)
    yield "Server", f"{host}:{started.port}"
    if store.kind == "memory":
        yield "Data", "in memory; it ends with the server (--db-filename FILE keeps it)"
    else:
        yield "Data", store.location
        yield "Schema", f"version {store.schema_version}"
        yield "Durability", _durability_text(store.durability)
    yield "Shards", str(store.shard_count)
    yield "Open", f"{started.open_execution_count} executions"
    if started.http_port is not None:
        yield "HTTP", f"http://{host}:{started.http_port}/api/v1"
    yield "Metrics", f"http://{host}:{started.metrics_port}/metrics"


def _durability_text(durability: str) -> str:
    if durability == Durability.FULL:
        return "full: what is acknowledged survives a power failure"
    return f"{durability}: a power failure may take the last moments"


def _friendly(host: str) -> str:
    if host in _LOOPBACK:
        return "localhost"
    return f"[{host}]" if ":" in host else host
