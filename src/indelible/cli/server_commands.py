"""`indelible server start` and `indelible server start-dev`.

Owns the flags of both and their way into a `ServerConfig`. The dev server takes every flag of the
reference's dev server, because SDKs pass them. Its imports are light: the server itself is imported
by the command that runs it.
"""

import argparse
import gc
from pathlib import Path
from typing import Final

from indelible.cli.commands import (
    Commands,
    add_command,
    add_flag,
    add_repeatable,
    port_number,
)

_LEVELS: Final = ("debug", "info", "warn", "error", "never")
_FORMATS: Final = ("text", "json", "pretty")

# Options of the reference's whole command line; none of them concerns a server.
_GLOBAL_OPTIONS: Final = (
    "--env",
    "--env-file",
    "--config-file",
    "--profile",
    "--time-format",
    "--color",
    "--command-timeout",
    "--client-connect-timeout",
)
_GLOBAL_FLAGS: Final = (
    "--disable-config-file",
    "--disable-config-env",
    "--no-json-shorthand-payloads",
)


def add_to(commands: Commands) -> None:
    """Add the group and its commands to the tree."""
    server = add_command(commands, "server", "run a server")
    kinds = server.add_subparsers(title="commands", metavar="COMMAND")
    _add_start(kinds)
    _add_start_dev(kinds)


def _add_start(kinds: Commands) -> None:
    parser = add_command(kinds, "start", "run a durable server, with its data in one file", _start)
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="where the data file is kept (default: the user's data folder)",
    )
    parser.add_argument(
        "--durability",
        choices=("full", "normal"),
        default="full",
        help="what an acknowledged change survives: a power failure (full, the default), or"
        " only a crash of the process (normal)",
    )
    _add_shared(parser, metrics_default="9090, or a free one if that is taken", level="info")


def _add_start_dev(kinds: Commands) -> None:
    parser = add_command(
        kinds,
        "start-dev",
        "run a server for development, in memory unless told otherwise",
        _start_dev,
    )
    parser.add_argument(
        "-f",
        "--db-filename",
        type=Path,
        metavar="FILE",
        help="keep everything in this file; without it everything ends with the server",
    )
    _add_shared(parser, metrics_default="a free one", level="warn")
    _add_dev_extras(parser)


def _add_shared(parser: argparse.ArgumentParser, *, metrics_default: str, level: str) -> None:
    parser.add_argument(
        "--ip", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (127.0.0.1)"
    )
    parser.add_argument(
        "-p", "--port", type=port_number, default=7233, metavar="PORT", help="gRPC port (7233)"
    )
    parser.add_argument(
        "--http-port",
        type=port_number,
        metavar="PORT",
        help="port of the HTTP API; 0 takes a free one (without this option there is none)",
    )
    parser.add_argument(
        "--metrics-port",
        type=port_number,
        metavar="PORT",
        help=f"port of /metrics ({metrics_default})",
    )
    add_repeatable(
        parser,
        *("-n", "--namespace"),
        metavar="NAME",
        help_="namespace to make at the start, besides default",
    )
    add_repeatable(
        parser,
        "--search-attribute",
        metavar="NAME=TYPE",
        help_="search attribute to register in these namespaces; the types are Text, Keyword, Int,"
        " Double, Bool, Datetime and KeywordList",
    )
    add_repeatable(
        parser,
        "--dynamic-config-value",
        metavar="KEY=JSON",
        help_="dynamic configuration value under its name in the reference service",
    )
    parser.add_argument(
        "--dynamic-config-file",
        type=Path,
        metavar="FILE",
        help="YAML file of dynamic configuration, read again whenever it changes (default: the"
        " one that DYNAMIC_CONFIG_FILE_PATH names)",
    )
    parser.add_argument(
        "--log-level", choices=_LEVELS, default=level, help=f"from which level on ({level})"
    )
    parser.add_argument("--log-format", choices=_FORMATS, default="text", help="(text)")
    add_flag(parser, "--log-config", help_="print the configuration to standard error")


def _add_dev_extras(parser: argparse.ArgumentParser) -> None:
    add_repeatable(
        parser, "--sqlite-pragma", metavar="PRAGMA=VALUE", help_="only synchronous is heeded"
    )
    later = parser.add_argument_group("accepted, and without effect until there is a web UI")
    later.add_argument("--ui-port", type=port_number, metavar="PORT")
    add_flag(later, "--headless", help_="say nothing of the web UI")
    for name in ("--ui-ip", "--ui-public-path", "--ui-asset-path", "--ui-codec-endpoint"):
        later.add_argument(name, metavar="TEXT")
    add_flag(later, "--ui-disable-news-fetch", help_="")
    # For those who start ours by the reference's command line.
    parser.add_argument("-o", "--output", help=argparse.SUPPRESS)
    for name in _GLOBAL_OPTIONS:
        parser.add_argument(name, help=argparse.SUPPRESS)
    for name in _GLOBAL_FLAGS:
        add_flag(parser, name, help_=argparse.SUPPRESS)


def _start(parsed: argparse.Namespace) -> int:
    return _run(parsed, is_development=False)


def _start_dev(parsed: argparse.Namespace) -> int:
    return _run(parsed, is_development=True)


def _run(parsed: argparse.Namespace, *, is_development: bool) -> int:
    # Nothing made while modules are imported is garbage; the server turns the collector on again.
    gc.disable()
    # Imported here and not above: no other command needs the server, and most of the time to the
    # first answer goes into these imports.
    from indelible.server.light_imports import lighten_imports  # noqa: PLC0415

    lighten_imports()
    from indelible.cli.running import run_server  # noqa: PLC0415

    return run_server(parsed, is_development=is_development)
