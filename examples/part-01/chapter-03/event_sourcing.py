"""The history is the state: an account rebuilt from its events in plain Python."""

import json
from collections.abc import Iterable

from temporalio import activity, workflow
from temporalio.api.history.v1 import HistoryEvent

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working


@activity.defn
async def fee_for(amount: int) -> int:
    """One percent, in cents."""
    return amount // 100


@workflow.defn
class AccountWorkflow:
    """A balance that changes by signals; each withdrawal costs a fee."""

    def __init__(self) -> None:
        """Open the account with nothing on it."""
        self.balance = 0
        self.pending: list[tuple[str, int]] = []
        self.closing = False

    @workflow.signal
    def book(self, kind: str, amount: int) -> None:
        """Ask for a deposit or a withdrawal."""
        self.pending.append((kind, amount))

    @workflow.signal
    def close(self) -> None:
        """Ask for the end, after everything that was booked before."""
        self.closing = True

    @workflow.query
    def current(self) -> int:
        """The balance in cents."""
        return self.balance

    @workflow.run
    async def run(self) -> int:
        """Return the balance at the end."""
        while True:
            await workflow.wait_condition(lambda: bool(self.pending) or self.closing)
            if not self.pending:
                return self.balance
            kind, amount = self.pending.pop(0)
            if kind == "deposit":
                self.balance += amount
                continue
            fee = await workflow.execute_activity(fee_for, amount, start_to_close_timeout=span(10))
            self.balance -= amount + fee


def rebuild(events: Iterable[HistoryEvent]) -> int:
    """The balance, from the events alone: no workflow code runs here."""
    balance = 0
    for event in events:
        if event.HasField("workflow_execution_signaled_event_attributes"):
            signaled = event.workflow_execution_signaled_event_attributes
            if signaled.signal_name == "book":
                kind, amount = (json.loads(payload.data) for payload in signaled.input.payloads)
                balance += amount if kind == "deposit" else -amount
        elif event.HasField("activity_task_completed_event_attributes"):
            completed = event.activity_task_completed_event_attributes
            balance -= json.loads(completed.result.payloads[0].data)
    return balance


async def main() -> None:
    """Book, compare with the rebuilt state, close, compare again."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[AccountWorkflow], activities=[fee_for]):
        handle = await client.start_workflow(
            AccountWorkflow.run, id=new_id("account"), task_queue=options.task_queue
        )
        for kind, amount in (("deposit", 50_000), ("withdrawal", 12_000), ("deposit", 700)):
            await handle.signal(AccountWorkflow.book, args=[kind, amount])
        await handle.signal(AccountWorkflow.close)
        balance = await handle.result()
        queried = await handle.query(AccountWorkflow.current)
    history = await handle.fetch_history()
    rebuilt = rebuild(history.events)
    print(
        f"workflow {balance}, query {queried}, rebuilt from {len(history.events)} events {rebuilt}"
    )
    check(balance == 50_000 - 12_000 - 120 + 700, "the bookings add up")
    check(queried == balance, "the query answers from the same state")
    check(rebuilt == balance, "the events alone give the same state")
    check(rebuild(history.events[:1]) == 0, "no events, no balance")
    verified("state rebuilt from events equals the query result")


if __name__ == "__main__":
    run(main)
