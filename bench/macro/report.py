"""How the numbers are shown: tables, ratios, JSON.

Owns the words and the medians over rounds. It must not measure anything.
"""

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import psutil

from bench.macro.measurement import RoundResult, ScenarioResult

_FLUSH_PROBES: Final = 50
_PAGE_BYTES: Final = 4096
# On these nothing survives a power failure: numbers of a "durable" server there would be a lie.
_FORGETFUL_FILESYSTEMS: Final = frozenset({"tmpfs", "ramfs"})
# Column title, value of a scenario, whether more is better.
_COLUMNS: Final[Sequence[tuple[str, Callable[[ScenarioResult], float | None], bool]]] = (
    ("wf/s", lambda r: r.workflows_per_second, True),
    ("p50 ms", lambda r: r.p50_ms, False),
    ("p99 ms", lambda r: r.p99_ms, False),
    ("max ms", lambda r: r.max_ms, False),
    ("srv cpu ms/wf", lambda r: r.server_cpu_ms_per_workflow, False),
    ("drv cpu ms/wf", lambda r: r.driver_cpu_ms_per_workflow, False),
    ("KiB/wf", lambda r: r.server_written_kib_per_workflow, False),
    ("flush/s", lambda r: r.flushes_per_second, False),
    ("flush/wf", lambda r: r.flushes_per_workflow, False),
)


def machine() -> dict[str, Any]:
    """Where it was measured, and how busy the machine was with other things."""
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpus": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "memory_mb": round(psutil.virtual_memory().total / 1e6),
        "load_average": os.getloadavg()[0],
        "disk_flush_ms": round(_disk_flush_ms(), 3),
        "filesystem": _filesystem(),
    }


def _filesystem() -> str:
    """Type of the file system under the data files."""
    folder = Path(tempfile.gettempdir()).resolve()
    mounted = {Path(part.mountpoint): part.fstype for part in psutil.disk_partitions(all=True)}
    return next((mounted[at] for at in (folder, *folder.parents) if at in mounted), "unknown")


def _disk_flush_ms() -> float:
    """Median time to append one page and flush it: the price of a promise on this disk."""
    taken: list[float] = []
    with tempfile.NamedTemporaryFile(prefix="indelible-flush-") as file:
        for number in range(_FLUSH_PROBES):
            began_at = time.perf_counter()
            os.pwrite(file.fileno(), b"x" * _PAGE_BYTES, number * _PAGE_BYTES)
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began_at)
    return 1000 * statistics.median(taken)


def as_json(place: dict[str, Any], rounds: Sequence[RoundResult]) -> dict[str, Any]:
    """Everything that was measured, round by round."""
    return {"machine": place, "rounds": [asdict(each) for each in rounds]}


def as_text(place: dict[str, Any], rounds: Sequence[RoundResult]) -> str:
    """Tables of medians over the rounds, the ratios, and whatever casts doubt on them."""
    servers = list(dict.fromkeys(each.server for each in rounds))
    parts = [" ".join(f"{key}={value}" for key, value in place.items())]
    parts += [_server_table(server, _of(server, rounds)) for server in servers]
    if len(servers) == 2:
        parts.append(_ratio_table(*(_of(server, rounds) for server in servers)))
    doubts = _doubts(rounds)
    if place["filesystem"] in _FORGETFUL_FILESYSTEMS:
        doubts.append(f"  data files lie on {place['filesystem']}: set TMPDIR to a real disk")
    parts.append("\n".join(["DOUBTS", *doubts]) if doubts else "every result and count was right")
    return "\n\n".join(parts)


def _of(server: str, rounds: Sequence[RoundResult]) -> list[RoundResult]:
    return [each for each in rounds if each.server == server]


def _server_table(server: str, rounds: Sequence[RoundResult]) -> str:
    first = rounds[0]
    memory = {
        name: _median_memory(name, rounds)
        for name in (
            "ready_seconds",
            "idle_rss_mb",
            "idle_pss_mb",
            "loaded_rss_mb",
            "loaded_pss_mb",
        )
    }
    head = (
        f"{server}: {len(rounds)} round(s), fresh file each, durability {first.durability}\n"
        f"ready in {memory['ready_seconds']:.2f} s; memory idle {memory['idle_rss_mb']:.0f} MB RSS"
        f" / {memory['idle_pss_mb']:.0f} MB PSS, loaded {memory['loaded_rss_mb']:.0f} MB RSS"
        f" / {memory['loaded_pss_mb']:.0f} MB PSS"
    )
    titles = ["scenario", "completed", *(title for title, _, _ in _COLUMNS), "errors"]
    rows = [_row(name, rounds) for name in _scenario_names(rounds)]
    return f"{head}\n{_table(titles, rows)}"


def _scenario_names(rounds: Sequence[RoundResult]) -> list[str]:
    return [result.scenario for result in rounds[0].scenarios]


def _results(name: str, rounds: Sequence[RoundResult]) -> list[ScenarioResult]:
    return [result for each in rounds for result in each.scenarios if result.scenario == name]


def _row(name: str, rounds: Sequence[RoundResult]) -> list[str]:
    results = _results(name, rounds)
    return [
        name,
        str(sum(result.completed for result in results)),
        *(_shown(_median(results, value)) for _, value, _ in _COLUMNS),
        str(sum(sum(result.errors.values()) for result in results)),
    ]


def _median(
    results: Sequence[ScenarioResult], value: Callable[[ScenarioResult], float | None]
) -> float | None:
    known = [number for number in map(value, results) if number is not None]
    return statistics.median(known) if known else None


def _shown(number: float | None) -> str:
    return "n/a" if number is None else f"{number:.2f}" if number < 100 else f"{number:.0f}"


def _ratio_table(ours: Sequence[RoundResult], reference: Sequence[RoundResult]) -> str:
    """How many times better the first server is: above 1 is better, whatever is measured."""
    rows: list[list[str]] = []
    for name in _scenario_names(ours):
        row = [name]
        for _, value, more_is_better in _COLUMNS:
            pair = (_median(_results(name, ours), value), _median(_results(name, reference), value))
            row.append(_ratio(*(pair if more_is_better else reversed(pair))))
        rows.append(row)
    memory = [
        f"{label} {_ratio(*(_median_memory(name, rounds) for rounds in (reference, ours)))}"
        for label, name in (("idle", "idle_rss_mb"), ("loaded", "loaded_rss_mb"))
    ]
    titles = ["times better", *(title for title, _, _ in _COLUMNS)]
    return f"{_table(titles, rows)}\nmemory: {', '.join(memory)} times less"


def _median_memory(name: str, rounds: Sequence[RoundResult]) -> float:
    return statistics.median(getattr(each, name) for each in rounds)


def _ratio(over: float | None, under: float | None) -> str:
    return "n/a" if over is None or not under else f"{over / under:.2f}"


def _doubts(rounds: Sequence[RoundResult]) -> list[str]:
    return [
        f"  {each.server} {result.scenario}: {doubt}"
        for each in rounds
        for result in each.scenarios
        for doubt in (
            *result.findings,
            *(f"{count} x {error}" for error, count in result.errors.items()),
        )
    ]


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (titles, *rows)
    ]
    return "\n".join(lines)
