"""`python -m scripts.ui_check --ui-server PATH [--reference PATH] [--only PATTERN]`."""

import argparse
import asyncio
import logging
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from scripts.ui_check.acts import Act
from scripts.ui_check.chromium import EXECUTABLE, Browser, chromium
from scripts.ui_check.comparing import Observation, Verdict, judged, normal_lines
from scripts.ui_check.drives import drives
from scripts.ui_check.hand import Hand, NotThereError
from scripts.ui_check.pages import pages
from scripts.ui_check.seeding import Seeds, seeded
from scripts.ui_check.sides import side
from tests.server_process import INDELIBLE, ServerExecutable, reference_executable

_IN_FILES: Final = str.maketrans("/?= ", "----")


async def main() -> int:
    """Do every act on every side and report. Returns how the process shall end."""
    arguments = _arguments()
    # The workers fail on purpose, which the SDK tells at length.
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    acts = [one for one in (*pages(), *drives()) if re.search(arguments.only, one.name)]
    executables = [INDELIBLE]
    if arguments.reference:
        executables.append(reference_executable(arguments.reference))
    with tempfile.TemporaryDirectory(prefix="ui-check-") as folder:
        async with chromium(arguments.chromium) as browser:
            observed = [
                await _observed(acts, one, browser, arguments, Path(folder)) for one in executables
            ]
    verdicts = [
        judged(
            observed[0][act.name],
            observed[1][act.name] if arguments.reference else None,
            expected=act.expected,
        )
        for act in acts
    ]
    return _told(verdicts, has_calls=arguments.calls)


async def _observed(
    acts: Sequence[Act],
    executable: ServerExecutable,
    browser: Browser,
    arguments: argparse.Namespace,
    folder: Path,
) -> Mapping[str, Observation]:
    place = folder / executable.name
    await asyncio.to_thread(place.mkdir)
    pictures = arguments.pictures / executable.name if arguments.pictures else None
    if pictures:
        await asyncio.to_thread(pictures.mkdir, parents=True, exist_ok=True)
    observed: dict[str, Observation] = {}
    async with (
        side(executable, ui_server=arguments.ui_server, folder=place) as one,
        seeded(one.client) as seeds,
    ):
        hand = Hand(browser, one.ui)
        for act in acts:
            observed[act.name] = await _done(act, hand, seeds)
            if pictures:
                picture = pictures / f"{act.name.translate(_IN_FILES)}.png"
                await asyncio.to_thread(picture.write_bytes, await hand.picture())
            note = observed[act.name].broken or "done"
            print(f"{executable.name}: {act.name}: {note}", file=sys.stderr, flush=True)
    return observed


async def _done(act: Act, hand: Hand, seeds: Seeds) -> Observation:
    hand.listen_anew()
    broken = ""
    try:
        await act.doing(hand, seeds)
        await hand.settle()
    except NotThereError as error:
        broken = f"looked in vain for {error}"
    except TimeoutError:
        broken = "waited in vain"
    heard = hand.heard
    return Observation(
        name=act.name,
        broken=broken,
        errors=frozenset(heard.errors),
        refused=frozenset(heard.refused),
        calls=frozenset(heard.calls),
        lines=normal_lines(await hand.text()) if act.is_compared else (),
    )


def _told(verdicts: Sequence[Verdict], *, has_calls: bool) -> int:
    print(f"{'':4} {'page or act':36} {'calls':>5} {'errors':>6} {'reference':>9}")
    for one in verdicts:
        theirs = str(_errors_count(one.theirs)) if one.theirs else "-"
        print(
            f"{'BAD' if one.faults else 'ok':4} {one.ours.name:36} {len(one.ours.calls):5}"
            f" {_errors_count(one.ours):6} {theirs:>9}"
        )
        for line in one.faults:
            print(f"       {line[:300]}")
        for line in one.shared:
            print(f"     = {line[:300]}")
        for line in sorted(one.ours.calls) if has_calls else ():
            print(f"       {line[:300]}")
    bad_count = sum(bool(one.faults) for one in verdicts)
    print(f"{len(verdicts)} pages and acts, {bad_count} bad")
    return 1 if bad_count else 0


def _errors_count(one: Observation) -> int:
    return len(one.errors) + len(one.refused) + bool(one.broken)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.ui_check", description=__doc__)
    parser.add_argument(
        "--ui-server", required=True, type=_path, help="executable of the UI server"
    )
    parser.add_argument("--reference", help="official command line, for a comparison")
    parser.add_argument("--chromium", default=EXECUTABLE)
    parser.add_argument("--only", default="", help="pages whose name matches this pattern")
    parser.add_argument("--calls", action="store_true", help="list what each page asks")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of every page")
    return parser.parse_args()


def _path(text: str) -> Path:
    return Path(text).resolve()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
