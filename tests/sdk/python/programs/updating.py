"""A workflow that is asked and answers."""

import asyncio

from temporalio import workflow


@workflow.defn
class Counter:
    """Counts what it is told to add, until it is told to stop."""

    def __init__(self) -> None:
        self.total = 0
        self.is_finished = False
        self.is_let_go = False

    @workflow.run
    async def run(self) -> int:
        await workflow.wait_condition(lambda: self.is_finished)
        return self.total

    @workflow.update
    async def add(self, number: int) -> int:
        """Add a number; negative ones are refused before anything happens."""
        self.total += number
        return self.total

    @add.validator
    def check(self, number: int) -> None:
        if number < 0:
            raise ValueError("only forward")

    @workflow.update
    async def add_later(self, number: int) -> int:
        """Accept at once, and add when told to go on."""
        await workflow.wait_condition(lambda: self.is_let_go)
        self.total += number
        return self.total

    @workflow.update
    async def nap_and_add(self, number: int) -> int:
        """Let time pass between acceptance and answer."""
        await asyncio.sleep(0.2)
        self.total += number
        return self.total

    @workflow.signal
    def go_on(self) -> None:
        self.is_let_go = True

    @workflow.signal
    def finish(self) -> None:
        self.is_finished = True


@workflow.defn
class Continuing:
    """Continues as new when it is told to, and takes updates in either run."""

    def __init__(self) -> None:
        self.is_told = False
        self.is_finished = False

    @workflow.run
    async def run(self, generation: int) -> int:
        await workflow.wait_condition(lambda: self.is_told or self.is_finished)
        if self.is_told and not self.is_finished:
            workflow.continue_as_new(generation + 1)
        return generation

    @workflow.update
    async def finish(self) -> None:
        self.is_finished = True

    @workflow.signal
    def next_run(self) -> None:
        self.is_told = True
