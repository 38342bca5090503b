"""What services report about themselves: counters, distributions and gauges with few labels."""

from typing import Protocol


class Telemetry(Protocol):
    """A sink for measurements. Names and labels follow the reference service's metrics."""

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Record one value of a distribution; times are in seconds."""
        ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a value that goes up and down."""
        ...


class NoTelemetry:
    """Drops everything: for tests and tools."""

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        """Do nothing."""

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Do nothing."""

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Do nothing."""
