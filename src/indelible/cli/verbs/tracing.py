"""`workflow trace`: a workflow as a tree of its activities, timers and children, live.

Owns the tree and how it is drawn. On a terminal it is drawn again while it grows, until the
workflow closes; elsewhere once. What a node is, is read from histories; nothing is kept between
two draws but the trees of runs that have closed.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.service import RPCError, RPCStatusCode

from indelible.cli.output import Color, Output
from indelible.cli.session import Session
from indelible.cli.values import ValueRefusedError, shown_duration
from indelible.cli.verbs.histories import event_name, run_events
from indelible.cli.verbs.messages import STATUS_COLORS, when
from indelible.cli.verbs.payloads import failure_text

_SECONDS_BETWEEN_DRAWS: Final = 1.0
_FOLDABLE: Final = (
    "running",
    "completed",
    "failed",
    "canceled",
    "terminated",
    "timedout",
    "continueasnew",
)
_FOLDED: Final = ("completed", "canceled", "terminated")
_RUNNING: Final = "Running"
_COMPLETED: Final = "Completed"
_SIGNS: Final = {
    _RUNNING: "▷",
    _COMPLETED: "✓",
    "Failed": "✗",
    "TimedOut": "✗",
    "Terminated": "✗",
    "Canceled": "⊘",
    "ContinuedAsNew": "»",
}


class _Node(msgspec.Struct, kw_only=True):
    """One thing that began and may have ended."""

    label: str
    began: datetime | None = None
    ended: datetime | None = None
    status: str = _RUNNING
    note: str = ""
    attempt: int = 0
    execution: WorkflowExecution | None = None
    """Set on workflows: there is a history to unfold."""
    inner: "list[_Node]" = msgspec.field(default_factory=list)


async def trace(session: Session) -> None:
    """Watch a workflow."""
    output, options = session.output, session.options
    if output.is_json:
        raise ValueRefusedError("this draws for people; `workflow show -o json` has the facts")
    _check_folds(options.fold)
    root = _Node(
        label="",
        execution=WorkflowExecution(workflow_id=options.workflow_id, run_id=options.run_id or ""),
    )
    gate = asyncio.Semaphore(max(1, options.concurrency))
    drawn = 0
    while True:
        await _read(session, root, gate, depth=0)
        lines = list(_drawn(session, root, datetime.now(UTC)))
        if not output.is_live:
            output.lines(lines)
            return
        is_last = root.status != _RUNNING
        drawn = output.overwrite(lines, drawn, is_last=is_last)
        if is_last:
            return
        await asyncio.sleep(_SECONDS_BETWEEN_DRAWS)


def _check_folds(words: list[str]) -> None:
    for word in words:
        if word not in _FOLDABLE:
            raise ValueRefusedError(f'--fold takes {", ".join(_FOLDABLE)}, not "{word}"')


# ------------------------------------------------------------------------------ from histories
async def _read(session: Session, node: _Node, gate: asyncio.Semaphore, depth: int) -> None:
    if node.execution is None or (node.inner and node.status != _RUNNING):
        return
    async with gate:
        try:
            events = [event async for event in run_events(session, node.execution)]
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND or depth == 0:
                raise
            node.note = "its history is gone"
            return
    node.inner = _Reader(node, events).nodes()
    limit: int = session.options.depth
    if 0 <= limit <= depth:
        return
    unfolded = [one for one in node.inner if one.execution and not _is_folded(session, one)]
    async with asyncio.TaskGroup() as group:
        for one in unfolded:
            group.create_task(_read(session, one, gate, depth + 1))


def _is_folded(session: Session, node: _Node) -> bool:
    folded = session.options.fold or _FOLDED
    # The option has the reference's word for it.
    status = node.status.replace("ContinuedAsNew", "ContinueAsNew").casefold()
    return not session.options.no_fold and status in folded


class _Reader:
    """Turns the events of one run into nodes, in the order in which things began."""

    def __init__(self, workflow: _Node, events: list[HistoryEvent]) -> None:
        self._workflow = workflow
        self._events = events
        self._nodes: dict[int, _Node] = {}

    def nodes(self) -> list[_Node]:
        """Return what the events tell."""
        for event in self._events:
            name = event_name(event)
            if name.startswith("WorkflowExecution"):
                self._read_workflow(event, name)
            elif name.endswith(("Scheduled", "Initiated")) or name == "TimerStarted":
                self._begin(event, name)
            else:
                self._go_on(event, name)
        return list(self._nodes.values())

    def _read_workflow(self, event: HistoryEvent, name: str) -> None:
        workflow = self._workflow
        if name == "WorkflowExecutionStarted":
            name = event.workflow_execution_started_event_attributes.workflow_type.name
            workflow.label = workflow.label or name
            workflow.began = when(event.event_time)
        elif name == "WorkflowExecutionSignaled":
            signal = event.workflow_execution_signaled_event_attributes.signal_name
            self._nodes[event.event_id] = _Node(
                label=f"signal {signal}", status=_COMPLETED, began=when(event.event_time)
            )
        else:
            self._end(workflow, event, name.removeprefix("WorkflowExecution"))

    def _begin(self, event: HistoryEvent, name: str) -> None:
        node = self._new_node(event, name)
        if node is not None:
            node.began = when(event.event_time)
            self._nodes[event.event_id] = node

    def _new_node(self, event: HistoryEvent, name: str) -> _Node | None:
        if name == "ActivityTaskScheduled":
            return _Node(label=event.activity_task_scheduled_event_attributes.activity_type.name)
        if name == "TimerStarted":
            timer = event.timer_started_event_attributes
            lasts = shown_duration(timer.start_to_fire_timeout.ToTimedelta())
            return _Node(label=f"timer {timer.timer_id} ({lasts})")
        if name == "NexusOperationScheduled":
            operation = event.nexus_operation_scheduled_event_attributes
            return _Node(label=f"{operation.service}.{operation.operation}")
        if name == "StartChildWorkflowExecutionInitiated":
            child = event.start_child_workflow_execution_initiated_event_attributes
            return _Node(label=f"{child.workflow_type.name} {child.workflow_id}")
        return None

    def _go_on(self, event: HistoryEvent, name: str) -> None:
        attributes = getattr(event, event.WhichOneof("attributes") or "", None)
        node = next(
            (
                self._nodes[number]
                for number in (
                    getattr(attributes, "scheduled_event_id", 0),
                    getattr(attributes, "initiated_event_id", 0),
                    getattr(attributes, "started_event_id", 0),
                )
                if number in self._nodes
            ),
            None,
        )
        if node is None:
            return
        if name == "ChildWorkflowExecutionStarted":
            node.execution = (
                event.child_workflow_execution_started_event_attributes.workflow_execution
            )
        elif name.endswith("Started"):
            node.attempt = getattr(attributes, "attempt", 0)
        else:
            self._end(node, event, name)

    @staticmethod
    def _end(node: _Node, event: HistoryEvent, name: str) -> None:
        attributes = getattr(event, event.WhichOneof("attributes") or "", None)
        status = next((one for one in _SIGNS if name.endswith(one) and one != _RUNNING), "")
        if event.event_type == EventType.EVENT_TYPE_TIMER_FIRED:
            status = _COMPLETED
        if not status:
            return
        node.status = status
        node.ended = when(event.event_time)
        failure = getattr(attributes, "failure", None)
        if failure is not None:
            node.note = failure_text(failure).partition("\n")[0]


# -------------------------------------------------------------------------------------- drawing
def _drawn(session: Session, root: _Node, now: datetime) -> Iterator[str]:
    yield from _branch(session, root, now, indent="", label_prefix=_own_id(root))


def _own_id(root: _Node) -> str:
    return f"{root.execution.workflow_id} " if root.execution else ""


def _branch(
    session: Session, node: _Node, now: datetime, *, indent: str, label_prefix: str = ""
) -> Iterator[str]:
    yield indent + _line(session.output, node, now, label_prefix)
    inner = f"{indent}  "
    if label_prefix or not _is_folded(session, node):
        for one in node.inner:
            yield from _branch(session, one, now, indent=inner)
    elif node.execution:
        yield f"{inner}(folded; --no-fold shows what is inside)"


def _line(output: Output, node: _Node, now: datetime, prefix: str) -> str:
    parts = [
        output.colored(_SIGNS[node.status], STATUS_COLORS[node.status]),
        f"{prefix}{node.label}",
    ]
    if node.began and (node.ended or node.status == _RUNNING):
        parts.append(_lasted((node.ended or now) - node.began))
    if node.attempt > 1:
        parts.append(f"attempt {node.attempt}")
    if node.note:
        parts.append(output.colored(node.note, Color.RED))
    return "  ".join(parts)


def _lasted(time: timedelta) -> str:
    return shown_duration(max(time, timedelta()))
