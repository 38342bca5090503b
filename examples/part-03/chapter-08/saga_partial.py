"""Compensations in parallel, compensations that fail themselves, and a point of no return."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from temporalio import activity, workflow
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from running import check, connect, failed, new_id, parse_options, run, span, verified, working
    from saga import Saga

DONE: dict[str, str] = {}
ATTEMPTS: Counter[str] = Counter()
UNDOING: set[str] = set()
ALL_UNDOING = asyncio.Event()
Step = Callable[[str], Coroutine[Any, Any, None]]
REGIONS = ("north", "south", "west")


@activity.defn
async def do(key: str) -> None:
    """A step that works."""
    DONE[key] = "done"


@activity.defn
async def refuse(key: str) -> None:
    """A step that does not."""
    raise ApplicationError(f"{key} refused", type="Refused", non_retryable=True)


@activity.defn
async def undo(key: str) -> None:
    """Undo a step."""
    ATTEMPTS[key] += 1
    DONE.pop(key, None)


@activity.defn
async def undo_at_the_third_attempt(key: str) -> None:
    """A compensation can fail as well. It has to be tried until it works."""
    ATTEMPTS[key] += 1
    if ATTEMPTS[key] < 3:
        raise ConnectionError(f"{key}: not reachable")
    DONE.pop(key, None)


@activity.defn
async def undo_with_the_others(key: str) -> None:
    """Return only when all compensations run: nothing but a parallel saga gets through here."""
    UNDOING.add(key)
    if len(UNDOING) == len(REGIONS):
        ALL_UNDOING.set()
    await ALL_UNDOING.wait()
    DONE.pop(key, None)


@workflow.defn
class ParallelRollout:
    """Steps that do not depend on each other may be undone at the same time."""

    @workflow.run
    async def run(self) -> None:
        """Roll out to all regions, then fail."""
        saga = Saga()
        me = workflow.info().workflow_id
        try:
            keys = [saga.register(undo_with_the_others, f"{me}/{region}") for region in REGIONS]
            await asyncio.gather(*(carry_out(do, key) for key in keys))
            await carry_out(refuse, f"{me}/release")
        except ActivityError:
            await saga.compensate(in_parallel=True)
            raise


@workflow.defn
class CheckpointedMigration:
    """After the switch there is no way back; what comes later is undone, what came before stays."""

    @workflow.run
    async def run(self) -> str:
        """Return how far it came."""
        saga = Saga()
        me = workflow.info().workflow_id
        try:
            await carry_out(do, saga.register(undo, f"{me}/copy"))
            await carry_out(do, saga.register(undo, f"{me}/switch"))
            saga.checkpoint()
            await carry_out(do, saga.register(undo, f"{me}/announce"))
            await carry_out(do, saga.register(undo_at_the_third_attempt, f"{me}/clean up"))
            await carry_out(refuse, f"{me}/invoice")
        except ActivityError:
            await saga.compensate()
            return "migrated, but not invoiced"
        return "migrated"


async def carry_out(step: Step, key: str) -> None:
    """One step of a saga."""
    await workflow.execute_activity(step, key, start_to_close_timeout=span(10))


def left_of(workflow_id: str) -> list[str]:
    """What this workflow has done and not undone."""
    return [key.rsplit("/", 1)[1] for key in DONE if key.startswith(f"{workflow_id}/")]


async def main() -> None:
    """Run both sagas."""
    options = parse_options(is_alone=True)
    client = await connect()
    async with working(
        client,
        options,
        workflows=[ParallelRollout, CheckpointedMigration],
        activities=[do, refuse, undo, undo_at_the_third_attempt, undo_with_the_others],
    ):
        rollout, migration = new_id("rollout"), new_id("migration")
        try:
            await client.execute_workflow(
                ParallelRollout.run, id=rollout, task_queue=options.task_queue
            )
        except WorkflowFailureError:
            print(f"rollout: {len(UNDOING)} compensations at once, left: {left_of(rollout)}")
        else:
            failed("the rollout must fail")
        outcome = await client.execute_workflow(
            CheckpointedMigration.run, id=migration, task_queue=options.task_queue
        )
    attempts = ATTEMPTS[f"{migration}/clean up"]
    print(f"migration: {outcome}; left: {left_of(migration)}; attempts to undo: {attempts}")
    check(left_of(rollout) == [], "everything was undone in parallel")
    check(outcome == "migrated, but not invoiced", "the migration went past its checkpoint")
    check(left_of(migration) == ["copy", "switch"], "what was before the checkpoint stays")
    check(attempts == 3, "a failing compensation was tried until it worked")
    verified("parallel, check-pointed and stubborn compensations")


if __name__ == "__main__":
    run(main)
