"""Workflows of the SDK, for what its workers do by themselves. Written as a user writes them."""

import asyncio
from datetime import timedelta
from typing import Any

import nexusrpc
import nexusrpc.handler
from temporalio import activity, nexus, workflow
from temporalio.exceptions import ApplicationError


@activity.defn
async def shout(text: str) -> str:
    return text.upper()


@workflow.defn
class LocalActivity:
    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_local_activity(
            shout, "local", start_to_close_timeout=timedelta(seconds=10)
        )


@workflow.defn
class Patched:
    @workflow.run
    async def run(self) -> bool:
        is_new = workflow.patched("better")
        workflow.deprecate_patch("older")
        await asyncio.sleep(0.1)
        return is_new


@workflow.defn
class Counter:
    """Adds what updates bring, until a signal ends it."""

    def __init__(self) -> None:
        self.total = 0
        self.is_finished = False

    @workflow.run
    async def run(self) -> int:
        await workflow.wait_condition(lambda: self.is_finished)
        return self.total

    @workflow.update
    async def add(self, number: int) -> int:
        self.total += number
        return self.total

    @add.validator
    def check(self, number: int) -> None:
        if number < 0:
            raise ValueError("only forward")

    @workflow.update
    async def add_later(self, number: int) -> int:
        await workflow.wait_condition(lambda: self.total > 0)
        self.total += number
        return self.total

    @workflow.update
    async def break_off(self) -> None:
        raise ApplicationError("not today", type="Trouble")

    @workflow.signal
    def finish(self) -> None:
        self.is_finished = True


@nexusrpc.service
class Desk:
    greet: nexusrpc.Operation[str, str]
    refuse: nexusrpc.Operation[str, str]
    work: nexusrpc.Operation[str, str]


@workflow.defn
class Work:
    """Stands behind an operation, and ends when it is told to, canceled or not."""

    def __init__(self) -> None:
        self.is_told = False

    @workflow.run
    async def run(self, word: str) -> str:
        try:
            await workflow.wait_condition(lambda: self.is_told)
        except asyncio.CancelledError:
            await workflow.wait_condition(lambda: self.is_told)
            raise
        return f"worked on {word}"

    @workflow.signal
    def finish(self) -> None:
        self.is_told = True


@nexusrpc.handler.service_handler(service=Desk)
class DeskHandler:
    @nexusrpc.handler.sync_operation
    async def greet(self, _context: nexusrpc.handler.StartOperationContext, name: str) -> str:
        return f"hello {name}"

    @nexusrpc.handler.sync_operation
    async def refuse(self, _context: nexusrpc.handler.StartOperationContext, reason: str) -> str:
        raise nexusrpc.OperationError(reason, state=nexusrpc.OperationErrorState.FAILED)

    @nexus.workflow_run_operation
    async def work(
        self, context: nexus.WorkflowRunOperationContext, word: str
    ) -> nexus.WorkflowHandle[str]:
        work_id = nexus.info().task_queue.removesuffix("queue") + "work"
        return await context.start_workflow(Work.run, word, id=work_id)


@workflow.defn
class Caller:
    @workflow.run
    async def run(self, endpoint: str, operation: str, word: str, is_canceled: bool) -> Any:
        client = workflow.create_nexus_client(service=Desk, endpoint=endpoint)
        handle = await client.start_operation(
            operation, word, output_type=str, schedule_to_close_timeout=timedelta(seconds=30)
        )
        if is_canceled:
            handle.cancel()
        return await handle
