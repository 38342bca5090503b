"""`python -m bench.macro`: what one workflow costs, measured from outside with the official SDK.

A fresh server process on a fresh file for each round, full durability, a worker and its clients in
another process, every result checked. With a reference executable the same happens to it in the
same call, in turns, so that both meet the same weather.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.macro.measurement import Pace, RoundResult, measure_round
from bench.macro.report import as_json, as_text, machine
from bench.macro.scenarios import SCENARIOS, Scenario
from tests.server_process import INDELIBLE, ServerExecutable, reference_executable


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", default="", help="path of another server's executable")
    parser.add_argument("--only-reference", action="store_true", help="leave ours out")
    parser.add_argument("--rounds", type=int, default=1, help="lives of each server")
    parser.add_argument("--seconds", type=float, default=8.0, help="measured time per scenario")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds before measuring")
    parser.add_argument("--json", default="", help="also write everything to this file")
    parser.add_argument(
        "--scenario", action="append", choices=sorted(SCENARIOS), help="repeatable; default all"
    )
    return parser.parse_args()


async def _measure(
    executables: Sequence[ServerExecutable],
    scenarios: Sequence[Scenario],
    *,
    pace: Pace,
    round_count: int,
) -> list[RoundResult]:
    results: list[RoundResult] = []
    for number in range(1, round_count + 1):
        for executable in executables:
            print(f"round {number}: {executable.name} ...", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(prefix="indelible-bench-") as folder:
                results.append(await measure_round(executable, scenarios, pace, Path(folder)))
    return results


def main() -> None:
    """Exit code 1 when a result was wrong, an error was seen or a count does not agree."""
    words = _parse_arguments()
    executables = [] if words.only_reference else [INDELIBLE]
    if words.reference:
        executables.append(reference_executable(words.reference))
    scenarios = [SCENARIOS[name] for name in words.scenario or SCENARIOS]
    pace = Pace(warm_up_seconds=words.warm_up, seconds=words.seconds)
    place = machine()
    rounds = asyncio.run(_measure(executables, scenarios, pace=pace, round_count=words.rounds))
    print(as_text(place, rounds))
    if words.json:
        Path(words.json).write_text(json.dumps(as_json(place, rounds), indent=1))
    results = [result for each in rounds for result in each.scenarios]
    sys.exit(any(result.findings or result.errors for result in results))


if __name__ == "__main__":
    main()
