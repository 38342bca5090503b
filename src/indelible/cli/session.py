"""One run of a command against a server: options, connection, output.

Owns the connection and the questions to the person at the terminal. The client is the core of the
official SDK: it speaks TLS, reads the profiles and variables that SDKs read, and takes 0.05 s to
connect. What a command asks for are the API's own messages.
"""

import argparse
import getpass
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import temporalio.envconfig
from temporalio.service import (
    ConnectConfig,
    OperatorService,
    RetryConfig,
    ServiceClient,
    TLSConfig,
    WorkflowService,
)

from indelible.cli.output import Output
from indelible.cli.values import pairs

ADDRESS_DEFAULT: Final = "localhost:7233"
NAMESPACE_DEFAULT: Final = "default"
_CONNECT_SECONDS_MAX: Final = 10.0


class CommandFailedError(Exception):
    """The command has failed; the message tells the person why and what to do."""


@dataclass(slots=True, kw_only=True)
class Session:
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
        return self.options.reason or f"Requested from CLI by {_user()}"


async def connected(options: argparse.Namespace, output: Output) -> Session:
    """Return a session with an open connection. Raises `CommandFailedError`."""
    profile = _profile(options)
    address = profile.address or ADDRESS_DEFAULT
    namespace = profile.namespace or NAMESPACE_DEFAULT
    address = address.replace("${namespace}", namespace)
    identity = options.identity or f"indelible-cli:{_user()}@{socket.gethostname()}"
    config = ConnectConfig(
        target_host=address,
        api_key=profile.api_key,
        tls=_tls(profile),
        rpc_metadata={**profile.grpc_meta, **pairs(options.grpc_meta, "--grpc-meta")},
        identity=identity,
        retry_config=RetryConfig(max_elapsed_time_millis=5_000),
    )
    service = await _connect(config, options.client_connect_timeout)
    return Session(
        options=options, output=output, namespace=namespace, identity=identity, service=service
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


# ----------------------------------------------------------------------- flags above variables
def _profile(options: argparse.Namespace) -> temporalio.envconfig.ClientConfigProfile:
    """Return the profile with the flags on top: a flag outdoes a variable, that a file."""
    try:
        profile = temporalio.envconfig.ClientConfigProfile.load(
            profile=options.profile,
            config_source=Path(options.config_file) if options.config_file else None,
            disable_file=bool(options.disable_config_file),
            disable_env=bool(options.disable_config_env),
        )
    except (RuntimeError, OSError) as error:
        raise CommandFailedError(f"cannot read the client configuration: {error}") from None
    return replace(
        profile,
        address=options.address or profile.address,
        namespace=options.namespace or profile.namespace,
        api_key=options.api_key or profile.api_key,
        tls=_tls_with_flags(options, profile.tls),
    )


_TLS_SOURCES: Final[Mapping[str, str]] = {
    "client_cert": "tls_cert",
    "client_private_key": "tls_key",
    "server_root_ca_cert": "tls_ca",
}


def _tls_with_flags(
    options: argparse.Namespace, tls: temporalio.envconfig.ClientConfigTLS | None
) -> temporalio.envconfig.ClientConfigTLS | None:
    if options.tls is False:
        return temporalio.envconfig.ClientConfigTLS(disabled=True)
    given: dict[str, Path | str] = {}
    for field, flag in _TLS_SOURCES.items():
        path: str | None = getattr(options, f"{flag}_path")
        text: str | None = getattr(options, f"{flag}_data")
        if path or text:
            given[field] = Path(path) if path else str(text)
    if options.tls_server_name:
        given["server_name"] = str(options.tls_server_name)
    if not given and not options.tls:
        return tls
    base = tls or temporalio.envconfig.ClientConfigTLS()
    return replace(base, disabled=False, **given)


def _tls(profile: temporalio.envconfig.ClientConfigProfile) -> bool | TLSConfig:
    if profile.tls is None:
        # A key in plain text would be everybody's.
        return bool(profile.api_key)
    try:
        return profile.tls.to_connect_tls_config()
    except OSError as error:
        raise CommandFailedError(f"cannot read a file of the TLS options: {error}") from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown-user"
