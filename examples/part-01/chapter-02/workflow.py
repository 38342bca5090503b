"""A pipeline of two activities, and its history of exactly seventeen events."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import count_words, process_text
    from running import (
        check,
        connect,
        event_names,
        new_id,
        parse_options,
        run,
        span,
        verified,
        working,
    )

WORKFLOW_TASK = ["WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED"]
ACTIVITY_TASK = ["ACTIVITY_TASK_SCHEDULED", "ACTIVITY_TASK_STARTED", "ACTIVITY_TASK_COMPLETED"]
EXPECTED_EVENTS = [
    "WORKFLOW_EXECUTION_STARTED",
    *WORKFLOW_TASK,
    *ACTIVITY_TASK,
    *WORKFLOW_TASK,
    *ACTIVITY_TASK,
    *WORKFLOW_TASK,
    "WORKFLOW_EXECUTION_COMPLETED",
]


@workflow.defn
class DataProcessingWorkflow:
    """Process the text, then count its words."""

    @workflow.run
    async def run(self, text: str) -> dict[str, str | int]:
        """Return the processed text and its number of words."""
        processed = await workflow.execute_activity(
            process_text, text, start_to_close_timeout=span(10)
        )
        words = await workflow.execute_activity(
            count_words, processed, start_to_close_timeout=span(10)
        )
        return {"input": text, "processed": processed, "words": words}


async def main() -> None:
    """Run the pipeline and read its history."""
    options = parse_options()
    client = await connect()
    async with working(
        client,
        options,
        workflows=[DataProcessingWorkflow],
        activities=[process_text, count_words],
    ):
        text = "to  be or   not to be"
        handle = await client.start_workflow(
            DataProcessingWorkflow.run, text, id=new_id("pipeline"), task_queue=options.task_queue
        )
        result = await handle.result()
    print(f"Result: {result}")
    events = await event_names(handle)
    print("\n".join(f"{number:>3} {name}" for number, name in enumerate(events, 1)))
    expected = {"input": text, "processed": "TO BE OR NOT TO BE", "words": 6}
    check(result == expected, "the result went through both activities")
    check(events == EXPECTED_EVENTS, "the history has the seventeen events in their order")
    verified("result and all 17 events as expected")


if __name__ == "__main__":
    run(main)
