"""`indelible config ...`: the profiles of clients in `temporal.toml`."""

from typing import Final

from indelible.cli.tables.model import Group, command, text

_PROPERTY: Final = text("--prop -p", "the property", metavar="NAME", required=True)
_WHERE: Final = "The profile is that of --profile, the file that of --config-file."

GROUP: Final = Group(
    name="config",
    summary="profiles of clients, which the SDKs read as well",
    commands=(
        command(
            "config delete",
            "remove a property of a profile",
            "profiles:delete_property",
            _PROPERTY,
            is_local=True,
            notes=_WHERE,
        ),
        command(
            "config delete-profile",
            "remove a profile, which --profile must name",
            "profiles:delete_profile",
            is_local=True,
        ),
        command(
            "config get",
            "show a profile, or one property of it",
            "profiles:get",
            text("--prop -p", "only this property", metavar="NAME"),
            is_local=True,
            notes=_WHERE,
        ),
        command(
            "config list", "list the profiles of the file", "profiles:list_profiles", is_local=True
        ),
        command(
            "config set",
            "set a property of a profile",
            "profiles:set_property",
            _PROPERTY,
            text("--value -v", "what it is to be", required=True),
            is_local=True,
            notes=f"{_WHERE}\nBoth are made if need be. `indelible options` has the properties.",
        ),
    ),
)
