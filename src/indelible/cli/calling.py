"""Runs one command of the tables: parses, connects, calls, and tells what went wrong.

Owns exit codes. 0: done. 1: the command failed, with one line on standard error that says why and
what to do. 2: the words were wrong. 130: interrupted.
"""

import asyncio
import importlib
import os
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from indelible.cli.environments import with_presets
from indelible.cli.output import Output, wants_color
from indelible.cli.parsing import options_of, parsed_options
from indelible.cli.tables.model import Command
from indelible.cli.values import ValueRefusedError, shown_duration

FAILURE: Final = 1
INTERRUPTED: Final = 130


def call(command: Command, words: Sequence[str]) -> int:
    """Run a command and return the exit code of the process. Raises SystemExit on bad words."""
    try:
        words = with_presets(command, options_of(command), words, os.environ)
    except ValueRefusedError as error:
        return _failed(command, str(error))
    options = parsed_options(command, words)
    output = output_for(options)
    option, offline = command.offline
    is_local = command.is_local or bool(option and getattr(options, option))
    module, _, name = (offline if is_local and offline else command.run).partition(":")
    # Imported here: it brings the API's messages, which help and mistakes do without.
    run = getattr(importlib.import_module(f"indelible.cli.verbs.{module}"), name)
    try:
        return _run(command, run, options, output, is_local=is_local)
    except KeyboardInterrupt:
        print("indelible: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough (`| head`); nothing is left to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def output_for(options: Namespace) -> Output:
    """Return the output that the options ask for."""
    return Output(
        form=options.output,
        is_colored=wants_color(options.color, options.output, sys.stdout),
        is_short=not options.no_json_shorthand_payloads,
        time_format=options.time_format,
        now=datetime.now(UTC),
        stream=sys.stdout,
    )


def _run(
    command: Command,
    run: Callable[..., Awaitable[int | None] | int | None],
    options: Namespace,
    output: Output,
    *,
    is_local: bool,
) -> int:
    try:
        outcome = run(options, output) if is_local else _with_server(run, options, output)
        code = asyncio.run(_finished(outcome)) if isinstance(outcome, Awaitable) else outcome
        output.flush()
    except ValueRefusedError as error:
        return _failed(command, str(error))
    else:
        return code if isinstance(code, int) else 0


async def _finished(outcome: Awaitable[int | None]) -> int | None:
    return await outcome


async def _with_server(
    run: Callable[..., Awaitable[int | None] | int | None], options: Namespace, output: Output
) -> int | None:
    # Imported here: the SDK's client takes 0.2 s to import.
    from temporalio.service import RPCError  # noqa: PLC0415

    from indelible.cli.refusals import explained  # noqa: PLC0415
    from indelible.cli.session import CommandFailedError, connected  # noqa: PLC0415

    limit = options.command_timeout
    try:
        async with (
            asyncio.timeout(limit.total_seconds() if limit else None),
            connected(options, output) as session,
        ):
            outcome = run(session)
            return await outcome if isinstance(outcome, Awaitable) else outcome
    except CommandFailedError as error:
        return _say(str(error))
    except RPCError as error:
        return _say(explained(error))
    except TimeoutError:
        return _say(f"the command took longer than {shown_duration(limit)} (--command-timeout)")


def _failed(command: Command, message: str) -> int:
    return _say(f"{' '.join(command.path)}: {message}")


def _say(message: str) -> int:
    sys.stdout.flush()
    print(f"indelible: {message}", file=sys.stderr)
    return FAILURE
