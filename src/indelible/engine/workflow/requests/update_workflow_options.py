"""UpdateWorkflowExecutionOptions: another priority or versioning override (semantics 10.10)."""

from collections.abc import Iterable
from typing import Final

from temporalio.api.common.v1 import Priority
from temporalio.api.history.v1 import WorkflowExecutionOptionsUpdatedEventAttributes
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionOptionsRequest

from indelible.base.errors import InvalidArgumentError, workflow_already_completed
from indelible.engine.workflow.rules.versioning import check_override, version_of_run
from indelible.engine.workflow.rules.workflow_tasks import follow_new_override
from indelible.engine.workflow.state import ExecutionRecord
from indelible.engine.workflow.transition import Transition

_OVERRIDE: Final = "versioning_override"
_OVERRIDE_PARTS: Final = frozenset(
    {"versioning_override.deployment", "versioning_override.behavior"}
)
_PRIORITY_PARTS: Final = frozenset({"priority_key", "fairness_key", "fairness_weight"})


def update_workflow_options(
    step: Transition, request: UpdateWorkflowExecutionOptionsRequest
) -> WorkflowExecutionOptions:
    """Change the options that the mask names; return all of them.

    Raises `NotFoundError` if the run is closed, `InvalidArgumentError` for a bad mask.
    """
    if not step.execution.is_open:
        raise workflow_already_completed()
    return change_options(
        step,
        request.workflow_execution_options,
        request.update_mask.paths,
        identity=request.identity,
    )


def change_options(
    step: Transition, given: WorkflowExecutionOptions, mask: Iterable[str], *, identity: str
) -> WorkflowExecutionOptions:
    """Change the options of an open run that the mask names; return all of them."""
    before = options_of(step.execution)
    options = WorkflowExecutionOptions()
    options.CopyFrom(before)
    paths = frozenset(mask)
    _merge_override(options, given, paths)
    for path in sorted(paths):
        _merge_priority(options, given, path)
    if options != before:
        check_override(
            step.settings.routing, options.versioning_override, step.execution.task_queue
        )
        version_before = version_of_run(step.execution)
        _emit(step, options, identity)
        follow_new_override(step, version_before)
    return options


def options_of(execution: ExecutionRecord) -> WorkflowExecutionOptions:
    """Return the options of a run as they are."""
    options = WorkflowExecutionOptions()
    if execution.versioning_override:
        override = VersioningOverride.FromString(execution.versioning_override)
        options.versioning_override.CopyFrom(override)
    if execution.priority:
        options.priority.CopyFrom(Priority.FromString(execution.priority))
    return options


def _merge_override(
    target: WorkflowExecutionOptions, source: WorkflowExecutionOptions, paths: frozenset[str]
) -> None:
    parts = [path for path in sorted(paths) if path.startswith(f"{_OVERRIDE}.")]
    if not _OVERRIDE_PARTS.issuperset(parts):
        raise InvalidArgumentError("versioning_override doesn't support partial updates")
    if parts and not _OVERRIDE_PARTS.issubset(parts):
        raise InvalidArgumentError("versioning_override fields must be updated together")
    if not parts and _OVERRIDE not in paths:
        return
    target.ClearField(_OVERRIDE)
    if source.HasField(_OVERRIDE):
        target.versioning_override.CopyFrom(source.versioning_override)


def _merge_priority(
    target: WorkflowExecutionOptions, source: WorkflowExecutionOptions, path: str
) -> None:
    whole, _, part = path.partition(".")
    if whole == _OVERRIDE:
        return
    if path == "priority":
        target.ClearField("priority")
        if source.HasField("priority"):
            target.priority.CopyFrom(source.priority)
    elif whole == "priority" and part in _PRIORITY_PARTS:
        setattr(target.priority, part, getattr(source.priority, part))
    else:
        raise InvalidArgumentError(f"error parsing UpdateMask: {path} cannot be updated")


def _emit(step: Transition, options: WorkflowExecutionOptions, identity: str) -> None:
    has_override = options.HasField(_OVERRIDE)
    step.emit(
        WorkflowExecutionOptionsUpdatedEventAttributes(
            versioning_override=options.versioning_override if has_override else None,
            unset_versioning_override=not has_override,
            identity=identity,
            priority=options.priority if options.HasField("priority") else None,
        )
    )
