"""`python -m scripts.cli_check PATH_OF_TEMPORAL [--only PATTERN] [--verbose]`."""

import argparse
import asyncio
import logging
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from scripts.cli_check.catalogue import subcommands
from scripts.cli_check.checking import Finding, Pair, findings, subcommand
from scripts.cli_check.deliberate import DELIBERATE, NOT_BUILT, Deliberate, unmeant
from scripts.cli_check.scenarios import NOT_DRIVEN, SCENARIOS
from scripts.cli_check.sides import side
from scripts.cli_check.steps import Scenario
from tests.server_process import INDELIBLE, reference_executable


@dataclass(slots=True)
class Tally:
    """What was driven, and what was found."""

    known: set[str]
    driven: Counter[str] = field(default_factory=Counter[str])
    meant: Counter[str] = field(default_factory=Counter[str])
    different: list[str] = field(default_factory=list[str])
    used: set[Deliberate] = field(default_factory=set[Deliberate])

    def take(self, finding: Finding, *, is_verbose: bool) -> None:
        """Count one step and print it if it differs."""
        command = finding.step.command
        self.driven[subcommand(finding.step, self.known)] += 1
        left = list(unmeant(command, finding.differences, self.used))
        if len(left) < len(finding.differences):
            self.meant[command] += 1
        if left:
            self.different.append(command)
        if left or is_verbose:
            print(f"{'DIFF' if left else 'same'} [{finding.scenario}] {command}")
            print("".join(f"       {one}\n" for one in left), end="", flush=True)
        if is_verbose:
            for name, answer in (("ours", finding.ours), ("reference", finding.theirs)):
                print(
                    f"     {name}: exit {answer.code} {answer.error}\n{answer.output}", flush=True
                )


async def main() -> int:
    """Drive everything and report. Returns how the process shall end."""
    arguments = _arguments()
    # Activities of the check fail on purpose, which the SDK tells at length.
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    chosen = [one for one in SCENARIOS if re.search(arguments.only, one.name)]
    tally = Tally(set(await subcommands(arguments.cli)))
    with tempfile.TemporaryDirectory(prefix="cli-check-") as folder:
        await _drive(chosen, tally, arguments, Path(folder))
    return _told(tally, is_whole=len(chosen) == len(SCENARIOS))


async def _drive(
    chosen: Iterable[Scenario], tally: Tally, arguments: argparse.Namespace, folder: Path
) -> None:
    executables = (INDELIBLE, reference_executable(str(arguments.cli)))
    async with AsyncExitStack() as stack:
        ours, theirs = [
            await stack.enter_async_context(
                side(executable, cli=arguments.cli, folder=folder / executable.name)
            )
            for executable in executables
        ]
        for scenario in chosen:
            async for finding in findings(scenario, Pair(ours, theirs)):
                tally.take(finding, is_verbose=arguments.verbose)


def _told(tally: Tally, *, is_whole: bool) -> int:
    missing = sorted(tally.known - set(tally.driven) - set(NOT_DRIVEN))
    unused = [
        one for one in (*DELIBERATE, *NOT_BUILT) if one not in tally.used and not one.is_by_chance
    ]
    print(
        f"{tally.driven.total()} commands, {len(tally.different)} differ,"
        f" {len(tally.meant)} differ on purpose"
    )
    if not is_whole:
        return 1 if tally.different else 0
    _list_coverage(tally.driven, sorted(tally.known))
    for name in missing:
        print(f"NOT DRIVEN: {name}")
    for one in unused:
        print(f"NOT NEEDED any more: {one.commands} {one.path}")
    return 1 if tally.different or missing or unused else 0


def _list_coverage(driven: Counter[str], known: Sequence[str]) -> None:
    print(f"{sum(name in driven for name in known)} of {len(known)} subcommands driven:")
    for name in known:
        print(f"  {driven[name]:3}  {name}{'  ' + NOT_DRIVEN[name] if name in NOT_DRIVEN else ''}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.cli_check", description=__doc__)
    parser.add_argument("cli", type=lambda text: Path(text).resolve(), help="official executable")
    parser.add_argument("--only", default="", help="scenarios whose name matches this pattern")
    parser.add_argument("--verbose", action="store_true", help="print every answer")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
