"""What the command line keeps to itself: nothing here may depend on a server."""

from typing import Final

from scripts.cli_check.steps import scenario, step

_SETTINGS: Final = scenario(
    "settings",
    step("env set --env-file $folder/env.yaml --env work --key address --value 127.0.0.1:1"),
    step("env get --env-file $folder/env.yaml --env work"),
    step("env get --env-file $folder/env.yaml --env work --key address"),
    step("env list --env-file $folder/env.yaml"),
    step("env delete --env-file $folder/env.yaml --env work --key address"),
    step("env get --env-file $folder/env.yaml --env missing"),
    step("env delete --env-file $folder/env.yaml --env missing"),
    step("config set --profile work --prop address --value 127.0.0.1:1"),
    step("config get --profile work --prop address"),
    step("config list"),
    step("config delete --profile work --prop address"),
    step("config delete-profile --profile work"),
    step("config get --profile missing --prop address"),
    step("workflow fix-history-json --source $files/old_history.json"),
    step("workflow fix-history-json --source $files/missing.json"),
)

CLIENT_SIDE: Final = (_SETTINGS,)
