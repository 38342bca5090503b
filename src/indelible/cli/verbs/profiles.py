"""`config ...`: the profiles of clients, looked at and changed."""

import base64
import os
from argparse import Namespace
from pathlib import Path

import msgspec

from indelible.cli import client_config
from indelible.cli.output import Output
from indelible.cli.values import ValueRefusedError


def list_profiles(options: Namespace, output: Output) -> None:
    """List profiles."""
    names = sorted(client_config.read_profiles(_path(options)))
    output.document([{"name": name} for name in names])
    output.table(("Name",), [(name,) for name in names])


def get(options: Namespace, output: Output) -> None:
    """Show a profile, or one property of it."""
    profile = client_config.profile_at(_path(options), _name(options))
    if options.prop:
        value = client_config.value_of(profile, options.prop)
        # Certificates and keys are bytes to the reference, and its JSON has bytes in base64.
        told = value
        if isinstance(value, str) and options.prop.endswith("_data"):
            told = base64.b64encode(value.encode()).decode()
        output.document({"property": options.prop, "value": told})
        output.table(("Property", "Value"), [(options.prop, value)])
        return
    output.document(msgspec.to_builtins(profile))
    output.table(("Property", "Value"), client_config.values_of(profile))


def set_property(options: Namespace, _output: Output) -> None:
    """Set a property."""
    client_config.set_property(_path(options), _name(options), options.prop, options.value)


def delete_property(options: Namespace, _output: Output) -> None:
    """Remove a property."""
    client_config.delete_property(_path(options), _name(options), options.prop)


def delete_profile(options: Namespace, _output: Output) -> None:
    """Remove a profile. Its name must be typed, or the default one would go by accident."""
    if not options.profile:
        raise ValueRefusedError("name the profile that is to go: --profile")
    client_config.delete_profile(_path(options), options.profile)


def _path(options: Namespace) -> Path:
    return client_config.file_path(options.config_file, os.environ)


def _name(options: Namespace) -> str:
    return client_config.profile_name(options.profile, os.environ)
