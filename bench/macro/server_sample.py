"""What the server process has used up so far, read from outside: the system and its metrics page.

Owns the reading of CPU, memory, disk writes and counters. It must not know what load caused them.
"""

import re
import urllib.request
from dataclasses import dataclass
from typing import Final

import psutil

from tests.server_process import ServerProcess

FLUSHES_METRIC: Final = "indelible_store_flushes"
# A line of what the server says about itself when it starts.
_DURABILITY: Final = re.compile(r"^Durability:\s*(\w+)", re.MULTILINE)
_METRICS_SECONDS_MAX: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSample:
    """One reading. `flushes` is None when the server does not tell."""

    cpu_seconds: float
    rss_bytes: int
    pss_bytes: int
    written_bytes: int
    flushes: float | None


def sample(server: ServerProcess) -> ServerSample:
    """Read the process and all its descendants."""
    root = psutil.Process(server.pid)
    cpu = rss = pss = written = 0.0
    for process in (root, *root.children(recursive=True)):
        with process.oneshot():
            times = process.cpu_times()
            memory = process.memory_full_info()
            cpu += times.user + times.system
            rss += memory.rss
            pss += memory.pss
            written += process.io_counters().write_bytes
    ended = root.cpu_times()
    return ServerSample(
        cpu_seconds=cpu + ended.children_user + ended.children_system,
        rss_bytes=int(rss),
        pss_bytes=int(pss),
        written_bytes=int(written),
        flushes=_counter(metrics_page(server), FLUSHES_METRIC),
    )


def metrics_page(server: ServerProcess) -> str:
    """The server's metrics as text; empty when it has no such page."""
    url = f"http://127.0.0.1:{server.metrics_port}/metrics"
    try:
        with urllib.request.urlopen(url, timeout=_METRICS_SECONDS_MAX) as page:
            return page.read().decode()
    except OSError:
        return ""


def durability(server: ServerProcess) -> str:
    """The mode as the server itself reports it."""
    found = _DURABILITY.search(server.log.read_text(errors="replace"))
    return found[1] if found else "not reported"


def _counter(page: str, name: str) -> float | None:
    """Sum of a counter over its labels."""
    found = re.findall(rf"^{name}(?:_total)?(?:\{{[^}}]*\}})? (\S+)", page, re.MULTILINE)
    return sum(map(float, found)) if found else None
