"""`indelible env ...`: presets of options by environment."""

from typing import Final

from indelible.cli.tables.model import Group, command, text

_NOTES: Final = "`indelible config` is the newer way; the SDKs read its file as well."

GROUP: Final = Group(
    name="env",
    summary="presets of options, by environment",
    commands=(
        command(
            "env delete",
            "remove an environment, or one preset of it",
            "presets:delete",
            text("--key -k", "only this preset", metavar="OPTION"),
            is_local=True,
        ),
        command(
            "env get",
            "show the presets of an environment",
            "presets:get",
            text("--key -k", "only this one", metavar="OPTION"),
            is_local=True,
        ),
        command("env list", "list environments", "presets:list_environments", is_local=True),
        command(
            "env set",
            "preset an option, for every command that has it",
            "presets:set_preset",
            text("--key -k", "name of the option, without dashes; required", metavar="OPTION"),
            text("--value -v", "what it is to be; required"),
            is_local=True,
            notes=f"The environment is that of --env (default: default).\n{_NOTES}",
        ),
    ),
)
