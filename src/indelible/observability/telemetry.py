"""Measurements, held in plain dictionaries until somebody scrapes them.

Owns the values and their bound. A count costs one dictionary look-up; the work of rendering is the
scraper's. Names and labels follow the reference service's, so existing dashboards find them.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

SERIES_MAX: Final = 50_000
"""Names with their labels. Beyond it new ones are dropped and counted."""

# The reference's buckets for latencies, in seconds.
_BUCKETS: Final = (
    *(0.001, 0.002, 0.005, 0.010, 0.020, 0.050, 0.1, 0.2, 0.5),
    *(1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0),
)

Labels = tuple[tuple[str, str], ...]


class SeriesKey(NamedTuple):
    """One measured quantity: a name and what it is about."""

    name: str
    labels: Labels


class Distribution(msgspec.Struct):
    """How often each bucket was hit; the last one is for values beyond all bounds."""

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * (len(_BUCKETS) + 1))
    sum: float = 0.0

    def cumulative(self) -> Iterator[tuple[str, int]]:
        """Yield (upper bound, how many values lie at or below it)."""
        total = 0
        for bound, count in zip(_BUCKETS, self.counts, strict=False):
            total += count
            yield repr(bound), total
        yield "+Inf", total + self.counts[-1]


class MemoryTelemetry:
    """The node's measurements. All methods belong to the event loop's thread."""

    def __init__(self) -> None:
        self._counters: dict[SeriesKey, float] = {}
        self._gauges: dict[SeriesKey, float] = {}
        self._distributions: dict[SeriesKey, Distribution] = {}
        self._dropped = 0

    @property
    def counters(self) -> Mapping[SeriesKey, float]:
        """Totals since the start of the process."""
        return self._counters

    @property
    def gauges(self) -> Mapping[SeriesKey, float]:
        """Present values."""
        return self._gauges

    @property
    def distributions(self) -> Mapping[SeriesKey, Distribution]:
        """Distributions since the start of the process."""
        return self._distributions

    @property
    def dropped_count(self) -> int:
        """How many measurements found no room for a new series."""
        return self._dropped

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        """Add to a counter."""
        key = SeriesKey(name, tuple(labels.items()))
        counters = self._counters
        if key in counters:
            counters[key] += value
        elif self._has_room():
            counters[key] = value

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Record one value of a distribution; times are in seconds."""
        key = SeriesKey(name, tuple(labels.items()))
        distribution = self._distributions.get(key)
        if distribution is None:
            if not self._has_room():
                return
            distribution = self._distributions[key] = Distribution()
        distribution.counts[bisect_left(_BUCKETS, value)] += 1
        distribution.sum += value

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a value that goes up and down."""
        key = SeriesKey(name, tuple(labels.items()))
        if key in self._gauges or self._has_room():
            self._gauges[key] = value

    def _has_room(self) -> bool:
        size = len(self._counters) + len(self._gauges) + len(self._distributions)
        if size < SERIES_MAX:
            return True
        self._dropped += 1
        return False
