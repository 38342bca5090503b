"""Workflows that start, signal, cancel and outlive others, and chains of runs."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    WorkflowAlreadyStartedError,
)
from temporalio.workflow import ChildWorkflowCancellationType, ParentClosePolicy


@workflow.defn
class Child:
    """Ends as its argument says; "wait" stays open until it is told or cancelled."""

    def __init__(self) -> None:
        self.told: str | None = None

    @workflow.signal
    def tell(self, text: str) -> None:
        self.told = text

    @workflow.run
    async def run(self, ending: str) -> str:
        if ending == "fail":
            raise ApplicationError("child failed", type="ChildFailed", non_retryable=True)
        if ending == "continue":
            workflow.continue_as_new("finish")
        if ending == "wait":
            await workflow.wait_condition(lambda: self.told is not None)
            return f"told {self.told}"
        parent = workflow.info().parent
        return f"{ending} under {parent.workflow_id if parent else 'nobody'}"


def describe_child_failure(error: ChildWorkflowError) -> dict[str, Any]:
    """What a parent learns from a child that did not complete."""
    cause = error.cause
    return {
        "workflow_id": error.workflow_id,
        "workflow_type": error.workflow_type,
        "retry_state": error.retry_state.name if error.retry_state else None,
        "cause": type(cause).__name__,
        "type": getattr(cause, "type", None) if isinstance(cause, ApplicationError) else None,
    }


@workflow.defn
class Parent:
    """Starts one child and reports its end."""

    @workflow.run
    async def run(self, ending: str, child_id: str, task_queue: str, run_timeout: float) -> Any:
        try:
            return await workflow.execute_child_workflow(
                Child.run,
                ending,
                id=child_id,
                task_queue=task_queue or None,
                run_timeout=timedelta(seconds=run_timeout) if run_timeout else None,
            )
        except ChildWorkflowError as error:
            return describe_child_failure(error)


@workflow.defn
class ParentOfTwins:
    """Its second child may not have the id of the first."""

    @workflow.run
    async def run(self, child_id: str) -> str:
        first = await workflow.start_child_workflow(Child.run, "wait", id=child_id)
        try:
            await workflow.start_child_workflow(Child.run, "wait", id=child_id)
        except WorkflowAlreadyStartedError as error:
            await first.signal(Child.tell, "once")
            return f"{error.workflow_id} {await first}"
        return "two children of one id"


@workflow.defn
class ParentOfMany:
    @workflow.run
    async def run(self, count: int) -> list[str]:
        own_id = workflow.info().workflow_id
        return await asyncio.gather(
            *(
                workflow.execute_child_workflow(
                    Child.run, f"child {number}", id=f"{own_id}-{number}"
                )
                for number in range(count)
            )
        )


@workflow.defn
class ParentThatLeaves:
    """Completes (or fails, or goes on as new) while its child is still open."""

    @workflow.run
    async def run(self, child_id: str, policy: str, leaving: str) -> str:
        if leaving == "stay":
            return "second run"
        await workflow.start_child_workflow(
            Child.run,
            "wait",
            id=child_id,
            parent_close_policy=ParentClosePolicy[policy] if policy else _SERVER_DEFAULT,
        )
        if leaving == "fail":
            raise ApplicationError("leaving", non_retryable=True)
        if leaving == "continue":
            workflow.continue_as_new(args=[child_id, policy, "stay"])
        return "left"


_SERVER_DEFAULT = ParentClosePolicy.UNSPECIFIED


@workflow.defn
class ParentThatCancels:
    """Cancels its child once told, in one of the SDK's ways."""

    def __init__(self) -> None:
        self.stop = False

    @workflow.signal
    def cancel_child(self) -> None:
        self.stop = True

    @workflow.run
    async def run(self, child_id: str, mode: str) -> dict[str, Any]:
        handle = await workflow.start_child_workflow(
            Child.run,
            "wait",
            id=child_id,
            cancellation_type=ChildWorkflowCancellationType[mode],
            parent_close_policy=ParentClosePolicy.ABANDON,
        )
        await workflow.wait_condition(lambda: self.stop)
        handle.cancel()
        try:
            await handle
        except ChildWorkflowError as error:
            return describe_child_failure(error)
        return {}


@workflow.defn
class Meddler:
    """Signals, then cancels, a workflow that is not its child."""

    @workflow.run
    async def run(self, target_id: str, act: str) -> str:
        target = workflow.get_external_workflow_handle(target_id)
        try:
            if act == "signal":
                await target.signal("tell", "from outside")
            else:
                await target.cancel()
        except ApplicationError as error:
            return f"refused: {error.message}"
        return "done"


@workflow.defn
class Counting:
    """Counts in runs of a few, carrying the total over."""

    @workflow.run
    async def run(self, total: int, upto: int) -> dict[str, Any]:
        info = workflow.info()
        total += 10
        if total < upto:
            workflow.continue_as_new(args=[total, upto], memo={"total": total})
        return {
            "total": total,
            "run_id": info.run_id,
            "first": info.first_execution_run_id,
            "previous": info.continued_run_id,
            "memo": workflow.memo(),
        }


@workflow.defn
class Cron:
    """One run per tick; knows what the run before it returned."""

    @workflow.run
    async def run(self) -> int:
        return (workflow.get_last_completion_result(int) or 0) + 1


@workflow.defn
class CancelAware:
    """Shields a last word from the cancellation."""

    @workflow.run
    async def run(self) -> str:
        try:
            await workflow.sleep(timedelta(hours=1))
        except asyncio.CancelledError:
            await workflow.sleep(timedelta(milliseconds=10))
            return "cleaned up"
        return "slept"


@workflow.defn
class Stubborn:
    """Takes note of the cancellation and completes all the same."""

    @workflow.run
    async def run(self) -> str:
        await workflow.sleep(timedelta(hours=1))
        return "slept"
