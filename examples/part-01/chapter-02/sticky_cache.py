"""A workflow sticks to the worker that has it in memory, and moves when that worker stops."""

from temporalio import workflow
from temporalio.api.enums.v1 import EventType, TaskQueueKind
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, run, span, verified


@workflow.defn
class DiaryWorkflow:
    """Writes down what it is told."""

    def __init__(self) -> None:
        """Start with an empty page."""
        self.lines: list[str] = []
        self.closed = False

    @workflow.signal
    def write(self, line: str) -> None:
        """One more line."""
        self.lines.append(line)

    @workflow.signal
    def close(self) -> None:
        """The last one was written."""
        self.closed = True

    @workflow.query
    def read(self) -> list[str]:
        """All lines so far."""
        return self.lines

    @workflow.run
    async def run(self) -> list[str]:
        """Return the diary."""
        await workflow.wait_condition(lambda: self.closed)
        return self.lines


async def new_worker(queue: str, name: str) -> Worker:
    """A worker with its own name and connection, and little patience for its sticky queue."""
    return Worker(
        await connect(),
        task_queue=queue,
        workflows=[DiaryWorkflow],
        identity=name,
        sticky_queue_schedule_to_start_timeout=span(2),
    )


async def main() -> None:
    """Two workers, one workflow; the one that has it cached is stopped."""
    client = await connect()
    queue = new_id("sticky")
    first = await new_worker(queue, "first")
    async with first:
        handle = await client.start_workflow(
            DiaryWorkflow.run, id=new_id("diary"), task_queue=queue
        )
        await handle.query(DiaryWorkflow.read)
        second = await new_worker(queue, "second")
        async with second:
            for number in range(4):
                await handle.signal(DiaryWorkflow.write, f"line {number}")
                await handle.query(DiaryWorkflow.read)
            await first.shutdown()
            await handle.signal(DiaryWorkflow.write, "after the move")
            await handle.signal(DiaryWorkflow.close)
            lines = await handle.result()
    events = (await handle.fetch_history()).events
    workers = [
        event.workflow_task_completed_event_attributes.identity
        for event in events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    sticky = [
        event
        for event in events
        if event.workflow_task_scheduled_event_attributes.task_queue.kind
        == TaskQueueKind.TASK_QUEUE_KIND_STICKY
    ]
    print(f"workflow tasks done by: {', '.join(workers)}")
    moved_at = workers.index("second")
    check(lines == [*(f"line {n}" for n in range(4)), "after the move"], "no line was lost")
    check(set(workers[:moved_at]) == {"first"}, "the first worker kept it while it could")
    check(moved_at >= 2, "the first worker did more than one task")
    check(set(workers[moved_at:]) == {"second"}, "then the second worker had it")
    check(len(sticky) >= moved_at - 1, "its tasks went to the worker's own queue")
    verified("the workflow stayed with its worker, and moved when that one stopped")


if __name__ == "__main__":
    run(main)
