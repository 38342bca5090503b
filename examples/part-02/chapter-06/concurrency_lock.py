"""Two handlers that await are two tasks: check-then-act needs a lock, even in one workflow."""

import asyncio

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

BALANCE = 100
WITHDRAWALS = 4
AMOUNT = 40


@activity.defn
async def ask_fraud_department(amount: int) -> bool:
    """While this takes its time, other handlers run."""
    await asyncio.sleep(0.05)
    return amount < 1_000


@workflow.defn
class WalletWorkflow:
    """A wallet whose withdrawals are approved by somebody else."""

    @workflow.init
    def __init__(self, locked: bool) -> None:
        """`asyncio.Lock` is deterministic here: the workflow's event loop is."""
        self.balance = BALANCE
        self.lock = asyncio.Lock()
        self.refused = 0

    @workflow.signal
    async def withdraw(self, amount: int) -> None:
        """Take money without a lock: the balance that was checked is not the one that changes."""
        await self._withdraw(amount)

    @workflow.signal
    async def withdraw_locked(self, amount: int) -> None:
        """Take money, one withdrawal after the other."""
        async with self.lock:
            await self._withdraw(amount)

    async def _withdraw(self, amount: int) -> None:
        if amount > self.balance:
            self.refused += 1
            return
        allowed = await workflow.execute_activity(
            ask_fraud_department, amount, start_to_close_timeout=span(10)
        )
        if allowed:
            self.balance -= amount

    @workflow.run
    async def run(self, locked: bool) -> dict[str, int]:
        """Return the balance after all withdrawals."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        return {"balance": self.balance, "refused": self.refused}


async def main() -> None:
    """The same four withdrawals for both wallets, all of them there before the worker comes."""
    options = parse_options(is_alone=True)
    client = await connect()
    handles = {
        locked: await client.start_workflow(
            WalletWorkflow.run, locked, id=new_id("wallet"), task_queue=options.task_queue
        )
        for locked in (False, True)
    }
    for locked, handle in handles.items():
        signal = WalletWorkflow.withdraw_locked if locked else WalletWorkflow.withdraw
        for _ in range(WITHDRAWALS):
            await handle.signal(signal, AMOUNT)
    async with working(
        client, options, workflows=[WalletWorkflow], activities=[ask_fraud_department]
    ):
        racing, safe = [await handle.result() for handle in handles.values()]
    print(f"without a lock: {racing}")
    print(f"with a lock:    {safe}")
    check(racing == {"balance": BALANCE - WITHDRAWALS * AMOUNT, "refused": 0}, "the race was lost")
    check(safe == {"balance": BALANCE - 2 * AMOUNT, "refused": 2}, "the lock kept the balance")
    verified("the wallet with the lock never goes below zero; the other one does")


if __name__ == "__main__":
    run(main)
