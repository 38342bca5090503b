"""What a server does not import, and that nobody notices."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.server.processes import environment


def after_light_imports(code: str) -> Any:
    """Run code in a fresh process and return what it leaves in `found`."""
    script = (
        "import sys, json\n"
        "from indelible.server.light_imports import lighten_imports\n"
        "lighten_imports(); lighten_imports()\n"
        f"{code}\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    return json.loads(done.stdout)


pytestmark = pytest.mark.slow

MODULES_MAX = 900
"""Each costs every start a quarter of a millisecond, and one of ours four times that uncompiled.

Whoever needs more says here what for, or has them imported when they are needed.
"""


def test_a_server_leaves_out_what_it_never_uses() -> None:
    heavy = [
        *("temporalio.bridge", "temporalio.client", "grpc", "rich", "prometheus_client"),
        *("h11", "httpcore", "sqlite3", "yaml", "indelible.wire.http", "indelible.store"),
    ]
    code = (
        f"import indelible.cli.running\nfound = [name for name in {heavy} if name in sys.modules]"
    )
    assert after_light_imports(code) == []


def test_the_imports_of_a_server_keep_to_their_budget() -> None:
    code = "import indelible.cli.running\nfound = len(sys.modules)"
    assert after_light_imports(code) <= MODULES_MAX


def test_the_sdk_is_whole_as_soon_as_somebody_asks() -> None:
    code = (
        "import temporalio.api.common.v1, temporalio\n"
        "found = [temporalio.__version__]\n"
        "import temporalio.client, temporalio.worker\n"
        "found.append(temporalio.client.Client.__name__)"
    )
    version, client = after_light_imports(code)
    assert version[0].isdigit()
    assert client == "Client"


def test_the_sdk_can_be_imported_by_its_parts() -> None:
    code = "from temporalio.client import Client\nfound = Client.__name__"
    assert after_light_imports(code) == "Client"


def test_the_grpc_library_is_still_there_for_those_who_want_it() -> None:
    code = "import temporalio.api.workflowservice.v1, grpc\nfound = grpc.StatusCode.OK.name"
    assert after_light_imports(code) == "OK"


def test_rich_is_still_there_for_those_who_want_it() -> None:
    code = "import structlog, rich.table\nfound = rich.table.Table.__name__"
    assert after_light_imports(code) == "Table"
