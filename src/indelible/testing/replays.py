"""Recorded histories against the workflow code of today: which replay, and where others break.

Owns the verdict on one history. The replay itself is the official SDK's. Must not know where
histories come from.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Final

import msgspec
import temporalio
from msgspec.structs import replace
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime
from temporalio.worker import Replayer

from indelible.testing.timelines import event_name

# The core of the SDKs writes failures down as text; these are the parts that say something.
_MESSAGE: Final = re.compile(r'message: "((?:[^"\\]|\\.)*)"')
_EVENT: Final = re.compile(r"HistoryEvent\(id: (\d+), \w+\)")
_FRAME: Final = re.compile(r'File "([^"]+)", line (\d+), in (\w+)')
_SDK_FOLDER: Final = str(Path(temporalio.__file__).parent)
_CODE: Final = re.compile(r"^\[TMPRL\d+\] ")
_ESCAPED: Final = {'\\"': '"', "\\'": "'", "\\n": "\n", "\\\\": "\\"}
_ESCAPE: Final = re.compile(r"\\.")
_DEFINITION: Final = "__temporal_workflow_definition"


class Verdict(Enum):
    """What became of one history; the value is the word that a person reads."""

    REPLAYS = "replays"
    BREAKS = "breaks"
    UNKNOWN = "unknown type"
    """No workflow of this type is among those to check."""


class ReplayOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one history, and where and why the code of today goes another way."""

    workflow_id: str
    run_id: str
    workflow_type: str
    event_count: int
    verdict: Verdict
    reason: str = ""
    event_id: int = 0
    """The event at which code and history part; 0 if they do not."""
    event_type: str = ""
    line: str = ""
    """The line of the user's own code that raised, as `file:number in function`, if one did."""


def workflows_in(module: object) -> list[type]:
    """Return the workflow classes of a module, its own and those that it imports."""
    return [one for one in vars(module).values() if isinstance(one, type) and _is_workflow(one)]


def workflow_type_of(workflow: type) -> str | None:
    """Return the workflow type of a class; None if it takes every type. Raises `TypeError`."""
    if not _is_workflow(workflow):
        raise TypeError(f"{workflow.__qualname__} is not decorated with @workflow.defn")
    name: str | None = getattr(workflow, _DEFINITION).name
    return name


def _is_workflow(candidate: type) -> bool:
    return _DEFINITION in vars(candidate)


class ReplayCheck:
    """Workflows as a worker would run them, against histories that others have written."""

    def __init__(
        self,
        workflows: Sequence[type],
        *,
        converter: DataConverter = DataConverter.default,
        runtime: Runtime | None = None,
    ) -> None:
        self._types: Mapping[str | None, type] = {workflow_type_of(one): one for one in workflows}
        self._replayer: Final = Replayer(
            workflows=workflows, data_converter=converter, runtime=runtime
        )

    async def outcomes(
        self, histories: AsyncIterator[WorkflowHistory]
    ) -> AsyncIterator[ReplayOutcome]:
        """Yield the verdict on each history, in their order."""
        async for history in histories:
            yield await self.outcome(history)

    async def outcome(self, history: WorkflowHistory) -> ReplayOutcome:
        """Return the verdict on one history. Raises `ValueError` if it has no beginning."""
        events = history.events
        if not events or not events[0].HasField("workflow_execution_started_event_attributes"):
            raise ValueError(f"the history of {history.workflow_id} does not begin with a start")
        started = events[0].workflow_execution_started_event_attributes
        outcome = ReplayOutcome(
            workflow_id=history.workflow_id,
            run_id=started.original_execution_run_id,
            workflow_type=started.workflow_type.name,
            event_count=len(events),
            verdict=Verdict.REPLAYS,
        )
        if not {outcome.workflow_type, None} & self._types.keys():
            return replace(outcome, verdict=Verdict.UNKNOWN)
        failure = await self._failure(history)
        if failure is None:
            return outcome
        message = _message(failure)
        event = await self._parting(history, message)
        return replace(
            outcome,
            verdict=Verdict.BREAKS,
            reason=_CODE.sub("", message),
            event_id=event.event_id,
            event_type=event_name(event),
            line=_own_line(_unescaped(str(failure))),
        )

    async def _failure(self, history: WorkflowHistory) -> Exception | None:
        result = await self._replayer.replay_workflow(history, raise_on_replay_failure=False)
        return result.replay_failure

    async def _parting(self, history: WorkflowHistory, message: str) -> HistoryEvent:
        """Return the event at which the code goes another way.

        Some messages name it. For the others, the shortest beginning of the history that fails
        is found by halving: it ends with what one workflow task has brought.
        """
        events = history.events
        named = _EVENT.search(message)
        if named is not None:
            return events[int(named[1]) - 1]
        ends = [
            at
            for at, event in enumerate(events)
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED and at > 1
        ]
        low, high = 0, len(ends)
        while low < high:
            middle = (low + high) // 2
            beginning = WorkflowHistory(history.workflow_id, events[: ends[middle]])
            if await self._failure(beginning) is None:
                low = middle + 1
            else:
                high = middle
        start = ends[low - 1] if low else 1
        return next((one for one in events[start:] if one.event_type == _COMPLETED), events[start])


_COMPLETED: Final = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED


def _message(failure: Exception) -> str:
    found = _MESSAGE.search(str(failure))
    return _unescaped(found[1]) if found else str(failure)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[0], found[0]), text)


def _own_line(text: str) -> str:
    """Return the innermost line of a traceback that is not the SDK's."""
    frames = [one for one in _FRAME.findall(text) if not one[0].startswith(_SDK_FOLDER)]
    return "{}:{} in {}".format(*frames[-1]) if frames else ""
