"""Workflows that call Nexus operations, and the service that answers them."""

import asyncio
from datetime import timedelta

import nexusrpc
import nexusrpc.handler
from temporalio import nexus, workflow


@nexusrpc.service
class Desk:
    """What callers know of the service."""

    greet: nexusrpc.Operation[str, str]
    refuse: nexusrpc.Operation[str, str]
    work: nexusrpc.Operation[str, str]


@workflow.defn
class Work:
    """Stands behind an operation; it ends when it is told to, or says what it was given."""

    def __init__(self) -> None:
        self._is_told = False

    @workflow.run
    async def run(self, word: str) -> str:
        if word == "wait":
            await workflow.wait_condition(lambda: self._is_told)
        return f"worked on {word}"

    @workflow.signal
    def tell(self) -> None:
        self._is_told = True


@nexusrpc.handler.service_handler(service=Desk)
class DeskHandler:
    """Answers at once, refuses, or starts a workflow."""

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
        return await context.start_workflow(Work.run, word, id=f"{nexus.info().task_queue}-work")


@workflow.defn
class Caller:
    """Calls one operation and says how it ended."""

    @workflow.run
    async def run(self, endpoint: str, operation: str, word: str) -> str:
        client = workflow.create_nexus_client(service=Desk, endpoint=endpoint)
        return await client.execute_operation(
            operation, word, output_type=str, schedule_to_close_timeout=timedelta(seconds=30)
        )


@workflow.defn
class Canceling:
    """Starts an operation, cancels it, and waits for its end."""

    @workflow.run
    async def run(self, endpoint: str) -> str:
        client = workflow.create_nexus_client(service=Desk, endpoint=endpoint)
        handle = await client.start_operation(Desk.work, "wait")
        handle.cancel()
        try:
            await handle
        except Exception as error:  # noqa: BLE001 - its cause is what the test asks for
            return type(error.__cause__).__name__
        return "not canceled"


@workflow.defn
class Naming:
    """Calls an endpoint that nobody has registered, until its timeout."""

    @workflow.run
    async def run(self, endpoint: str) -> str:
        client = workflow.create_nexus_client(service=Desk, endpoint=endpoint)
        try:
            await client.execute_operation(
                Desk.greet, "nobody", schedule_to_close_timeout=timedelta(seconds=3)
            )
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - its cause is what the test asks for
            return type(error.__cause__).__name__
        return "answered"


@workflow.defn
class Telling:
    """Tells another workflow something, and starts it if need be: the service's own operation."""

    @workflow.run
    async def run(self, workflow_id: str) -> str | None:
        handle = await workflow.signal_with_start_workflow(
            Work.run,
            "wait",
            id=workflow_id,
            task_queue=workflow.info().task_queue,
            signal=Work.tell,
        )
        return handle.run_id
