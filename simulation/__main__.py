"""`python -m simulation --seed N --count N [--verbose]`: run seeds, one line each.

Owns the terminal. A failing seed shows what is broken, the end of its trace, and its histories.
"""

import argparse
import sys
import time
from typing import Final

from simulation.runs import Verdict, simulate

_TRACE_LINES_SHOWN: Final = 60
_FAILURES_SHOWN: Final = 12


def main() -> int:
    """Run the seeds that were asked for; return 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--count", type=int, default=1, help="how many seeds, one after the other")
    parser.add_argument("--verbose", action="store_true", help="show the trace of good runs, too")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at a failing seed")
    options = parser.parse_args()
    failed: list[int] = []
    for seed in range(options.seed, options.seed + options.count):
        began = time.perf_counter()
        verdict = simulate(seed)
        _show(verdict, time.perf_counter() - began, is_verbose=options.verbose)
        if verdict.failures:
            failed.append(seed)
            if not options.keep_going:
                break
    if failed:
        print(f"FAILED: {', '.join(map(str, failed))}; repeat with: make simulate SEED={failed[0]}")
    return 1 if failed else 0


def _show(verdict: Verdict, real_seconds: float, *, is_verbose: bool) -> None:
    outcome = "FAILED" if verdict.failures else "ok"
    print(
        f"seed {verdict.seed} {outcome} {verdict.digest} runs {verdict.run_count}"
        f" events {verdict.event_count} commits {verdict.commit_count}"
        f" virtual {verdict.virtual_seconds:.0f} s real {real_seconds * 1000:.0f} ms",
        flush=True,
    )
    if not verdict.failures:
        if is_verbose:
            print("\n".join(verdict.trace))
        return
    for failure in verdict.failures[:_FAILURES_SHOWN]:
        print(f"  BROKEN {failure.invariant}: {failure.what}")
    print("\n".join(verdict.trace if is_verbose else verdict.trace[-_TRACE_LINES_SHOWN:]))
    print("\n".join(verdict.histories))


if __name__ == "__main__":
    sys.exit(main())
