"""Signals that come before the worker: kept in order, handled before the workflow's first line."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from running import (
        check,
        connect,
        event_names,
        new_id,
        parse_options,
        run,
        verified,
        working,
    )

EARLY = [f"early {number}" for number in range(20)]
LATE = [f"late {number}" for number in range(20)]


@workflow.defn
class LogWorkflow:
    """Writes down what happens, in the order in which it happens to the workflow."""

    @workflow.init
    def __init__(self, opening: str) -> None:
        """Run before everything else, and with the arguments: handlers find the state prepared."""
        self.log = [f"init: {opening}"]
        self.is_closed = False

    @workflow.signal
    def note(self, text: str) -> None:
        """Write a line."""
        self.log.append(text)

    @workflow.signal
    def close(self) -> None:
        """Close the book."""
        self.is_closed = True

    @workflow.run
    async def run(self, opening: str) -> list[str]:
        """Return the lines."""
        self.log.append(f"run: {opening}")
        await workflow.wait_condition(lambda: self.is_closed)
        return self.log


async def main() -> None:
    """Signal twenty times while there is no worker, twenty times while there is one."""
    options = parse_options(is_alone=True)
    client = await connect()
    book = await client.start_workflow(
        LogWorkflow.run, "monday", id=new_id("log"), task_queue=options.task_queue
    )
    for text in EARLY:
        await book.signal(LogWorkflow.note, text)
    events_before = await event_names(book)
    async with working(client, options, workflows=[LogWorkflow]):
        for text in LATE:
            await book.signal(LogWorkflow.note, text)
        await book.signal(LogWorkflow.close)
        log = await book.result()
    print(f"{len(events_before)} events before the first worker came")
    print(f"log: {log[0]!r}, {log[1]!r}, ..., {log[log.index('run: monday')]!r}, ...")
    expected_events = ["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED"]
    signals = ["WORKFLOW_EXECUTION_SIGNALED"] * len(EARLY)
    check(events_before == [*expected_events, *signals], "the server kept every signal")
    check(log[0] == "init: monday", "the initialiser came first")
    check(log[1 : 1 + len(EARLY)] == EARLY, "then the early signals, in order")
    check(log.index("run: monday") > log.index(EARLY[-1]), "and only then the workflow's body")
    check([line for line in log if line in LATE] == LATE, "the late signals are in order, too")
    check(len(log) == 2 + len(EARLY) + len(LATE), "nothing was lost or doubled")
    verified("forty signals in order, the early ones before the first line of the workflow")


if __name__ == "__main__":
    run(main)
