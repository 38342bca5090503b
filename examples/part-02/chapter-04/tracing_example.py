"""Where a request has been: one trace from the client through the workflow to its activities.

Clients and workers make the spans. The server carries the trace from one to the other, in a header
of the run and of each activity. A replay makes no span again.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.trace import SpanContext, Tracer, format_trace_id
    from running import (
        check,
        connect,
        failed,
        new_id,
        parse_options,
        run,
        span,
        verified,
        working,
    )
    from temporalio.contrib.opentelemetry import TracingInterceptor

TREE = """\
buy a lamp [shop]
  StartWorkflow:ParcelWorkflow [shop]
    RunWorkflow:ParcelWorkflow [worker]
    StartActivity:pack [worker]
      RunActivity:pack [worker]
        weigh [worker]
    StartActivity:ship [worker]
      RunActivity:ship [worker] failed
      RunActivity:ship [worker]
    CompleteWorkflow:ParcelWorkflow [worker]"""


class Warehouse:
    """Activities that add a span of their own to those of the SDK."""

    def __init__(self, tracer: Tracer) -> None:
        """Spans go to this tracer."""
        self._tracer = tracer

    @activity.defn
    async def pack(self, item: str) -> str:
        """Put the item into a box."""
        with self._tracer.start_as_current_span("weigh"):
            return f"{item}, packed"

    @activity.defn
    async def ship(self, parcel: str) -> str:
        """Hand the parcel over, at the second attempt."""
        if activity.info().attempt == 1:
            raise ConnectionError("the carrier does not answer")
        return f"{parcel}, shipped"


@workflow.defn
class ParcelWorkflow:
    """Packs and ships."""

    @workflow.run
    async def run(self, item: str) -> str:
        """Return what became of the item."""
        parcel = await workflow.execute_activity_method(
            Warehouse.pack, item, start_to_close_timeout=span(10)
        )
        return await workflow.execute_activity_method(
            Warehouse.ship,
            parcel,
            start_to_close_timeout=span(10),
            retry_policy=RetryPolicy(initial_interval=span(0.1)),
        )


def tracer_of(service: str, exporter: InMemorySpanExporter) -> Tracer:
    """The tracer of one service; in earnest its exporter sends the spans to a collector."""
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer(__name__)


def traced(client: Client, tracer: Tracer) -> Client:
    """The same client, which also passes traces on, as does every worker that is made with it."""
    config = client.config()
    config["interceptors"] = [TracingInterceptor(tracer)]
    return Client(**config)


def place(one: ReadableSpan) -> SpanContext:
    """Which span of which trace it is."""
    if one.context is None:
        failed("a span that was made has a place")
    return one.context


def tree(spans: Sequence[ReadableSpan]) -> Iterator[str]:
    """One line for each span, below the span that it is a part of."""
    parts: dict[int | None, list[ReadableSpan]] = defaultdict(list)
    for one in spans:
        parts[one.parent.span_id if one.parent else None].append(one)

    def lines(whole: int | None, depth: int) -> Iterator[str]:
        for one in parts[whole]:
            end = "" if one.status.is_ok else " failed"
            yield f"{'  ' * depth}{one.name} [{one.resource.attributes[SERVICE_NAME]}]{end}"
            yield from lines(place(one).span_id, depth + 1)

    return lines(None, 0)


async def carried_trace(handle: WorkflowHandle[Any, Any]) -> str:
    """The trace that the run's first event names, written as everywhere in the W3C's headers."""
    started = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes
    return json.loads(started.header.fields["_tracer-data"].data)["traceparent"]


async def main() -> None:
    """Two services, one trace."""
    options = parse_options(is_alone=True)
    exporter = InMemorySpanExporter()
    shop, worker = tracer_of("shop", exporter), tracer_of("worker", exporter)
    client = await connect()
    warehouse = Warehouse(worker)
    async with working(
        traced(client, worker),
        options,
        workflows=[ParcelWorkflow],
        activities=[warehouse.pack, warehouse.ship],
        max_cached_workflows=0,  # Each workflow task replays what was before it.
    ):
        with shop.start_as_current_span("buy a lamp"):
            handle = await traced(client, shop).start_workflow(
                ParcelWorkflow.run, "lamp", id=new_id("parcel"), task_queue=options.task_queue
            )
            result = await handle.result()
    spans = exporter.get_finished_spans()
    shown = list(tree(spans))
    print("\n".join(f"  {line}" for line in shown))
    check(result == "lamp, packed, shipped", "the lamp is on its way")
    check("\n".join(shown) == TREE, "each span is a part of the one that has caused it")
    check(len(shown) == len(spans), "there is no other span")
    traces = {format_trace_id(place(one).trace_id) for one in spans}
    carried = await carried_trace(handle)
    check(traces == {carried.split("-")[1]}, f"it is one trace, and the server has it: {carried}")
    verified(f"one trace of {len(spans)} spans: client, workflow, activities; none from a replay")


if __name__ == "__main__":
    run(main)
