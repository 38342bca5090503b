"""The same order as a plain script and as a workflow, both hit by a fault right after the payment.

The script has to be started again by someone, and charges twice. The workflow goes on where it was.
"""

from collections import Counter

from temporalio import activity, workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

LEDGERS: dict[str, list[str]] = {}


def charge(order: str) -> None:
    """Take the money."""
    LEDGERS.setdefault(order, []).append("charged")


def ship(order: str) -> None:
    """Send the parcel; the carrier's system is down when it is called for the first time."""
    ledger = LEDGERS.setdefault(order, [])
    ledger.append("ship attempted")
    if ledger.count("ship attempted") == 1:
        raise ConnectionError("the carrier does not answer")
    ledger.append("shipped")


def plain_script(order: str) -> None:
    """What most programs look like."""
    charge(order)
    ship(order)


@activity.defn
async def charge_activity(order: str) -> None:
    """`charge`, as a step whose completion is on record."""
    charge(order)


@activity.defn
async def ship_activity(order: str) -> None:
    """`ship`, as a step that is tried again."""
    ship(order)


@workflow.defn
class ReliableOrder:
    """The same two lines, durable."""

    @workflow.run
    async def run(self, order: str) -> None:
        """Charge once, ship as soon as it is possible."""
        retry = RetryPolicy(initial_interval=span(0.1))
        for step in (charge_activity, ship_activity):
            await workflow.execute_activity(
                step, order, start_to_close_timeout=span(5), retry_policy=retry
            )


def run_script_until_it_ends(order: str) -> int:
    """Start the script again after each crash, as an operator would."""
    for start in range(1, 10):
        try:
            plain_script(order)
        except ConnectionError as error:
            print(f"script: crashed in start {start}: {error}; ledger {LEDGERS[order]}")
        else:
            return start
    return 0


async def main() -> None:
    """Compare the two ledgers."""
    options = parse_options(is_alone=True)
    script_order, workflow_order = new_id("script"), new_id("order")
    starts = run_script_until_it_ends(script_order)
    client = await connect()
    async with working(
        client, options, workflows=[ReliableOrder], activities=[charge_activity, ship_activity]
    ):
        await client.execute_workflow(
            ReliableOrder.run, workflow_order, id=workflow_order, task_queue=options.task_queue
        )
    script = Counter(LEDGERS[script_order])
    durable = Counter(LEDGERS[workflow_order])
    print(f"script:   charged {script['charged']}, shipped {script['shipped']}")
    print(f"workflow: charged {durable['charged']}, shipped {durable['shipped']}")
    check(starts == 2, "the script had to be started twice")
    check(script["charged"] == 2, "the script charged the customer twice")
    check(durable == {"charged": 1, "ship attempted": 2, "shipped": 1}, "the workflow charged once")
    verified("one fault: the script charged twice, the workflow once")


if __name__ == "__main__":
    run(main)
