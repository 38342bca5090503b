"""Handlers that await, and a run that ends: nothing is left half done, nothing done twice."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

CHARGES_PER_RUN = 5
CHARGED: Counter[str] = Counter()


@activity.defn
async def charge(key: str) -> str:
    """Charge once per call; whoever calls twice charges twice."""
    await asyncio.sleep(0.05)
    CHARGED[key] += 1
    return key


@dataclass
class Ledger:
    """What a run hands to the next one: without `charged` a repeated request would pay again."""

    charged: list[str] = field(default_factory=list[str])
    runs: int = 1


@workflow.defn
class ChargingWorkflow:
    """Charges what is asked for, in runs of a few charges."""

    @workflow.init
    def __init__(self, ledger: Ledger) -> None:
        """Take the ledger over before a handler looks into it."""
        self.ledger = ledger
        self.charges = 0
        self.is_closing = False

    @workflow.update
    async def pay(self, key: str) -> str:
        """Charge under this key, once in the life of the workflow.

        The key goes into the ledger before the await: another handler may run meanwhile.
        """
        if key in self.ledger.charged:
            return f"{key}: was charged before"
        self.ledger.charged.append(key)
        self.charges += 1
        await workflow.execute_activity(charge, key, start_to_close_timeout=span(10))
        return f"{key}: charged"

    @workflow.signal
    def close(self) -> None:
        """No more charges."""
        self.is_closing = True

    @workflow.run
    async def run(self, ledger: Ledger) -> Ledger:
        """Return the ledger after the last run."""
        await workflow.wait_condition(lambda: self.is_closing or self.charges >= CHARGES_PER_RUN)
        # Handlers in the middle of an activity would be cut off with the run.
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not self.is_closing:
            self.ledger.runs += 1
            workflow.continue_as_new(self.ledger)
        return self.ledger


async def main() -> None:
    """Pay twelve bills, each by two impatient callers."""
    options = parse_options(is_alone=True)
    client = await connect()
    bills = [f"bill-{number}" for number in range(12)]
    async with working(client, options, workflows=[ChargingWorkflow], activities=[charge]):
        workflow_id = new_id("charging")
        await client.start_workflow(
            ChargingWorkflow.run, Ledger(), id=workflow_id, task_queue=options.task_queue
        )
        # By workflow id alone: the call reaches whichever run is current.
        handle = client.get_workflow_handle_for(ChargingWorkflow.run, workflow_id)
        answers: list[str] = []
        for first in range(0, len(bills), 6):
            answers += await asyncio.gather(
                *(
                    handle.execute_update(ChargingWorkflow.pay, bill)
                    for bill in bills[first : first + 6] * 2
                )
            )
        await handle.signal(ChargingWorkflow.close)
        ledger = await handle.result()
    told = Counter(answer.split(": ")[1] for answer in answers)
    print(f"{ledger.runs} runs, answers: {dict(told)}")
    check(told == {"charged": 12, "was charged before": 12}, "every caller got an answer")
    check(dict.fromkeys(bills, 1) == CHARGED, "no bill was charged twice")
    check(sorted(ledger.charged) == sorted(bills), "the ledger went through all runs")
    check(ledger.runs >= 2, "there was more than one run")
    verified("twelve bills over several runs, none charged twice")


if __name__ == "__main__":
    run(main)
