"""An account that lives for years: an entity workflow, in runs that each stay short.

Operations arrive as signals and updates. After a few of them the run continues as new and takes
everything with it: the balance, the ids it has seen, and what it has not handled yet.
"""

import asyncio
from dataclasses import dataclass, field

from temporalio import workflow
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, until, verified, working

OPERATIONS_PER_RUN = 10
IDLE_SECONDS = 1.0


@dataclass
class Account:
    """What a run hands to the next one."""

    balance: int = 0
    runs: int = 1
    idle_periods: int = 0
    seen: list[str] = field(default_factory=list[str])
    waiting: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])


@workflow.defn
class AccountWorkflow:
    """One account, one workflow id."""

    @workflow.init
    def __init__(self, account: Account) -> None:
        """Take over before the first handler runs: signals may arrive with the first task."""
        self.account = account
        self.is_closing = False
        self.operations = 0

    @workflow.signal
    def deposit(self, operation_id: str, amount: int) -> None:
        """Money comes in. Whoever is not sure sends it again, under the same id."""
        if operation_id not in self.account.seen:
            self.account.seen.append(operation_id)
            self.account.waiting.append((operation_id, amount))

    @workflow.signal
    def close(self) -> None:
        """End, after everything that has come in."""
        self.is_closing = True

    @workflow.update
    async def withdraw(self, amount: int) -> int:
        """Return the new balance. Refused if there is not enough, when its turn has come."""
        await workflow.wait_condition(lambda: not self.account.waiting)
        if amount > self.account.balance:
            raise ApplicationError(f"only {self.account.balance} left")
        self.account.balance -= amount
        return self.account.balance

    @withdraw.validator
    def check_withdrawal(self, amount: int) -> None:
        """Nonsense leaves no trace in the history."""
        if amount <= 0:
            raise ValueError("withdraw a positive amount")

    @workflow.query
    def state(self) -> Account:
        """The account as it is now."""
        return self.account

    @workflow.run
    async def run(self, account: Account) -> Account:
        """Work until somebody closes the account, then return it."""
        while not self.is_closing or self.account.waiting:
            try:
                await workflow.wait_condition(
                    lambda: bool(self.account.waiting) or self.is_closing,
                    timeout=span(IDLE_SECONDS),
                )
            except TimeoutError:
                self.account.idle_periods += 1
            if self.account.waiting:
                _, amount = self.account.waiting.pop(0)
                self.account.balance += amount
                self.operations += 1
            if self._is_long_enough():
                # An update that is half done would be lost with its run.
                await workflow.wait_condition(workflow.all_handlers_finished)
                self.account.runs += 1
                workflow.continue_as_new(self.account)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.account

    def _is_long_enough(self) -> bool:
        return (
            self.operations >= OPERATIONS_PER_RUN or workflow.info().is_continue_as_new_suggested()
        )


async def main() -> None:
    """Twenty-five deposits, each sent twice; two withdrawals; a while of nothing; the end."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[AccountWorkflow]):
        account_id = new_id("account")
        first = await client.start_workflow(
            AccountWorkflow.run, Account(), id=account_id, task_queue=options.task_queue
        )
        # A handle without a run id means whichever run is the current one.
        account = client.get_workflow_handle_for(AccountWorkflow.run, account_id)
        await asyncio.gather(
            *(
                account.signal(AccountWorkflow.deposit, args=[f"d{number}", 100])
                for number in [*range(25), *range(25)]
            )
        )

        async def all_booked() -> bool:
            state = await account.query(AccountWorkflow.state)
            return len(state.seen) == 25 and not state.waiting

        await until(all_booked)
        left = await account.execute_update(AccountWorkflow.withdraw, 400)
        refusals: list[str] = []
        for amount in (1_000_000, -5):
            try:
                await account.execute_update(AccountWorkflow.withdraw, amount)
            except WorkflowUpdateFailedError as error:
                refusals.append(str(error.cause))
        before = (await account.query(AccountWorkflow.state)).idle_periods

        async def has_been_idle() -> bool:
            return (await account.query(AccountWorkflow.state)).idle_periods > before

        await until(has_been_idle)
        await account.signal(AccountWorkflow.close)
        closed = await account.result()
        last_run = (await account.describe()).run_id
    print(
        f"balance {closed.balance} after {closed.runs} runs and {closed.idle_periods} idle spells"
    )
    print(f"refused: {refusals}")
    check(left == 2_100, "a withdrawal sees every deposit before it")
    check(
        refusals == ["only 2100 left", "ValueError: withdraw a positive amount"], "two were refused"
    )
    check(closed.balance == 2_100, "every deposit was booked, and none twice")
    check(closed.runs == 3, "twenty-five operations took three runs")
    check(last_run != first.first_execution_run_id, "the last run has another run id")
    verified("the balance is right over three runs, no signal was lost")


if __name__ == "__main__":
    run(main)
