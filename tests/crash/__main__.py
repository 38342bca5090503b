"""`python -m tests.crash`: the long crash test, by itself and with its report on the terminal."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from temporalio.runtime import Runtime, TelemetryConfig

from tests.crash.rounds import run_rounds
from tests.server_process import executable_under_test, reference_executable


def main() -> None:
    """Exit code 0 only if nothing that was acknowledged is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None, help="default: drawn from the clock")
    parser.add_argument(
        "--server", default="", help="path of another executable to put to the test"
    )
    words = parser.parse_args()
    # While the server is down the SDK's core complains, on the terminal; the report counts instead.
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)))
    seed = words.seed if words.seed is not None else time.time_ns() % 1_000_000
    executable = reference_executable(words.server) if words.server else executable_under_test()
    with tempfile.TemporaryDirectory(prefix="indelible-crash-") as folder:
        report = asyncio.run(
            run_rounds(executable, folder=Path(folder), rounds=words.rounds, seed=seed)
        )
    print(report)  # noqa: T201
    sys.exit(1 if report.violations else 0)


if __name__ == "__main__":
    main()
