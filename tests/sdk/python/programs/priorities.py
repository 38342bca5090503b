"""A workflow whose activities wait in one queue, with whatever priorities its caller wants."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import Priority


@dataclass
class Errand:
    """One activity and its priority; what is left open is as in the workflow."""

    name: str
    priority_key: int | None = None
    fairness_key: str | None = None
    fairness_weight: float | None = None


@activity.defn
async def run_errand(name: str) -> str:
    """Return what was given."""
    return name


@workflow.defn
class Errands:
    """All at once, and the order in which they were done."""

    @workflow.run
    async def run(self, errands: Sequence[Errand], queue: str) -> list[str]:
        done: list[str] = []

        async def carry_out(errand: Errand) -> None:
            priority = Priority(
                priority_key=errand.priority_key,
                fairness_key=errand.fairness_key,
                fairness_weight=errand.fairness_weight,
            )
            done.append(
                await workflow.execute_activity(
                    run_errand,
                    errand.name,
                    task_queue=queue,
                    priority=priority,
                    start_to_close_timeout=timedelta(minutes=1),
                )
            )

        await asyncio.gather(*(carry_out(errand) for errand in errands))
        return done
