"""A request that waits for people: a week for the reviewer, three days for the manager, then no.

Waiting costs nothing: no process, no thread, one timer on the server's disk. Who may decide at the
moment is state of the workflow, so a decision that comes too late is refused, not lost.
"""

import asyncio
from dataclasses import dataclass

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError

with workflow.unsafe.imports_passed_through():
    from running import (
        check,
        connect,
        failed,
        new_id,
        parse_options,
        run,
        span,
        until,
        verified,
        working,
    )

DAY_SECONDS = 86_400.0
REVIEWER = "reviewer"
MANAGER = "manager"
NOBODY = ""


@dataclass
class Request:
    """What is asked for, and how long each of the two may think about it."""

    subject: str
    reviewer_seconds: float = 7 * DAY_SECONDS
    manager_seconds: float = 3 * DAY_SECONDS


@dataclass
class Decision:
    """A person's word."""

    by: str
    approved: bool
    reason: str = ""


@activity.defn
async def notify(person: str, message: str) -> None:
    """Write to somebody: here to the log, in earnest to a mailbox or a chat."""
    activity.logger.info("to the %s: %s", person, message)


@workflow.defn
class ApprovalWorkflow:
    """Asks the reviewer, then the manager, then gives up."""

    @workflow.init
    def __init__(self, request: Request) -> None:
        """Nobody was asked yet."""
        self.subject = request.subject
        self.turn_of = NOBODY
        self.decision: Decision | None = None

    @workflow.query
    def waiting_for(self) -> str:
        """Who has to decide at the moment."""
        return self.turn_of

    @workflow.update
    def decide(self, decision: Decision) -> str:
        """Take a decision; the person knows at once that it counts."""
        self.decision = decision
        self.turn_of = NOBODY
        return f"noted: {self.subject}, {'yes' if decision.approved else 'no'}"

    @decide.validator
    def check_decide(self, decision: Decision) -> None:
        """Only whose turn it is may decide, and a refusal leaves no trace in the history."""
        if decision.by != self.turn_of:
            raise ValueError(f"it is not the turn of the {decision.by}")
        if not decision.approved and not decision.reason:
            raise ValueError("a refusal needs a reason")

    @workflow.run
    async def run(self, request: Request) -> str:
        """Return the outcome."""
        decision = await self._ask(REVIEWER, request.reviewer_seconds)
        if decision is None:
            decision = await self._ask(MANAGER, request.manager_seconds)
        if decision is None:
            return "rejected: nobody has decided"
        if decision.approved:
            return f"approved by the {decision.by}"
        return f"rejected by the {decision.by}: {decision.reason}"

    async def _ask(self, person: str, seconds: float) -> Decision | None:
        # First the turn, then the message: the answer may be faster than the note that it was sent.
        self.turn_of = person
        await workflow.execute_activity(
            notify, args=[person, f"please decide: {self.subject}"], start_to_close_timeout=span(10)
        )
        try:
            await workflow.wait_condition(
                lambda: self.decision is not None,
                timeout=span(seconds),
                timeout_summary=f"patience with the {person}",
            )
        except TimeoutError:
            self.turn_of = NOBODY
        return self.decision


Approval = WorkflowHandle[ApprovalWorkflow, str]


async def ask_for(client: Client, task_queue: str, request: Request) -> Approval:
    """Start the approval of a request."""
    return await client.start_workflow(
        ApprovalWorkflow.run, request, id=new_id("approval"), task_queue=task_queue
    )


async def turn(approval: Approval, person: str) -> None:
    """Wait until it is this person's turn."""

    async def has_come() -> bool:
        return await approval.query(ApprovalWorkflow.waiting_for) == person

    await until(has_come)


async def when_asked(approval: Approval, decision: Decision) -> str:
    """Decide as soon as it is this person's turn; return what the workflow answers."""
    await turn(approval, decision.by)
    return await approval.execute_update(ApprovalWorkflow.decide, decision)


async def refused(approval: Approval, decision: Decision) -> str:
    """Make a decision that must not count; return why it does not."""
    try:
        await approval.execute_update(ApprovalWorkflow.decide, decision)
    except WorkflowUpdateFailedError as error:
        return str(error.cause).removeprefix("ValueError: ")
    return failed(f"a decision of the {decision.by} must not count here")


async def main() -> None:
    """Each of the ways through; where somebody is silent, patience is short."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[ApprovalWorkflow], activities=[notify]):
        yes, no, late, never = await asyncio.gather(
            ask_for(client, options.task_queue, Request("a lamp")),
            ask_for(client, options.task_queue, Request("a yacht")),
            ask_for(client, options.task_queue, Request("a desk", reviewer_seconds=0.2)),
            ask_for(client, options.task_queue, Request("a moon", 0.2, 0.2)),
        )
        answer = await when_asked(yes, Decision(REVIEWER, approved=True))
        await turn(no, REVIEWER)
        too_early = await refused(no, Decision(MANAGER, approved=True))
        no_reason = await refused(no, Decision(REVIEWER, approved=False))
        await when_asked(no, Decision(REVIEWER, approved=False, reason="too big"))
        await turn(late, MANAGER)
        too_late = await refused(late, Decision(REVIEWER, approved=False, reason="back from leave"))
        await when_asked(late, Decision(MANAGER, approved=True))
        outcomes = [await approval.result() for approval in (yes, no, late, never)]
    print("\n".join(f"  {outcome}" for outcome in outcomes))
    print(f"  refused: {too_early}; {no_reason}; {too_late}")
    check(answer == "noted: a lamp, yes", "who decides hears that it counts")
    check(too_early == "it is not the turn of the manager", "the manager has to wait")
    check(no_reason == "a refusal needs a reason", "a refusal without a reason is none")
    check(too_late == "it is not the turn of the reviewer", "the reviewer's time has passed")
    expected = [
        "approved by the reviewer",
        "rejected by the reviewer: too big",
        "approved by the manager",
        "rejected: nobody has decided",
    ]
    check(outcomes == expected, "each request went its way")
    verified("four outcomes, and three decisions that did not count")


if __name__ == "__main__":
    run(main)
