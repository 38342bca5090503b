"""Presets of options, by environment: the older way to say where and how to connect.

Owns the file (YAML) and how its values join the typed words: what is typed outdoes a variable, that
a preset, and that the profile in `temporal.toml`.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from indelible.cli.private_files import read_text, write_text
from indelible.cli.tables.model import Command, Option
from indelible.cli.values import ValueRefusedError

ENVIRONMENT_DEFAULT: Final = "default"
ENVIRONMENT: Final = "--env"
ENVIRONMENT_FILE: Final = "--env-file"
_NO_VARIABLES: Final = "--disable-config-env"

Environments: TypeAlias = dict[str, dict[str, str]]


def file_path(named: str | None, environment: Mapping[str, str]) -> Path:
    """Return the place of the file: as named, as the variable says, or in the home folder."""
    named = named or environment.get("TEMPORAL_ENV_FILE")
    return Path(named) if named else Path.home() / ".config" / "temporalio" / "temporal.yaml"


def environment_name(named: str | None, environment: Mapping[str, str]) -> str:
    """Return the name of the environment that is meant."""
    return named or environment.get("TEMPORAL_ENV") or ENVIRONMENT_DEFAULT


def read_environments(path: Path) -> Environments:
    """Return all environments of a file, none if it does not exist. Raises `ValueRefusedError`."""
    text = read_text(path)
    if not text:
        return {}
    # Imported here: every command asks for presets, and hardly anybody has some.
    import msgspec  # noqa: PLC0415
    import yaml  # noqa: PLC0415

    try:
        # Without types: a port is the text that an option would be.
        found: object = yaml.load(text, yaml.BaseLoader) or {}  # noqa: S506 - makes texts only
        file = msgspec.convert(found, dict[str, Environments])
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ValueRefusedError(f"{path} is not a file of environments: {error}") from None
    return file.get("env", {})


def write_environments(path: Path, environments: Environments) -> None:
    """Write all environments."""
    import msgspec  # noqa: PLC0415 - see above

    write_text(path, msgspec.yaml.encode({"env": environments}).decode())


def environment_at(path: Path, name: str) -> dict[str, str]:
    """Return the presets of an environment. Raises `ValueRefusedError` if it does not exist.

    The default environment need not exist.
    """
    environments = read_environments(path)
    if name not in environments and name != ENVIRONMENT_DEFAULT:
        raise ValueRefusedError(f'there is no environment "{name}" in {path}')
    return environments.get(name, {})


# ------------------------------------------------------------------------------ among the words
def with_presets(
    command: Command,
    options: Sequence[Option],
    words: Sequence[str],
    environment: Mapping[str, str],
) -> list[str]:
    """Return the words of a command with the presets that nothing typed outdoes, before them."""
    path = file_path(_typed(words, ENVIRONMENT_FILE), environment)
    name = environment_name(_typed(words, ENVIRONMENT), environment)
    if command.path[0] == "env":
        # These commands make environments, and say themselves which ones they miss.
        presets = read_environments(path).get(name, {})
    else:
        presets = environment_at(path, name)
    variables: Mapping[str, str] = {} if _NO_VARIABLES in words else environment
    return [*_preset_words(options, presets, words, variables), *words] if presets else [*words]


def _preset_words(
    options: Sequence[Option],
    presets: Mapping[str, str],
    words: Sequence[str],
    environment: Mapping[str, str],
) -> Iterator[str]:
    for option in options:
        name = option.names[0]
        value = presets.get(name.removeprefix("--"))
        if value is None or any(_is_named(option, word) for word in words):
            continue
        if option.variable and environment.get(option.variable):
            print(f"indelible: {option.variable} outdoes the preset of {name}", file=sys.stderr)
            continue
        yield f"{name}={value}"


def _is_named(option: Option, word: str) -> bool:
    return any(
        word.partition("=")[0] == name if name.startswith("--") else word.startswith(name)
        for name in option.names
    )


def _typed(words: Sequence[str], name: str) -> str | None:
    """Return what is typed for an option; the last one counts."""
    found = None
    for place, word in enumerate(words):
        key, equals, value = word.partition("=")
        if key == name:
            found = value if equals else next(iter(words[place + 1 :]), None)
    return found
