"""One run of a command against a server: options, connection, output.

Owns the connection and the questions to the person at the terminal. The client is the core of the
official SDK: it speaks TLS and takes 0.05 s to connect. What a command asks for are the API's own
messages.
"""

import argparse
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Final

import msgspec
from temporalio.service import ConnectConfig, OperatorService, ServiceClient, WorkflowService

from indelible.cli.connecting import target, user
from indelible.cli.output import Output

_CONNECT_SECONDS_MAX: Final = 10.0


class CommandFailedError(Exception):
    """The command has failed; the message tells the person why and what to do."""


class Session(msgspec.Struct, kw_only=True):
    """What a command works with."""

    options: argparse.Namespace
    output: Output
    namespace: str
    identity: str
    service: ServiceClient

    @property
    def workflows(self) -> WorkflowService:
        """The requests of `WorkflowService`."""
        return self.service.workflow_service

    @property
    def operator(self) -> OperatorService:
        """The requests of `OperatorService`."""
        return self.service.operator_service

    def confirm(self, question: str) -> None:
        """Ask before something that cannot be undone. Raises `CommandFailedError` on a no."""
        if self.options.yes:
            self.output.say(f"{question} y/N yes")
            return
        if self.output.is_json:
            raise CommandFailedError("this asks before it acts; with JSON output, add --yes")
        self.output.stream.write(f"{question} y/N ")
        self.output.flush()
        if sys.stdin.readline().strip().casefold() not in {"y", "yes"}:
            raise CommandFailedError("not confirmed; nothing was done")

    def reason(self) -> str:
        """Return why, as the person said it or as a fact."""
        return self.options.reason or f"Requested from CLI by {user()}"


@asynccontextmanager
async def connected(options: argparse.Namespace, output: Output) -> AsyncIterator[Session]:
    """Give a session with an open connection.

    Raises `CommandFailedError`, or `ValueRefusedError` for what says where to connect.
    """
    where = target(options, os.environ)
    service = await _connect(where.config, options.client_connect_timeout)
    async with AsyncExitStack() as resources:
        if where.codec is not None:
            from indelible.cli.remote_codec import CodingClient  # noqa: PLC0415 - few have one

            service = CodingClient(service, where.codec)
            resources.push_async_callback(where.codec.close)
        yield Session(
            options=options,
            output=output,
            namespace=where.namespace,
            identity=where.config.identity,
            service=service,
        )


async def _connect(config: ConnectConfig, limit: timedelta | None) -> ServiceClient:
    import asyncio  # noqa: PLC0415 - in use by whoever got here

    seconds = limit.total_seconds() if limit else _CONNECT_SECONDS_MAX
    try:
        async with asyncio.timeout(seconds):
            return await ServiceClient.connect(config)
    except TimeoutError:
        raise CommandFailedError(
            f"no answer from {config.target_host} in {seconds:g} s; is this the right --address?"
        ) from None
    except RuntimeError as error:
        raise CommandFailedError(_no_connection(config, str(error))) from None


def _no_connection(config: ConnectConfig, reason: str) -> str:
    is_refused = "refused" in reason.casefold()
    cause = "nothing listens there" if is_refused else reason
    hint = (
        "start a server with `indelible server start-dev`, or name another with --address"
        if is_refused
        else "look at --address and the --tls options"
    )
    return f"cannot connect to {config.target_host}: {cause}; {hint}"
