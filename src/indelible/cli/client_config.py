"""The file with the profiles of clients: `temporal.toml`, which the SDKs read as well.

Owns its place, the names of its properties, and how one is read and changed. Comments, and what
other tools keep in the file, survive a change.
"""

import difflib
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeGuard

import msgspec

from indelible.base.invariants import InvariantError
from indelible.cli.private_files import read_text, write_text
from indelible.cli.values import ValueRefusedError

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

PROFILE_DEFAULT: Final = "default"
_META: Final = "grpc_meta"
_META_PREFIX: Final = f"{_META}."
_TLS: Final = "tls"


class Tls(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the connection is secured."""

    disabled: bool = False
    client_cert_path: str = ""
    client_cert_data: str = ""
    client_key_path: str = ""
    client_key_data: str = ""
    server_ca_cert_path: str = ""
    server_ca_cert_data: str = ""
    server_name: str = ""
    disable_host_verification: bool = False


class Codec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who encodes and decodes payloads."""

    endpoint: str = ""
    auth: str = ""


class Profile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way to connect."""

    address: str = ""
    namespace: str = ""
    api_key: str = ""
    authority: str = ""
    tls: Tls | None = None
    codec: Codec | None = None
    grpc_meta: dict[str, str] = {}


class _File(msgspec.Struct, frozen=True):
    profile: dict[str, Profile] = {}


_PARTS: Final[Mapping[str, type[Tls | Codec]]] = {_TLS: Tls, "codec": Codec}


def _properties() -> Iterator[tuple[str, str | bool]]:
    for field in msgspec.structs.fields(Profile):
        if field.name in _PARTS:
            inner = msgspec.structs.fields(_PARTS[field.name])
            yield from ((f"{field.name}.{one.name}", one.default) for one in inner)
        elif field.name != _META:
            yield field.name, field.default
    yield _TLS, False


PROPERTIES: Final[Mapping[str, str | bool]] = dict(_properties())
"""Every property but the headers (`grpc_meta.NAME`), with what it is when it is not set."""


def file_path(
    named: str | None, environment: Mapping[str, str], *, platform: str = sys.platform
) -> Path:
    """Return the place of the file: as named, as the variable says, or as the SDKs have it."""
    named = named or environment.get("TEMPORAL_CONFIG_FILE")
    if named:
        return Path(named)
    if platform == "darwin":
        folder = Path.home() / "Library" / "Application Support"
    else:
        base = environment.get("XDG_CONFIG_HOME", "")
        folder = Path(base) if Path(base).is_absolute() else Path.home() / ".config"
    return folder / "temporalio" / "temporal.toml"


def profile_name(named: str | None, environment: Mapping[str, str]) -> str:
    """Return the name of the profile that is meant."""
    return named or environment.get("TEMPORAL_PROFILE") or PROFILE_DEFAULT


def header_name(name: str) -> str:
    """Return the name under which a header is sent, and therefore kept."""
    return name.casefold().replace("_", "-")


# --------------------------------------------------------------------------------------- reading
def read_profiles(path: Path) -> Mapping[str, Profile]:
    """Return all profiles of a file, none if it does not exist. Raises `ValueRefusedError`."""
    try:
        file = msgspec.toml.decode(read_text(path), type=_File)
    except (ValueError, msgspec.DecodeError) as error:
        raise ValueRefusedError(f"{path} is not a file of profiles: {error}") from None
    return {
        name: msgspec.structs.replace(
            profile, grpc_meta={header_name(key): text for key, text in profile.grpc_meta.items()}
        )
        for name, profile in file.profile.items()
    }


def profile_at(path: Path, name: str) -> Profile:
    """Return one profile. Raises `ValueRefusedError` if the file has none of that name."""
    profiles = read_profiles(path)
    if name not in profiles:
        raise ValueRefusedError(f'there is no profile "{name}" in {path}{_known(profiles)}')
    return profiles[name]


def value_of(profile: Profile, prop: str) -> str | bool:
    """Return the value of a property. Raises `ValueRefusedError` if there is no such property."""
    if prop.startswith(_META_PREFIX):
        key = header_name(prop.removeprefix(_META_PREFIX))
        if key not in profile.grpc_meta:
            raise ValueRefusedError(f'the profile has no header "{key}"')
        return profile.grpc_meta[key]
    _check(prop)
    if prop == _TLS:
        return profile.tls is not None
    part, _, name = prop.rpartition(".")
    owner = getattr(profile, part) if part else profile
    return getattr(owner, name) if owner is not None else PROPERTIES[prop]


def values_of(profile: Profile) -> Iterator[tuple[str, str | bool]]:
    """Yield the properties that are set, in the order of their names."""
    headers = [f"{_META_PREFIX}{key}" for key in profile.grpc_meta]
    for prop in sorted((*PROPERTIES, *headers)):
        value = value_of(profile, prop)
        if value:
            yield prop, value


# -------------------------------------------------------------------------------------- changing
def set_property(path: Path, name: str, prop: str, value: str) -> None:
    """Set a property; the profile and the file are made if need be."""
    if prop.startswith(_META_PREFIX):
        return _change_header(path, name, prop, value)
    _check(prop)
    document = _document(path)
    profile = _inner(_inner(document, "profile"), name)
    if prop == _TLS:
        if _truth(prop, value):
            _inner(profile, _TLS)
        else:
            profile.pop(_TLS, None)
    else:
        part, _, field = prop.rpartition(".")
        owner = _inner(profile, part) if part else profile
        owner[field] = _truth(prop, value) if isinstance(PROPERTIES[prop], bool) else value
    return _write(path, document)


def delete_property(path: Path, name: str, prop: str) -> None:
    """Remove a property. Raises `ValueRefusedError` if there is no such profile or property."""
    value_of(profile_at(path, name), prop)
    if prop.startswith(_META_PREFIX):
        return _change_header(path, name, prop, None)
    document = _document(path)
    owner = _inner(_inner(document, "profile"), name)
    part, _, field = prop.rpartition(".")
    if part and part not in owner:
        raise ValueRefusedError(f'the profile "{name}" has no {part} properties')
    if part:
        owner = _inner(owner, part)
    owner.pop(field, None)
    return _write(path, document)


def delete_profile(path: Path, name: str) -> None:
    """Remove a profile. Raises `ValueRefusedError` if there is none of that name."""
    profile_at(path, name)
    document = _document(path)
    del _inner(document, "profile")[name]
    _write(path, document)


def _change_header(path: Path, name: str, prop: str, value: str | None) -> None:
    key = header_name(prop.removeprefix(_META_PREFIX))
    document = _document(path)
    headers = _inner(_inner(_inner(document, "profile"), name), _META)
    for written in [one for one in headers if header_name(one) == key]:
        del headers[written]
    if value is not None:
        headers[key] = value
    _write(path, document)


def _document(path: Path) -> "TOMLDocument":
    # Imported here: it takes 0.03 s, and only those who change the file need it.
    from tomlkit import parse  # noqa: PLC0415

    read_profiles(path)  # What is not a file of profiles must not become half of one.
    return parse(read_text(path))


def _inner(outer: MutableMapping[str, object], key: str) -> MutableMapping[str, object]:
    """Return the table under a key, a new one if there is none."""
    from tomlkit import table  # noqa: PLC0415 - see above

    if key not in outer:
        outer[key] = table()
    found = outer[key]
    if not _is_table(found):
        # The file has been read as one of profiles, so nothing else can stand there.
        raise InvariantError(f"{key} is no table, and yet the file is one of profiles")
    return found


def _is_table(value: object) -> TypeGuard[MutableMapping[str, object]]:
    return isinstance(value, MutableMapping)


def _write(path: Path, document: "TOMLDocument") -> None:
    write_text(path, document.as_string())


def _truth(prop: str, value: str) -> bool:
    if value not in {"true", "false"}:
        raise ValueRefusedError(f'{prop} is true or false, not "{value}"')
    return value == "true"


def _check(prop: str) -> None:
    if prop not in PROPERTIES:
        near = difflib.get_close_matches(prop, PROPERTIES, n=1)
        hint = f"did you mean {near[0]}?" if near else "`indelible options` names them"
        raise ValueRefusedError(f'a profile has no property "{prop}"; {hint}')


def _known(profiles: Mapping[str, Profile]) -> str:
    return f"; it has {', '.join(sorted(profiles))}" if profiles else ""
