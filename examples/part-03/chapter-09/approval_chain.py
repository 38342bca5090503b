"""A chain of four levels, a day for each: who is silent is passed over, the last one is not."""

import asyncio
from dataclasses import dataclass

from temporalio import activity, workflow
from temporalio.client import Client

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, until, verified, working

DAY_SECONDS = 3.0  # 86_400 in earnest.
LEVELS: tuple[str, ...] = ("team lead", "head of department", "finance", "board")
LIMITS = (1_000, 10_000, 100_000)  # Up to which amount each level may decide alone.
ASKED: dict[str, list[str]] = {}


@dataclass
class Purchase:
    """What somebody wants to buy."""

    amount: int
    days_per_level: float = 1.0


@activity.defn
async def ask(request: str, level: str) -> None:
    """Tell a level that it is its turn."""
    ASKED.setdefault(request, []).append(level)


@workflow.defn
class PurchaseWorkflow:
    """Goes from level to level until one that may decide has decided."""

    @workflow.init
    def __init__(self, purchase: Purchase) -> None:
        """Find out how high it has to go."""
        self.chain = LEVELS[: 1 + sum(purchase.amount > limit for limit in LIMITS)]
        self.decisions: dict[str, bool] = {}
        self.turn_of = ""

    @workflow.query
    def whose_turn(self) -> str:
        """The level that is asked at the moment."""
        return self.turn_of

    @workflow.update
    def decide(self, level: str, approve: bool) -> None:
        """Take the decision of the level whose turn it is."""
        self.decisions[level] = approve

    @decide.validator
    def check_decide(self, level: str, approve: bool) -> None:
        """One decision per level, and each in its time."""
        if level != self.turn_of or level in self.decisions:
            raise ValueError(f"it is not the turn of the {level}")

    @workflow.run
    async def run(self, purchase: Purchase) -> str:
        """Return the decision and the way to it."""
        trail: list[str] = []
        for level in self.chain:
            self.turn_of = level
            await workflow.execute_activity(
                ask, args=[workflow.info().workflow_id, level], start_to_close_timeout=span(10)
            )
            try:
                await workflow.wait_condition(
                    lambda level=level: level in self.decisions,
                    timeout=span(purchase.days_per_level * DAY_SECONDS),
                )
            except TimeoutError:
                trail.append(f"{level} silent")
                continue
            if not self.decisions[level]:
                return f"{purchase.amount}: rejected ({', '.join([*trail, level])})"
            trail.append(level)
        self.turn_of = ""
        is_approved = self.chain[-1] in self.decisions
        return f"{purchase.amount}: {'approved' if is_approved else 'expired'} ({', '.join(trail)})"


async def decided(client: Client, queue: str, purchase: Purchase, answers: dict[str, bool]) -> str:
    """One purchase; the levels answer as soon as they are asked."""
    handle = await client.start_workflow(
        PurchaseWorkflow.run, purchase, id=new_id("purchase"), task_queue=queue
    )
    for level, approve in answers.items():

        async def is_asked(level: str = level) -> bool:
            return await handle.query(PurchaseWorkflow.whose_turn) == level

        await until(is_asked)
        await handle.execute_update(PurchaseWorkflow.decide, args=[level, approve])
    return await handle.result()


async def main() -> None:
    """One purchase for each branch."""
    options = parse_options()
    client = await connect()
    yes = dict.fromkeys(LEVELS, True)
    unhurried = 100.0
    cases: list[tuple[Purchase, dict[str, bool]]] = [
        (Purchase(500, unhurried), {"team lead": True}),
        (Purchase(5_000, unhurried), dict.fromkeys(LEVELS[:2], True)),
        (Purchase(50_000, unhurried), {"team lead": True, "head of department": False}),
        (Purchase(500_000, unhurried), yes),
        (Purchase(7_000), {"head of department": True}),
        (Purchase(8_000), {}),
    ]
    async with working(client, options, workflows=[PurchaseWorkflow], activities=[ask]):
        outcomes = await asyncio.gather(
            *(decided(client, options.task_queue, *case) for case in cases)
        )
    print("\n".join(f"  {outcome}" for outcome in outcomes))
    expected = [
        "500: approved (team lead)",
        "5000: approved (team lead, head of department)",
        "50000: rejected (team lead, head of department)",
        "500000: approved (team lead, head of department, finance, board)",
        "7000: approved (team lead silent, head of department)",
        "8000: expired (team lead silent, head of department silent)",
    ]
    check(outcomes == expected, "each amount went its way")
    verified("four levels by amount, a day for each, nobody blocks for ever")


if __name__ == "__main__":
    run(main)
