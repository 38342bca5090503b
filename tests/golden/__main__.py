"""`python -m tests.golden --server PATH [NAMES]`: record golden histories, or look at differences.

Golden histories come from the reference service alone: without `--write` a run only compares.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.golden.recording import SETTINGS, difference, record, store
from tests.golden.scenarios import SCENARIOS
from tests.server_process import ServerProcess, executable_under_test, reference_executable


def main() -> None:
    """Exit code 0 only if everything was recorded, or is as it was recorded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="scenarios; default: all")
    parser.add_argument("--server", default="", help="path of another executable, the reference")
    parser.add_argument("--write", action="store_true", help="keep what this server writes")
    words = parser.parse_args()
    names = words.names or sorted(SCENARIOS)
    executable = reference_executable(words.server) if words.server else executable_under_test()
    with tempfile.TemporaryDirectory(prefix="indelible-golden-") as folder:
        server = ServerProcess(
            executable=executable,
            log=Path(folder) / "log",
            extra_arguments=[f"--dynamic-config-value={setting}" for setting in SETTINGS],
        )
        server.start()
        began = time.monotonic()
        try:
            is_well = asyncio.run(_record(server, names, is_written=words.write))
        finally:
            server.kill()
    print(f"{len(names)} scenarios in {time.monotonic() - began:.0f} s")  # noqa: T201
    sys.exit(0 if is_well else 1)


async def _record(server: ServerProcess, names: list[str], *, is_written: bool) -> bool:
    recorded = await record(await server.connect(), names, prefix="g")
    is_well = True
    for name, recording in recorded.items():
        if is_written and not isinstance(recording, str):
            store(name, recording)
            continue
        told = difference(name, recording)
        if told:
            is_well = False
            print(f"=== {name}\n{told}")  # noqa: T201
    return is_well


if __name__ == "__main__":
    main()
