"""A mortgage application that waits for three people, and costs nothing while it waits."""

from temporalio import workflow
from temporalio.api.enums.v1 import EventType

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, verified, working

NEEDED = ("income statement", "property appraisal", "credit report")


@workflow.defn
class MortgageWorkflow:
    """Decides when all documents are there."""

    def __init__(self) -> None:
        """Start with empty hands."""
        self.received: list[str] = []

    @workflow.signal
    def hand_in(self, document: str) -> None:
        """A document has arrived."""
        self.received.append(document)

    @workflow.query
    def missing(self) -> list[str]:
        """What is still missing, in the order in which it was asked for."""
        return [document for document in NEEDED if document not in self.received]

    @workflow.run
    async def run(self, applicant: str) -> str:
        """Wait, for minutes or for months."""
        await workflow.wait_condition(lambda: not self.missing())
        return f"mortgage for {applicant} approved with {len(self.received)} documents"


async def main() -> None:
    """Hand in three documents one by one, then read in the history what the waiting cost."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[MortgageWorkflow]):
        handle = await client.start_workflow(
            MortgageWorkflow.run, "Ada", id=new_id("mortgage"), task_queue=options.task_queue
        )
        for number, document in enumerate(NEEDED):
            missing = await handle.query(MortgageWorkflow.missing)
            print(f"waiting for: {', '.join(missing)}")
            check(missing == list(NEEDED[number:]), "the query tells what is missing")
            await handle.signal(MortgageWorkflow.hand_in, document)
        result = await handle.result()
    print(result)
    check(result == "mortgage for Ada approved with 3 documents", "approved after three signals")
    events = (await handle.fetch_history()).events
    signals = [e for e in events if e.HasField("workflow_execution_signaled_event_attributes")]
    tasks = [e for e in events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
    check(len(signals) == 3, "three signals are three events")
    check(len(tasks) <= 4, "one task to begin with, and at most one for each signal")
    check(
        len(events) == 2 + len(signals) + 3 * len(tasks),
        "start, end, signals and their tasks: no event was caused by waiting",
    )
    verified(f"three signals, {len(events)} events, none of them for the time between")


if __name__ == "__main__":
    run(main)
