"""The stage of one scenario: its names, its calls, its own hands in place of a worker.

A scenario that answers its tasks itself decides what happens between two events, to the last
millisecond; one that is about the SDK's behaviour runs the SDK's worker instead. Owns which
histories a scenario leaves, in an order that is the same in every recording. Must not know which
server answers.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine, Sequence
from datetime import timedelta
from typing import Any, Final

import temporalio.api.operatorservice.v1 as operator
import temporalio.api.workflowservice.v1 as service
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import CommandType, EventType
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer, Worker

from tests.golden.normal import Json, Names, normal_history

_PATIENCE: Final = timedelta(seconds=40)
_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")


def seconds(count: float) -> timedelta:
    """A span, as short to write as scenarios are many."""
    return timedelta(seconds=count)


def payloads(*texts: str) -> Payloads:
    """Texts as an argument or a result."""
    return Payloads(
        payloads=[
            Payload(metadata={"encoding": b"json/plain"}, data=f'"{text}"'.encode())
            for text in texts
        ]
    )


def failure(message: str, *, is_final: bool = False, kind: str = "Trouble") -> Failure:
    """A failure as a worker reports it."""
    told = ApplicationFailureInfo(type=kind, non_retryable=is_final)
    return Failure(message=message, source="GoldenSDK", application_failure_info=told)


def command(kind: str, **attributes: Any) -> Command:
    """A command by its name in the API; sub-messages may be given as dictionaries."""
    given: dict[str, Any] = {f"{kind}_command_attributes": attributes}
    return Command(command_type=CommandType.Value(f"COMMAND_TYPE_{kind.upper()}"), **given)


COMPLETE: Final = command("complete_workflow_execution", result=payloads("done"))


def timer(timer_id: str, span: float) -> Command:
    """Start a timer."""
    return command("start_timer", timer_id=timer_id, start_to_fire_timeout=seconds(span))


class Scene:
    """One scenario on one server."""

    def __init__(self, client: Client, label: str) -> None:
        self.client = client
        self.label = label
        self.queue = f"{label}queue"
        self.sticky_queue = f"{label}sticky"
        self._workflow_types: list[type] = []
        self._told: list[tuple[str, str]] = []
        """Runs whose histories are recorded, before those to which they lead."""

    def id(self, name: str) -> str:
        """A workflow id of this scenario."""
        return f"{self.label}{name}"

    # -- calls -------------------------------------------------------------------------------------

    async def ask(self, method: str, **fields: Any) -> Any:
        """Call an RPC of the workflow service; the namespace is filled in."""
        request_type = getattr(service, f"{method}Request")
        request = request_type(namespace=self.client.namespace, **fields)
        call = getattr(self.client.workflow_service, _CAPITAL.sub("_", method).lower())
        return await call(request, timeout=_PATIENCE)

    async def operate(self, method: str, **fields: Any) -> Any:
        """Call an RPC of the operator service."""
        request = getattr(operator, f"{method}Request")(**fields)
        call = getattr(self.client.operator_service, _CAPITAL.sub("_", method).lower())
        return await call(request, timeout=_PATIENCE)

    async def start(self, name: str = "w", **fields: Any) -> str:
        """Start a run that this scenario answers for; return its run id."""
        answer = await self.ask("StartWorkflowExecution", **self.starting(name, **fields))
        self.tell(name, answer.run_id)
        run_id: str = answer.run_id
        return run_id

    def starting(self, name: str = "w", **fields: Any) -> dict[str, Any]:
        """The fields of a start."""
        return {
            "workflow_id": self.id(name),
            "workflow_type": {"name": "golden"},
            "task_queue": {"name": self.queue},
            "request_id": f"{self.label}start-{name}",
            "workflow_task_timeout": seconds(30),
            **fields,
        }

    def tell(self, name: str, run_id: str) -> None:
        """Record this run, too."""
        self._told.append((self.id(name), run_id))

    def execution(self, name: str = "w", run_id: str = "") -> dict[str, str]:
        """An execution as the API names it."""
        return {"workflow_id": self.id(name), "run_id": run_id}

    async def signal(self, text: str, name: str = "w", **fields: Any) -> None:
        """Send a signal."""
        await self.ask(
            "SignalWorkflowExecution",
            workflow_execution=self.execution(name),
            signal_name="note",
            input=payloads(text),
            **fields,
        )

    async def cancel(self, name: str = "w", **fields: Any) -> None:
        """Request a cancellation."""
        await self.ask(
            "RequestCancelWorkflowExecution", workflow_execution=self.execution(name), **fields
        )

    async def terminate(self, name: str = "w", **fields: Any) -> None:
        """Terminate."""
        await self.ask(
            "TerminateWorkflowExecution",
            workflow_execution=self.execution(name),
            reason="enough",
            **fields,
        )

    # -- a worker's work, by hand ------------------------------------------------------------------

    async def task(self, queue: str = "", *, is_sticky: bool = False) -> Any:
        """Wait for a workflow task."""
        where: dict[str, Any] = {"name": queue or self.queue}
        if is_sticky:
            where = {"name": self.sticky_queue, "kind": 2, "normal_name": self.queue}
        found = await self.ask("PollWorkflowTaskQueue", task_queue=where, identity="hand")
        assert found.task_token, "no workflow task came"
        return found

    async def complete(self, task: Any, *commands: Command, **fields: Any) -> Any:
        """Complete a workflow task."""
        return await self.ask(
            "RespondWorkflowTaskCompleted", task_token=task.task_token, commands=commands, **fields
        )

    async def step(self, *commands: Command, **fields: Any) -> Any:
        """Wait for a workflow task and complete it; return the task."""
        task = await self.task()
        await self.complete(task, *commands, **fields)
        return task

    async def fail_task(self, task: Any, **fields: Any) -> None:
        """Report that a workflow task failed."""
        fields.setdefault("cause", "WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE")
        await self.ask(
            "RespondWorkflowTaskFailed",
            task_token=task.task_token,
            failure=failure("worker trouble"),
            **fields,
        )

    async def activity_task(self) -> Any:
        """Wait for an activity task."""
        found = await self.ask(
            "PollActivityTaskQueue", task_queue={"name": self.queue}, identity="hand"
        )
        assert found.task_token, "no activity task came"
        return found

    async def complete_activity(self, task: Any, text: str = "result") -> None:
        """Complete an activity."""
        await self.ask(
            "RespondActivityTaskCompleted", task_token=task.task_token, result=payloads(text)
        )

    async def fail_activity(self, task: Any, *, is_final: bool = False) -> None:
        """Fail an activity."""
        await self.ask(
            "RespondActivityTaskFailed",
            task_token=task.task_token,
            failure=failure("no luck", is_final=is_final),
        )

    def activity(self, activity_id: str = "a", **fields: Any) -> Command:
        """Schedule an activity of this scenario's queue."""
        fields.setdefault("start_to_close_timeout", seconds(30))
        fields.setdefault("retry_policy", {"maximum_attempts": 1})
        return command(
            "schedule_activity_task",
            activity_id=activity_id,
            activity_type={"name": "act"},
            task_queue={"name": self.queue},
            input=payloads("given"),
            **fields,
        )

    def child(self, name: str, **fields: Any) -> Command:
        """Start a child in this scenario's queue."""
        return command(
            "start_child_workflow_execution",
            workflow_id=self.id(name),
            workflow_type={"name": "golden"},
            task_queue={"name": fields.pop("queue", self.queue)},
            workflow_task_timeout=seconds(30),
            **fields,
        )

    # -- the SDK's worker --------------------------------------------------------------------------

    def worker(self, *workflows: type, **options: Any) -> Worker:
        """A worker of the SDK on this scenario's queue; its runs will be replayed."""
        self._workflow_types += workflows
        return Worker(self.client, task_queue=self.queue, workflows=workflows, **options)

    async def run(self, workflow: Any, *args: Any, name: str = "w", **options: Any) -> Any:
        """Start a workflow of the SDK; return its handle."""
        handle = await self.client.start_workflow(
            workflow, args=args, id=self.id(name), task_queue=self.queue, **options
        )
        self.tell(name, handle.result_run_id or "")
        return handle

    # -- what is left ------------------------------------------------------------------------------

    async def until(self, kind: str, name: str = "w", run_id: str = "", count: int = 1) -> None:
        """Wait until the history has so many events of a type."""
        wanted = EventType.Value(f"EVENT_TYPE_{kind}")
        async for event in self._followed(self.id(name), run_id):
            count -= event.event_type == wanted
            if not count:
                return
        raise AssertionError(f"the run closed without {kind}")

    async def _followed(self, workflow_id: str, run_id: str) -> AsyncIterator[HistoryEvent]:
        token = b""
        while True:
            page = await self.ask(
                "GetWorkflowExecutionHistory",
                execution={"workflow_id": workflow_id, "run_id": run_id},
                wait_new_event=True,
                next_page_token=token,
            )
            for event in page.history.events:
                yield event
            token = page.next_page_token
            if not token:
                return

    async def events(self, name: str = "w", run_id: str = "") -> Sequence[HistoryEvent]:
        """The history as it is now."""
        return await self._events(self.id(name), run_id)

    async def _events(self, workflow_id: str, run_id: str) -> Sequence[HistoryEvent]:
        answer = await self.ask(
            "GetWorkflowExecutionHistory",
            execution={"workflow_id": workflow_id, "run_id": run_id},
        )
        return list(answer.history.events)

    async def recording(self) -> Json:
        """The histories of everything that was told of, and of what followed from it."""
        names = Names(self.label)
        waiting, seen = list(self._told), set[tuple[str, str]]()
        recorded: list[Json] = []
        while waiting:
            key = waiting.pop(0)
            if key in seen:
                continue
            seen.add(key)
            workflow_id, run_id = key
            events = await self._events(workflow_id, run_id)
            await self._replay(workflow_id, events)
            recorded.append(
                {
                    "workflow": names.text(workflow_id),
                    "run": names.text(run_id),
                    "events": normal_history(events, names),
                }
            )
            for event in events:
                waiting += _led_to(event, workflow_id)
        return recorded

    async def _replay(self, workflow_id: str, events: Sequence[HistoryEvent]) -> None:
        """What the SDK's worker ran must satisfy the SDK's own replayer."""
        if self._workflow_types:
            replayer = Replayer(workflows=self._workflow_types)
            await replayer.replay_workflow(WorkflowHistory(workflow_id, events))


def _led_to(event: HistoryEvent, workflow_id: str) -> Sequence[tuple[str, str]]:
    attributes: Any = getattr(event, str(event.WhichOneof("attributes")))
    if event.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
        execution = attributes.workflow_execution
        return [(execution.workflow_id, execution.run_id)]
    following = getattr(attributes, "new_execution_run_id", "")
    return [(workflow_id, following)] if following else []


async def pass_time(span: float) -> None:
    """Let real time pass: what a server holds back for a busy worker shows nowhere else."""
    await asyncio.sleep(span)


async def together(first: Coroutine[Any, Any, Any], second: Coroutine[Any, Any, Any]) -> Any:
    """Do two things at once, and return what came of both."""
    return await asyncio.gather(first, second)
