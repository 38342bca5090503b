"""One run that is stuck, seen from outside: which activity it is, why, and since how many attempts.

The server tells what is pending, the worker where the code waits. Then four witnesses of the same
attempts are compared: the history of the run, the worker's metrics, its log and its trace.
"""

import logging
import os
import re
from collections.abc import Sequence

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.runtime import BufferedMetricUpdate, MetricBuffer, Runtime, TelemetryConfig

with workflow.unsafe.imports_passed_through():
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from running import (
        check,
        event_names,
        new_id,
        parse_options,
        run,
        span,
        until,
        verified,
        working,
    )
    from temporalio.contrib.opentelemetry import TracingInterceptor

ATTEMPTS_WATCHED = 3
AWAITED = re.compile(r"activity: \w+")  # How the SDK names the tasks in its stack traces.
FAILED = "temporal_activity_execution_failed"


@activity.defn
async def pack(item: str) -> str:
    """A step that works."""
    return f"{item}, packed"


class Carrier:
    """A carrier whose system is down until somebody repairs it."""

    def __init__(self) -> None:
        """Out of order."""
        self.is_down = True

    @activity.defn
    async def ship(self, parcel: str) -> str:
        """Hand the parcel over."""
        if self.is_down:
            activity.logger.warning("the carrier does not answer")
            raise ConnectionError("the carrier does not answer")
        return f"{parcel}, shipped"


@workflow.defn
class ParcelWorkflow:
    """Packs and ships."""

    @workflow.run
    async def run(self, item: str) -> str:
        """Return what became of the item."""
        parcel = await workflow.execute_activity(pack, item, start_to_close_timeout=span(10))
        return await workflow.execute_activity_method(
            Carrier.ship,
            parcel,
            start_to_close_timeout=span(10),
            retry_policy=RetryPolicy(initial_interval=span(0.2), maximum_interval=span(0.5)),
        )


class Lines(logging.Handler):
    """The worker's log, as a collector would see it: message and the fields beside it."""

    def __init__(self) -> None:
        """Nothing was logged."""
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.records.append(record)

    def of(self, workflow_id: str) -> list[str]:
        """The warnings that name this run's workflow id."""
        return [
            record.getMessage()
            for record in self.records
            if record.levelno == logging.WARNING
            and "does not answer" in record.getMessage()
            and getattr(record, "temporal_activity", {}).get("workflow_id") == workflow_id
        ]


def counted(updates: Sequence[BufferedMetricUpdate]) -> int:
    """How many attempts of `ship` have failed, by the worker's counter."""
    return sum(
        int(update.value)
        for update in updates
        if update.metric.name == FAILED and update.attributes.get("activity_type") == "ship"
    )


def traced(spans: Sequence[ReadableSpan], workflow_id: str) -> int:
    """How many attempts of `ship` have failed, by the spans of this run."""
    attempts = [
        one
        for one in spans
        if one.name == "RunActivity:ship"
        and (one.attributes or {}).get("temporalWorkflowID") == workflow_id
    ]
    starts = {one.parent.span_id if one.parent else None for one in attempts}
    check(len(starts) == 1, "all attempts are parts of one start")
    return sum(not one.status.is_ok for one in attempts)


async def recorded(parcel: WorkflowHandle[ParcelWorkflow, str]) -> int:
    """How many attempts of `ship` have failed, by the start that ended well at last."""
    started = [
        event.activity_task_started_event_attributes
        async for event in parcel.fetch_history_events()
        if event.HasField("activity_task_started_event_attributes")
    ]
    return started[-1].attempt - 1


async def watched_client(metrics: MetricBuffer, spans: InMemorySpanExporter) -> Client:
    """A client whose workers count into this buffer and leave their spans in this exporter."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return await Client.connect(
        os.environ.get("TEMPORAL_ADDRESS", "localhost:7233"),
        namespace=os.environ.get("TEMPORAL_NAMESPACE", "default"),
        runtime=Runtime(telemetry=TelemetryConfig(metrics=metrics)),
        interceptors=[TracingInterceptor(provider.get_tracer(__name__))],
    )


async def look(parcel: WorkflowHandle[ParcelWorkflow, str]) -> tuple[str, int, str]:
    """Which activity is pending, in which attempt, and what happened in the attempt before."""
    pending = (await parcel.describe()).raw_description.pending_activities
    check(len(pending) == 1, "one activity is pending")
    one = pending[0]
    return one.activity_type.name, one.attempt, one.last_failure.message


async def main() -> None:
    """Get stuck, look, repair, and count."""
    options = parse_options(is_alone=True)
    metrics, lines, spans = MetricBuffer(10_000), Lines(), InMemorySpanExporter()
    client, carrier = await watched_client(metrics, spans), Carrier()
    activity.logger.base_logger.addHandler(lines)
    async with working(
        client, options, workflows=[ParcelWorkflow], activities=[pack, carrier.ship]
    ):
        parcel = await client.start_workflow(
            ParcelWorkflow.run, "lamp", id=new_id("parcel"), task_queue=options.task_queue
        )

        async def is_stuck() -> bool:
            pending = (await parcel.describe()).raw_description.pending_activities
            return any(one.attempt > ATTEMPTS_WATCHED for one in pending)

        await until(is_stuck)
        name, attempt, reason = await look(parcel)
        stack = await parcel.query("__stack_trace", result_type=str)
        before = await event_names(parcel)
        carrier.is_down = False
        result = await parcel.result()
    after = await event_names(parcel)
    failed = {
        "history": await recorded(parcel),
        "metrics": counted(metrics.retrieve_updates()),
        "log": len(lines.of(parcel.id)),
        "trace": traced(spans.get_finished_spans(), parcel.id),
    }
    waiting = sorted(set(AWAITED.findall(stack)))
    print(f"  stuck in {name}, attempt {attempt}: {reason}; the code waits for {waiting}")
    print(f"  repaired: {result}; failed attempts: {failed}")
    check((name, reason) == ("ship", "the carrier does not answer"), "the blocked activity")
    check(waiting == ["activity: ship"], "the stack trace tells what the code waits for")
    check("ACTIVITY_TASK_FAILED" not in after, "attempts that are repeated are no events")
    check(before.count("ACTIVITY_TASK_STARTED") == 1, "nor is a start that may be repeated")
    check(failed["history"] >= ATTEMPTS_WATCHED, "it was stuck for a while")
    check(len(set(failed.values())) == 1, "history, metrics, log and trace agree")
    verified("the blocked activity was found; four witnesses agree on its attempts")


if __name__ == "__main__":
    run(main)
