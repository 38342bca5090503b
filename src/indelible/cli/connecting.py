"""Where a command connects, and how: flags, variables and the profile in `temporal.toml`.

Owns which of them counts. The options' table names the variable and the property that say the same,
so the three are asked one after the other. The SDK's own loader is not used: it knows neither the
authority nor codec servers.
"""

import argparse
import getpass
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
from temporalio.service import ConnectConfig, RetryConfig, TLSConfig

from indelible.cli import client_config
from indelible.cli.tables.model import Option
from indelible.cli.tables.shared import CONNECTION
from indelible.cli.values import ValueRefusedError, pairs

if TYPE_CHECKING:
    from indelible.cli.remote_codec import RemoteCodec

ADDRESS_DEFAULT: Final = "localhost:7233"
NAMESPACE_DEFAULT: Final = "default"
_NAMESPACE_PLACE: Final = "${namespace}"
_META_VARIABLE: Final = "TEMPORAL_GRPC_META_"
_RETRY_MILLIS_MAX: Final = 5_000
_OPTIONS: Final[Mapping[str, Option]] = {option.key: option for option in CONNECTION}
# What the variables were called once; they outdo their successors, as in the reference.
_OLD_VARIABLES: Final[Mapping[str, str]] = {
    "tls_cert_path": "TEMPORAL_TLS_CERT",
    "tls_cert_data": "TEMPORAL_TLS_CERT_DATA",
    "tls_key_path": "TEMPORAL_TLS_KEY",
    "tls_key_data": "TEMPORAL_TLS_KEY_DATA",
    "tls_ca_path": "TEMPORAL_TLS_CA",
    "tls_ca_data": "TEMPORAL_TLS_CA_DATA",
}
_TRUTHS: Final[Mapping[str, bool]] = {"true": True, "1": True, "false": False, "0": False}

_Layer: TypeAlias = "Callable[[Option], str | bool | None]"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The server that is meant, and the namespace in it."""

    config: ConnectConfig
    namespace: str
    codec: "RemoteCodec | None" = None


def target(options: argparse.Namespace, environment: Mapping[str, str]) -> Target:
    """Return where to connect. Raises `ValueRefusedError`."""
    profile = _profile(options, environment)
    asked = _Asked(options, environment, profile)
    namespace = asked.text("namespace") or NAMESPACE_DEFAULT
    address = asked.text("address") or ADDRESS_DEFAULT
    api_key = asked.text("api_key")
    config = ConnectConfig(
        target_host=address.replace(_NAMESPACE_PLACE, namespace),
        api_key=api_key or None,
        # A key in plain text would be everybody's.
        tls=_tls(asked, is_expected=bool(api_key)),
        rpc_metadata=_headers(options, environment, profile),
        identity=options.identity or f"indelible-cli:{user()}@{socket.gethostname()}",
        retry_config=RetryConfig(max_elapsed_time_millis=_RETRY_MILLIS_MAX),
    )
    return Target(config=config, namespace=namespace, codec=_codec(options, asked, namespace))


def user() -> str:
    """Return who is at the terminal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown-user"


def _profile(options: argparse.Namespace, environment: Mapping[str, str]) -> client_config.Profile:
    if options.disable_config_file:
        return client_config.Profile()
    path = client_config.file_path(options.config_file, environment)
    name = client_config.profile_name(options.profile, environment)
    if name == client_config.PROFILE_DEFAULT:
        # Only one that somebody names must exist.
        return client_config.read_profiles(path).get(name, client_config.Profile())
    return client_config.profile_at(path, name)


class _Asked:
    """What is asked for, and where: nearest first."""

    def __init__(
        self,
        options: argparse.Namespace,
        environment: Mapping[str, str],
        profile: client_config.Profile,
    ) -> None:
        self.typed: _Layer = lambda option: getattr(options, option.key)
        self.profile = profile
        self.variables: list[_Layer] = []
        if not options.disable_config_env:
            self.variables = [
                lambda option: environment.get(_OLD_VARIABLES.get(option.key, "")),
                lambda option: environment.get(option.variable),
            ]

    def text(self, *keys: str) -> str:
        """Return the text of the nearest of these options."""
        return self.nearest(*keys)[1]

    def nearest(self, *keys: str) -> tuple[str, str]:
        """Return the nearest of these options with its text; both are empty if there is none."""
        for layer in self._layers():
            for key in keys:
                value = layer(_OPTIONS[key])
                if value and isinstance(value, str):
                    return key, value
        return "", ""

    def _layers(self) -> Iterator[_Layer]:
        yield self.typed
        yield from self.variables
        yield (
            lambda option: (
                client_config.value_of(self.profile, option.prop) if option.prop else None
            )
        )


# ------------------------------------------------------------------------------------------- TLS
def _tls(asked: _Asked, *, is_expected: bool) -> bool | TLSConfig:
    server_name = asked.text("tls_server_name")
    authority = asked.text("client_authority")
    found = {
        name: asked.nearest(f"{name}_path", f"{name}_data")
        for name in ("tls_ca", "tls_cert", "tls_key")
    }
    is_given = bool(server_name) or any(key for key, _ in found.values())
    if not _is_tls(asked, is_expected=is_expected or is_given):
        if authority:
            raise ValueRefusedError("--client-authority needs TLS: see --tls")
        return False
    contents = {name: _content(*where) for name, where in found.items()}
    if bool(contents["tls_cert"]) != bool(contents["tls_key"]):
        raise ValueRefusedError(
            "a certificate needs its key, and a key its certificate: --tls-cert-path and"
            " --tls-key-path"
        )
    is_verified_apart = bool(authority and server_name and authority != server_name)
    if is_verified_apart and not contents["tls_ca"]:
        raise ValueRefusedError(
            "--client-authority beside another --tls-server-name needs --tls-ca-path"
        )
    return TLSConfig(
        server_root_ca_cert=contents["tls_ca"],
        domain=authority or server_name or None,
        client_cert=contents["tls_cert"],
        client_private_key=contents["tls_key"],
        verification_server_name=server_name if is_verified_apart else None,
    )


def _is_tls(asked: _Asked, *, is_expected: bool) -> bool:
    typed = asked.typed(_OPTIONS["tls"])
    if typed is not None:
        return bool(typed)
    if any(asked.typed(one) for key, one in _OPTIONS.items() if key.startswith("tls_")):
        return True
    for layer in asked.variables:
        word = layer(_OPTIONS["tls"])
        if word:
            if word not in _TRUTHS:
                raise ValueRefusedError(f'TEMPORAL_TLS is true or false, not "{word}"')
            return _TRUTHS[word]
    known = asked.profile.tls
    return not known.disabled if known else is_expected


def _content(key: str, text: str) -> bytes | None:
    if not key:
        return None
    if key.endswith("_data"):
        return text.encode()
    try:
        return Path(text).read_bytes()
    except OSError as error:
        raise ValueRefusedError(
            f"cannot read {text} ({_OPTIONS[key].names[0]}): {error.strerror}"
        ) from None


# ----------------------------------------------------------------------------- the codec server
def _codec(options: argparse.Namespace, asked: _Asked, namespace: str) -> "RemoteCodec | None":
    endpoint = asked.text("codec_endpoint")
    headers = pairs(options.codec_header, "--codec-header")
    if not endpoint:
        return None
    # Imported here: few have such a server.
    from indelible.cli.remote_codec import RemoteCodec  # noqa: PLC0415

    auth = asked.text("codec_auth")
    given = {"X-Namespace": namespace, **headers, **({"Authorization": auth} if auth else {})}
    return RemoteCodec(
        endpoint=endpoint.replace("{namespace}", namespace).removesuffix("/"),
        headers=list(given.items()),
    )


# --------------------------------------------------------------------------------------- headers
def _headers(
    options: argparse.Namespace, environment: Mapping[str, str], profile: client_config.Profile
) -> dict[str, str]:
    headers = dict(profile.grpc_meta)
    if not options.disable_config_env:
        for variable, value in environment.items():
            if variable.startswith(_META_VARIABLE):
                headers[client_config.header_name(variable.removeprefix(_META_VARIABLE))] = value
    for key, value in pairs(options.grpc_meta, "--grpc-meta").items():
        headers[client_config.header_name(key)] = value
    return {key: value for key, value in headers.items() if value}
