"""Where a client connects to: profiles in a file, variables above them, and code above both.

The same file and the same variables steer the official SDKs and both command lines.
"""

import os
import tempfile
from pathlib import Path

from running import check, run, verified
from temporalio.client import Client
from temporalio.envconfig import ClientConfig, ClientConnectConfig

FILE = """
[profile.default]
address = "localhost:7233"
namespace = "default"

[profile.production]
address = "temporal.example.com:7233"
namespace = "shop"

[profile.production.grpc_meta]
team = "payments"
"""


def target(config: ClientConnectConfig) -> tuple[str, str]:
    """Address and namespace of a configuration."""
    return config.get("target_host", ""), config.get("namespace", "")


def check_precedence(path: Path) -> None:
    """Four cases; variables are given as a dictionary, so this program's own do not matter."""
    file = {"TEMPORAL_CONFIG_FILE": str(path)}
    cases: dict[str, tuple[dict[str, str], tuple[str, str]]] = {
        "the default profile": (file, ("localhost:7233", "default")),
        "a profile chosen by a variable": (
            {**file, "TEMPORAL_PROFILE": "production"},
            ("temporal.example.com:7233", "shop"),
        ),
        "a variable above the file": (
            {**file, "TEMPORAL_PROFILE": "production", "TEMPORAL_NAMESPACE": "shop-test"},
            ("temporal.example.com:7233", "shop-test"),
        ),
        "another variable above the file": (
            {**file, "TEMPORAL_ADDRESS": "127.0.0.1:7233"},
            ("127.0.0.1:7233", "default"),
        ),
    }
    for name, (variables, expected) in cases.items():
        config = ClientConfig.load_client_connect_config(override_env_vars=variables)
        print(f"  {name}: {' '.join(target(config))}")
        check(target(config) == expected, name)
    # An argument in the code is above the variable that would choose.
    config = ClientConfig.load_client_connect_config(
        "default", override_env_vars={**file, "TEMPORAL_PROFILE": "production"}
    )
    check(target(config) == ("localhost:7233", "default"), "the code above the variable")
    production = ClientConfig.load_client_connect_config("production", override_env_vars=file)
    check(production.get("rpc_metadata") == {"team": "payments"}, "headers come with a profile")


async def main() -> None:
    """Look at the cases, then connect for real."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "temporal.toml"
        path.write_text(FILE, encoding="utf-8")
        check_precedence(path)
        variables = {
            name: value for name, value in os.environ.items() if name.startswith("TEMPORAL_")
        }
        config = ClientConfig.load_client_connect_config(
            config_file=str(path), override_env_vars=variables
        )
    client = await Client.connect(**config)
    check(await client.service_client.check_health(), "the server is there")
    print(f"  connected to {client.service_client.config.target_host} as {client.identity}")
    verified("file, variables and code: each above the one before; connected")


if __name__ == "__main__":
    run(main)
