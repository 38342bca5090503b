"""`indelible-test-server PORT`: a server in memory whose clock skips time, for tests.

Owns the command line, which is that of the reference's test server, because the test environments
of SDKs start it. Its imports are light: they wait for it.
"""

import argparse
import gc
import sys
from collections.abc import Sequence

from indelible import __version__
from indelible.cli.commands import add_repeatable, port_number


def main(words: Sequence[str] | None = None) -> int:
    """Run the server that `words` (the process's own if None) ask for; return the exit code."""
    parsed = _parser().parse_args(sys.argv[1:] if words is None else list(words))
    # As for `server start-dev`: most of the time to the first answer goes into imports.
    gc.disable()
    from indelible.server.light_imports import lighten_imports  # noqa: PLC0415

    lighten_imports()
    from indelible.cli.running import run_test_server  # noqa: PLC0415

    return run_test_server(parsed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="indelible-test-server",
        description="A server in memory that skips the time in which nothing is done.",
        allow_abbrev=False,
    )
    parser.add_argument("-v", "--version", action="version", version=f"indelible {__version__}")
    parser.add_argument("port", type=port_number, metavar="PORT", help="gRPC port; 0 for any")
    parser.add_argument(
        "--enable-time-skipping",
        action="store_true",
        help="skip time from the start on (without it, when a test environment unlocks it)",
    )
    parser.add_argument(
        "--clock-per-namespace",
        action="store_true",
        help="give each namespace its own clock; calls of the test service name theirs in the"
        " header temporal-namespace",
    )
    parser.add_argument(
        "--ip", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (127.0.0.1)"
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
        help_="search attribute to register in these namespaces",
    )
    add_repeatable(
        parser,
        "--dynamic-config-value",
        metavar="KEY=JSON",
        help_="dynamic configuration value under its name in the reference service",
    )
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warn", "error", "never"), default="warn"
    )
    return parser
