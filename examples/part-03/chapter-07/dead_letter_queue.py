"""Messages that fail three times go to a dead letter queue, and back when somebody has fixed it."""

import asyncio
from dataclasses import dataclass

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

ATTEMPTS_MAX = 3
ATTEMPTS: dict[str, int] = {}
BROKEN = {"message-2", "message-4"}


@dataclass
class DeadLetter:
    """A message and why it is here."""

    message: str
    reason: str


@activity.defn
async def process(message: str) -> str:
    """Process a message, unless it is one of those that nobody understands yet."""
    ATTEMPTS[message] = ATTEMPTS.get(message, 0) + 1
    if message in BROKEN:
        raise ApplicationError(f"cannot read {message}", type="Unreadable")
    return f"{message}: processed"


@workflow.defn
class DeadLetterQueue:
    """One workflow per queue: its state is the content, and it is there until it is closed."""

    def __init__(self) -> None:
        """Empty."""
        self.letters: list[DeadLetter] = []
        self.is_closed = False

    @workflow.signal
    def put(self, letter: DeadLetter) -> None:
        """Another one."""
        self.letters.append(letter)

    @workflow.query
    def content(self) -> list[DeadLetter]:
        """What lies here."""
        return self.letters

    @workflow.update
    def take_all(self) -> list[DeadLetter]:
        """Empty the queue; an operator starts the messages again."""
        taken, self.letters = self.letters, []
        return taken

    @workflow.signal
    def close(self) -> None:
        """Not needed any more."""
        self.is_closed = True

    @workflow.run
    async def run(self) -> int:
        """Return how many letters were left."""
        await workflow.wait_condition(lambda: self.is_closed)
        return len(self.letters)


@workflow.defn
class MessageWorkflow:
    """Processes one message."""

    @workflow.run
    async def run(self, message: str, dead_letters: str) -> str:
        """Return what became of it; giving up is an answer, not a failure."""
        try:
            return await workflow.execute_activity(
                process,
                message,
                start_to_close_timeout=span(10),
                retry_policy=RetryPolicy(initial_interval=span(0.1), maximum_attempts=ATTEMPTS_MAX),
            )
        except ActivityError as error:
            reason = str(error.cause)
            queue = workflow.get_external_workflow_handle_for(DeadLetterQueue.run, dead_letters)
            await queue.signal(DeadLetterQueue.put, DeadLetter(message, reason))
            return f"{message}: set aside"


async def main() -> None:
    """Five messages, two of which nobody can read; then a fix."""
    options = parse_options(is_alone=True)
    client = await connect()
    messages = [f"message-{number}" for number in range(1, 6)]
    async with working(
        client, options, workflows=[MessageWorkflow, DeadLetterQueue], activities=[process]
    ):
        queue = await client.start_workflow(
            DeadLetterQueue.run, id=new_id("dead-letters"), task_queue=options.task_queue
        )

        async def send(message: str) -> str:
            return await client.execute_workflow(
                MessageWorkflow.run,
                args=[message, queue.id],
                id=new_id(message),
                task_queue=options.task_queue,
            )

        first = await asyncio.gather(*(send(message) for message in messages))
        content = sorted(
            await queue.query(DeadLetterQueue.content), key=lambda letter: letter.message
        )
        attempts = dict(ATTEMPTS)
        BROKEN.clear()  # Somebody has repaired the reader.
        taken = await queue.execute_update(DeadLetterQueue.take_all)
        second = await asyncio.gather(*(send(letter.message) for letter in taken))
        await queue.signal(DeadLetterQueue.close)
        left = await queue.result()
    for letter in content:
        print(f"  {letter.message}: {letter.reason}, after {attempts[letter.message]} attempts")
    set_aside = [line.split(":")[0] for line in first if line.endswith("set aside")]
    check(set_aside == ["message-2", "message-4"], "two messages were set aside")
    expected = [DeadLetter(m, f"Unreadable: cannot read {m}") for m in set_aside]
    check(content == expected, "the queue says which and why")
    check(
        attempts == {m: ATTEMPTS_MAX if m in set_aside else 1 for m in messages},
        "three attempts for those, one for the others",
    )
    check(sorted(second) == [f"{m}: processed" for m in set_aside], "the fix made them work")
    check(left == 0, "the queue is empty again")
    verified("two dead letters after three attempts each, both processed after the fix")


if __name__ == "__main__":
    run(main)
