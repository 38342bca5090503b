"""Who must approve depends on the amount; each level has its own deadline."""

import asyncio
from dataclasses import dataclass

from temporalio import workflow
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

LEVELS = (("team lead", 0), ("manager", 1_000), ("director", 10_000))


@dataclass
class Expense:
    """What is asked for. A level that lets its time pass ends the request."""

    amount: int
    seconds_per_level: float = 3_600


@workflow.defn
class ExpenseWorkflow:
    """Asks one level after the other."""

    @workflow.init
    def __init__(self, expense: Expense) -> None:
        """Find out who has to agree."""
        self.levels = [level for level, least in LEVELS if expense.amount >= least]
        self.approved_by: list[str] = []
        self.rejected_by = ""

    @workflow.query
    def waits_for(self) -> str:
        """The level whose turn it is."""
        return self.levels[len(self.approved_by)] if self._is_open() else ""

    @workflow.update
    def decide(self, level: str, approve: bool) -> list[str]:
        """Return who has approved so far."""
        if approve:
            self.approved_by.append(level)
        else:
            self.rejected_by = level
        return self.approved_by

    @decide.validator
    def check_decide(self, level: str, approve: bool) -> None:
        """Nobody decides out of turn."""
        if level != self.waits_for():
            raise ValueError(f"it is not the turn of the {level}")

    @workflow.run
    async def run(self, expense: Expense) -> str:
        """Return what became of it."""
        while self._is_open():
            count = len(self.approved_by)
            try:
                await workflow.wait_condition(
                    lambda count=count: len(self.approved_by) > count or bool(self.rejected_by),
                    timeout=span(expense.seconds_per_level),
                )
            except TimeoutError:
                return f"{expense.amount}: the {self.waits_for()} did not answer"
        if self.rejected_by:
            return f"{expense.amount}: rejected by the {self.rejected_by}"
        return f"{expense.amount}: approved by {', '.join(self.approved_by)}"

    def _is_open(self) -> bool:
        return not self.rejected_by and len(self.approved_by) < len(self.levels)


async def decide_all(handle: WorkflowHandle[ExpenseWorkflow, str], answers: list[bool]) -> None:
    """Let the levels answer, one after the other."""
    for (level, _), approve in zip(LEVELS, answers, strict=False):
        await handle.execute_update(ExpenseWorkflow.decide, args=[level, approve])


async def main() -> None:
    """Small, medium and large; rejected; out of turn; unanswered."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[ExpenseWorkflow]):
        cases: list[tuple[Expense, list[bool]]] = [
            (Expense(500), [True]),
            (Expense(5_000), [True, True]),
            (Expense(50_000), [True, True, True]),
            (Expense(70_000), [True, False]),
            (Expense(9_000, seconds_per_level=3), [True]),
        ]
        outcomes = await asyncio.gather(
            *(decided(client, options.task_queue, expense, answers) for expense, answers in cases)
        )
        refusal = await out_of_turn(client, options.task_queue)
    print("\n".join(f"  {outcome}" for outcome in outcomes))
    print(f"  out of turn: {refusal}")
    expected = [
        "500: approved by team lead",
        "5000: approved by team lead, manager",
        "50000: approved by team lead, manager, director",
        "70000: rejected by the manager",
        "9000: the manager did not answer",
    ]
    check(outcomes == expected, "the amount decides who must approve")
    check(refusal == "ValueError: it is not the turn of the director", "nobody skips a level")
    verified("three levels by amount, a rejection and a deadline")


async def decided(client: Client, queue: str, expense: Expense, answers: list[bool]) -> str:
    """One request and its answers."""
    handle = await client.start_workflow(
        ExpenseWorkflow.run, expense, id=new_id("expense"), task_queue=queue
    )
    await decide_all(handle, answers)
    return await handle.result()


async def out_of_turn(client: Client, queue: str) -> str:
    """The director is in a hurry."""
    handle = await client.start_workflow(
        ExpenseWorkflow.run, Expense(20_000), id=new_id("expense"), task_queue=queue
    )
    try:
        await handle.execute_update(ExpenseWorkflow.decide, args=["director", True])
    except WorkflowUpdateFailedError as error:
        return str(error.cause)
    finally:
        await handle.terminate("end of the show")
    return ""


if __name__ == "__main__":
    run(main)
