"""`make sdk-suite SUITE=checkout`: the official Python SDK's own tests against a server of ours.

Runs them as often as asked, and prints what differs from what docs/compatibility.md says. It must
not know any test. The suite needs an interpreter with the SDK's released wheel and the packages
that the suite asks for: `--python`.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scripts.sdk_suite.names import read_names
from scripts.sdk_suite.outcomes import Run, Summary, read_page, summarize
from scripts.sdk_suite.running import Suite, run_suite
from scripts.sdk_suite.servers import (
    WITH_TEST_SERVER,
    WITH_TIME_SKIPPING,
    external_server,
    own_server,
    seed_download,
)
from tests.server_process import (
    INDELIBLE,
    TEST_SERVER,
    ServerExecutable,
    reference_executable,
)

PAGE: Final = Path("docs/compatibility.md")
_LOG_BYTES_MAX: Final = 4_000
_REASON_LENGTH_MAX: Final = 200


def main() -> int:
    """Return 0 if nothing differs and nothing wavers."""
    options = _parse()
    with _results_folder(options.results) as results:
        runs: list[Run] = []
        for number in range(1, options.repeats + 1):
            began_at = time.monotonic()
            folder = results / f"run-{number}"
            folder.mkdir(parents=True)
            runs.append(_run_once(options, folder))
            print(f"run {number}: {time.monotonic() - began_at:.0f} s, {folder}", flush=True)
        summary = summarize(runs, read_page(PAGE))
        report = "\n".join(_report(summary, runs))
        (results / "report.txt").write_text(report + "\n", encoding="utf-8")
        print(report)
    return 0 if summary.is_clean else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make sdk-suite", description=__doc__)
    parser.add_argument("--suite", type=Path, required=True, help="checkout of the SDK")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the suite")
    parser.add_argument(
        "--tests", type=Path, help="file that names the tests to run; all if left out"
    )
    parser.add_argument("--repeats", type=int, default=1, help="how many runs to merge")
    parser.add_argument("--results", type=Path, help="new folder for records and logs, to keep")
    parser.add_argument("--server", help="another executable in our place, such as the reference")
    parser.add_argument(
        "--mode",
        choices=("external", "dev-server", *WITH_TEST_SERVER, WITH_TIME_SKIPPING),
        default="external",
        help="give the suite an address, or let it start a server itself and find ours",
    )
    parser.add_argument("pytest_arguments", nargs="*", help="after --: passed on to pytest")
    return parser.parse_args()


@contextmanager
def _results_folder(path: Path | None) -> Iterator[Path]:
    if path is not None:
        path.mkdir(parents=True)
        yield path.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="sdk-suite-") as name:
        yield Path(name)


def _run_once(options: argparse.Namespace, folder: Path) -> Run:
    server, test_server = _servers(options)
    temporary = seed_download(
        folder,
        suite=options.suite,
        python=options.python,
        server=server,
        test_server=test_server,
    )
    suite = Suite.copy(
        options.suite,
        folder / "suite",
        python=options.python,
        temporary=temporary,
        names=read_names(options.tests) if options.tests else (),
        extra=options.pytest_arguments,
    )
    if options.mode != "external":
        return run_suite(suite, own_server(options.mode), folder)
    with external_server(server, folder) as access:
        run = run_suite(suite, access, folder)
    # Whatever the server had to say is a finding, even if every test has passed.
    log = (folder / "server.log").read_bytes()
    sys.stderr.write(log[-_LOG_BYTES_MAX:].decode(errors="replace"))
    return run


def _servers(options: argparse.Namespace) -> tuple[ServerExecutable, ServerExecutable | None]:
    """The dev server and the test server; `--server` is instead of that which the mode is about."""
    if not options.server:
        return INDELIBLE, TEST_SERVER
    another = reference_executable(options.server)
    return (INDELIBLE, another) if options.mode in WITH_TEST_SERVER else (another, None)


def _report(summary: Summary, runs: Sequence[Run]) -> Iterator[str]:
    for number, counts in enumerate(summary.counts, start=1):
        yield f"run {number}: " + ", ".join(f"{counts[key]} {key}" for key in sorted(counts))
    for title, names in (
        ("differences", summary.differences),
        ("flakes", summary.flakes),
        (f"known ({PAGE})", summary.excused),
        (f"passed, though {PAGE} says otherwise", summary.obsolete),
    ):
        yield f"{title}: {len(names)}"
        for name in names:
            yield f"  {name}"
            yield from (f"      {text}" for text in _reasons(name, runs))


def _reasons(name: str, runs: Sequence[Run]) -> Sequence[str]:
    """The last line of each different failure, which is where the error stands."""
    texts = [run.texts.get(name, "").strip() for run in runs]
    return sorted({text.splitlines()[-1][:_REASON_LENGTH_MAX] for text in texts if text})


if __name__ == "__main__":
    sys.exit(main())
