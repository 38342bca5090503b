"""The measurements in Prometheus' text format.

Owns the translation. prometheus-client is imported by the first scrape and not before: it would
cost a tenth of the start-up time.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from indelible.observability.telemetry import MemoryTelemetry, SeriesKey

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
# What the reference's dashboards select on; all of our measurements come from one process.
_SERVICE_LABEL: Final = ("service_name", "frontend")


class PrometheusPage:
    """Renders a node's measurements, and those of its process, for each scrape."""

    def __init__(self, telemetry: MemoryTelemetry) -> None:
        self._telemetry = telemetry
        self._registry: CollectorRegistry | None = None

    def render(self) -> bytes:
        """Return the page."""
        from prometheus_client import exposition  # noqa: PLC0415 - see above

        if self._registry is None:
            self._registry = self._new_registry()
        return exposition.generate_latest(self._registry)

    def collect(self) -> Iterator["Metric"]:
        """Yield the node's own measurements; called by the registry."""
        from prometheus_client import Metric  # noqa: PLC0415 - see above

        telemetry = self._telemetry
        metrics: dict[str, Metric] = {}

        def metric(key: SeriesKey, kind: str) -> "Metric":
            found = metrics.get(key.name)
            if found is None:
                found = metrics[key.name] = Metric(key.name, key.name.replace("_", " "), kind)
            return found

        # Declared "unknown": this exposition would write counters as <name>_total, and the
        # reference's dashboards know the bare names.
        for key, total in telemetry.counters.items():
            metric(key, "unknown").add_sample(key.name, _labels(key), total)
        for key, value in telemetry.gauges.items():
            metric(key, "gauge").add_sample(key.name, _labels(key), value)
        for key, distribution in telemetry.distributions.items():
            labels = _labels(key)
            rows = list(distribution.cumulative())
            found = metric(key, "histogram")
            for bound, count in rows:
                found.add_sample(f"{key.name}_bucket", {**labels, "le": bound}, count)
            found.add_sample(f"{key.name}_count", labels, rows[-1][1])
            found.add_sample(f"{key.name}_sum", labels, distribution.sum)
        dropped = Metric("telemetry_dropped", "measurements without room", "unknown")
        dropped.add_sample("telemetry_dropped", {}, telemetry.dropped_count)
        yield from (*metrics.values(), dropped)

    def _new_registry(self) -> "CollectorRegistry":
        from prometheus_client import (  # noqa: PLC0415 - see above
            CollectorRegistry,
            GCCollector,
            PlatformCollector,
            ProcessCollector,
        )

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        return registry


def _labels(key: SeriesKey) -> dict[str, str]:
    return dict((*key.labels, _SERVICE_LABEL))
