"""Recorded histories against the workflow code of today.

Owns where histories and code come from, and what a verdict looks like. The verdicts are made by
`testing.replays`.
"""

import importlib
import logging
import re
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig

from indelible.cli.output import Color, Output
from indelible.cli.session import Session
from indelible.cli.values import ValueRefusedError
from indelible.cli.verbs.histories import run_events
from indelible.testing.replays import (
    ReplayCheck,
    ReplayOutcome,
    Verdict,
    workflow_type_of,
    workflows_in,
)

_FAILED: Final = 1
_COLORS: Final = {
    Verdict.REPLAYS: Color.GREEN,
    Verdict.BREAKS: Color.RED,
    Verdict.UNKNOWN: Color.YELLOW,
}
_UNSAFE: Final = re.compile(r"[^\w.-]+")


async def check(session: Session) -> int:
    """Replay histories that a server has."""
    options = session.options
    workflows = _workflows(options.argument)
    return await _judge(options, session.output, workflows, _recorded(session, workflows))


async def check_files(options: Namespace, output: Output) -> int:
    """Replay histories that are kept as files."""
    workflows = _workflows(options.argument)
    histories = _read(options.from_file, limit=options.limit)
    return await _judge(options, output, workflows, histories)


async def _judge(
    options: Namespace,
    output: Output,
    workflows: list[type],
    histories: AsyncIterator[WorkflowHistory],
) -> int:
    # The SDK reports a failed replay in its logs as well, at length and in colours.
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    silent = TelemetryConfig(logging=LoggingConfig(filter="off"))
    check = ReplayCheck(
        workflows,
        converter=_converter(options.data_converter),
        runtime=Runtime(telemetry=silent),
    )
    counts: Counter[Verdict] = Counter()
    with output.listing():
        async for history in _saved(histories, options.save):
            try:
                outcome = await check.outcome(history)
            except ValueError as error:
                raise ValueRefusedError(str(error)) from None
            counts[outcome.verdict] += 1
            _tell(output, outcome)
    output.say(", ".join(f"{verdict.value}: {counts[verdict]}" for verdict in Verdict))
    if not counts[Verdict.REPLAYS] and not counts[Verdict.BREAKS]:
        print("indelible: no history was replayed, so nothing is proven", file=sys.stderr)
        return _FAILED
    return _FAILED if counts[Verdict.BREAKS] else 0


def _tell(output: Output, outcome: ReplayOutcome) -> None:
    verdict = output.colored(f"{outcome.verdict.value:<12}", _COLORS[outcome.verdict])
    label = f"{outcome.workflow_id} {outcome.run_id} ({outcome.workflow_type})"
    output.say(f"{verdict} {label}, {outcome.event_count} events")
    if outcome.verdict is Verdict.BREAKS:
        output.say(f"    at event {outcome.event_id}, {outcome.event_type}: {outcome.reason}")
        if outcome.line:
            output.say(f"    {outcome.line}")
    output.document(
        {
            "workflowId": outcome.workflow_id,
            "runId": outcome.run_id,
            "workflowType": outcome.workflow_type,
            "events": outcome.event_count,
            "verdict": outcome.verdict.name.lower(),
            "eventId": outcome.event_id,
            "eventType": outcome.event_type,
            "reason": outcome.reason,
            "line": outcome.line,
        }
    )


# ------------------------------------------------------------------------------------ the code
def _workflows(names: str) -> list[type]:
    """Return the workflow classes of these names. Raises `ValueRefusedError`."""
    if not names:
        raise ValueRefusedError("say whose code: MODULE, or MODULE:WORKFLOW")
    found: dict[type, None] = {}
    for name in names.split(","):
        module_name, _, class_name = name.partition(":")
        module = _imported(module_name)
        if class_name:
            found[_workflow(getattr(module, class_name, None), name)] = None
        else:
            found.update(dict.fromkeys(workflows_in(module)))
    if not found:
        raise ValueRefusedError(f"there is no workflow in {names}")
    return list(found)


def _workflow(candidate: object, name: str) -> type:
    if not isinstance(candidate, type):
        raise ValueRefusedError(f"there is no class {name}")
    try:
        workflow_type_of(candidate)
    except TypeError as error:
        raise ValueRefusedError(str(error)) from None
    return candidate


def _imported(name: str) -> object:
    # As `python -m` does it: the code to check lies where the command is typed.
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ValueRefusedError(
            f"cannot import {name}: {error}; a module is named as in an import statement, from"
            " the folder in which it lies"
        ) from None


def _converter(name: str | None) -> DataConverter:
    if not name:
        return DataConverter.default
    module_name, _, attribute = name.partition(":")
    found = getattr(_imported(module_name), attribute, None)
    if not isinstance(found, DataConverter):
        raise ValueRefusedError(f"--data-converter: {name} is no data converter")
    return found


# ------------------------------------------------------------------------------- the histories
async def _recorded(session: Session, workflows: list[type]) -> AsyncIterator[WorkflowHistory]:
    async for execution in _runs(session, _query(session.options, workflows)):
        events = [event async for event in run_events(session, execution)]
        yield WorkflowHistory(execution.workflow_id, events)


def _query(options: Namespace, workflows: list[type]) -> str:
    parts = [f"({options.query})"] if options.query else []
    if options.workflow_id:
        parts.append(f"WorkflowId IN ({_quoted(options.workflow_id)})")
    types = [workflow_type_of(one) for one in workflows]
    named = [one for one in types if one is not None]
    if not parts and len(named) == len(types):
        parts.append(f"WorkflowType IN ({_quoted(named)})")
    return " AND ".join(parts)


def _quoted(values: Iterable[str]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)


async def _runs(session: Session, query: str) -> AsyncIterator[WorkflowExecution]:
    left: int = session.options.limit
    token = b""
    while left > 0:
        page = await session.workflows.list_workflow_executions(
            ListWorkflowExecutionsRequest(
                namespace=session.namespace, query=query, page_size=left, next_page_token=token
            )
        )
        for found in page.executions[:left]:
            yield found.execution
        left -= len(page.executions)
        token = page.next_page_token
        if not token:
            return


async def _read(paths: Iterable[str], *, limit: int) -> AsyncIterator[WorkflowHistory]:
    for number, path in enumerate(_files(paths)):
        if number >= limit:
            return
        try:
            text = path.read_text(encoding="utf-8")
            # A file does not say whose history it is; one that we have saved says it by its name.
            yield WorkflowHistory.from_json(path.stem, text)
        except OSError as error:
            raise ValueRefusedError(f"cannot read {path}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise ValueRefusedError(f"{path} is no history: {error}") from None


def _files(paths: Iterable[str]) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(path.glob("*.json"))
        else:
            yield path


async def _saved(
    histories: AsyncIterator[WorkflowHistory], folder: str | None
) -> AsyncIterator[WorkflowHistory]:
    async for history in histories:
        if folder:
            _save(history, Path(folder))
        yield history


def _save(history: WorkflowHistory, folder: Path) -> None:
    name = _UNSAFE.sub("-", f"{history.workflow_id}-{history.run_id}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(history.to_json(), encoding="utf-8")
    except OSError as error:
        raise ValueRefusedError(f"cannot write to {folder}: {error.strerror}") from None
