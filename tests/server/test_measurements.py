"""Counting, and the page that tells of it."""

import asyncio
import contextlib

import pytest
from prometheus_client.parser import text_string_to_metric_families

from indelible.observability import telemetry as telemetry_module
from indelible.observability.metrics_endpoint import MetricsEndpoint
from indelible.observability.prometheus import CONTENT_TYPE, PrometheusPage
from indelible.observability.telemetry import MemoryTelemetry


def samples(telemetry: MemoryTelemetry) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    page = PrometheusPage(telemetry).render().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def labels(**labels: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({**labels, "service_name": "frontend"}.items()))


def test_counters_have_the_bare_names_of_the_reference() -> None:
    telemetry = MemoryTelemetry()
    telemetry.count("service_requests", operation="Poll", namespace="n")
    telemetry.count("service_requests", 2, operation="Poll", namespace="n")
    assert samples(telemetry)["service_requests", labels(operation="Poll", namespace="n")] == 3


def test_gauges_show_the_last_value() -> None:
    telemetry = MemoryTelemetry()
    for value in (4, 1.5):
        telemetry.gauge("depth", value)
    assert samples(telemetry)["depth", labels()] == 1.5


def test_distributions_are_cumulative() -> None:
    telemetry = MemoryTelemetry()
    for seconds in (0.001, 0.0011, 0.3, 5_000):
        telemetry.observe("service_latency", seconds, operation="x")
    found = samples(telemetry)

    def at_most(bound: str) -> float:
        return found["service_latency_bucket", labels(operation="x", le=bound)]

    assert [at_most(bound) for bound in ("0.001", "0.002", "0.5", "1000.0", "+Inf")] == [
        1,
        2,
        3,
        3,
        4,
    ]
    assert found["service_latency_count", labels(operation="x")] == 4
    assert found["service_latency_sum", labels(operation="x")] == pytest.approx(5_000.3021)


def test_the_page_tells_of_the_process() -> None:
    assert any(name == "process_cpu_seconds_total" for name, _ in samples(MemoryTelemetry()))


def test_odd_label_values_do_not_break_the_page() -> None:
    telemetry = MemoryTelemetry()
    telemetry.count("odd", namespace='a"b\\c\nd')
    assert samples(telemetry)["odd", labels(namespace='a"b\\c\nd')] == 1


def test_series_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry_module, "SERIES_MAX", 3)
    telemetry = MemoryTelemetry()
    for number in range(5):
        telemetry.count("many", label=str(number))
        telemetry.observe("seconds", 1, label=str(number))
        telemetry.gauge("level", 1, label=str(number))
    telemetry.count("many", label="0")
    assert len(telemetry.counters) == 1
    assert sum(telemetry.counters.values()) == 2
    assert telemetry.dropped_count == 12


async def answer(request: bytes) -> bytes:
    endpoint = MetricsEndpoint(lambda: b"the page", CONTENT_TYPE)
    port = await endpoint.listen("127.0.0.1", 0)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        writer.write_eof()
        found = await reader.read()
        writer.close()
        await writer.wait_closed()
        return found
    finally:
        await endpoint.stop()


@pytest.mark.parametrize(
    ("request_line", "status", "body"),
    [
        ("GET /metrics HTTP/1.1", "200 OK", b"the page"),
        ("GET /metrics?x=1 HTTP/1.0", "200 OK", b"the page"),
        ("HEAD /metrics HTTP/1.1", "200 OK", b""),
        ("GET /other HTTP/1.1", "404 Not Found", b"the metrics are at /metrics\n"),
        ("POST /metrics HTTP/1.1", "405 Method Not Allowed", b"GET only\n"),
        ("\xff", "405 Method Not Allowed", b"GET only\n"),
    ],
)
async def test_the_endpoint_serves_one_page(request_line: str, status: str, body: bytes) -> None:
    found = await answer(request_line.encode("latin-1") + b"\r\nHost: x\r\n\r\n")
    head, _, rest = found.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status}\r\n".encode())
    assert rest == body


@pytest.mark.parametrize("request_bytes", [b"", b"GET /metrics", b"x" * 100_000])
async def test_half_a_question_has_no_answer(request_bytes: bytes) -> None:
    with contextlib.suppress(ConnectionError):  # The listener may hang up while we still talk.
        assert await answer(request_bytes) == b""
