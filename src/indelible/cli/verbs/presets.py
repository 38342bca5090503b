"""`env ...`: presets of options by environment, looked at and changed."""

import os
from argparse import Namespace
from pathlib import Path

from indelible.cli import environments
from indelible.cli.output import Output
from indelible.cli.values import ValueRefusedError


def list_environments(options: Namespace, output: Output) -> None:
    """List environments."""
    names = sorted(environments.read_environments(_path(options)))
    output.document([{"name": name} for name in names])
    output.table(("Name",), [(name,) for name in names])


def get(options: Namespace, output: Output) -> None:
    """Show the presets of an environment, or one of them."""
    presets = environments.environment_at(_path(options), _name(options))
    key = _key(options)
    rows = [(key, presets.get(key, ""))] if key else sorted(presets.items())
    output.document([{"property": name, "value": value} for name, value in rows])
    output.table(("Property", "Value"), rows)


def set_preset(options: Namespace, _output: Output) -> None:
    """Set a preset."""
    path, key = _path(options), _key(options)
    if not key or options.value is None:
        raise ValueRefusedError("--key and --value are required: which option, and what it is")
    known = environments.read_environments(path)
    known.setdefault(_name(options), {})[key] = options.value
    environments.write_environments(path, known)


def delete(options: Namespace, _output: Output) -> None:
    """Remove an environment, or one preset of it."""
    path, name, key = _path(options), _name(options), _key(options)
    environments.environment_at(path, name)
    known = environments.read_environments(path)
    if key:
        known.get(name, {}).pop(key, None)
    else:
        known.pop(name, None)
    environments.write_environments(path, known)


def _key(options: Namespace) -> str:
    key: str = options.key or ""
    if "." in key:
        raise ValueRefusedError(f'"{key}" is the name of no option: it has a dot')
    return key


def _path(options: Namespace) -> Path:
    return environments.file_path(options.env_file, os.environ)


def _name(options: Namespace) -> str:
    return environments.environment_name(options.env, os.environ)
