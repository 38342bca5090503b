"""UpdateWorkflowExecutionOptions: another priority, versioning override or time skipping.

See semantics 10.10.
"""

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
from indelible.engine.workflow.time_skipping import config_message
from indelible.engine.workflow.transition import Transition

_OVERRIDE: Final = "versioning_override"
_OVERRIDE_PARTS: Final = frozenset(
    {"versioning_override.deployment", "versioning_override.behavior"}
)
_TIME_SKIPPING: Final = "time_skipping_config"
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
    is_configured_anew = _merge_time_skipping(options, given, paths)
    for path in sorted(paths):
        _merge_priority(options, given, path)
    if options != before or is_configured_anew:
        check_override(
            step.settings.routing, options.versioning_override, step.execution.task_queue
        )
        version_before = version_of_run(step.execution)
        _emit(step, options, identity, is_time_configured_anew=is_configured_anew)
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
    config = config_message(execution.time_skipping)
    if config is not None:
        options.time_skipping_config.CopyFrom(config)
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


def _merge_time_skipping(
    target: WorkflowExecutionOptions, source: WorkflowExecutionOptions, paths: frozenset[str]
) -> bool:
    """Merge the configuration as a whole; return whether it holds anew.

    One that names a fast-forward does, even if it reads like the one before: it begins now.
    """
    if any(path.startswith(f"{_TIME_SKIPPING}.") for path in paths):
        raise InvalidArgumentError("time_skipping_config doesn't support partial update")
    if _TIME_SKIPPING not in paths:
        return False
    before = WorkflowExecutionOptions()
    before.CopyFrom(target)
    target.ClearField(_TIME_SKIPPING)
    if source.HasField(_TIME_SKIPPING):
        target.time_skipping_config.CopyFrom(source.time_skipping_config)
    return target != before or target.time_skipping_config.HasField("fast_forward_config")


def _merge_priority(
    target: WorkflowExecutionOptions, source: WorkflowExecutionOptions, path: str
) -> None:
    whole, _, part = path.partition(".")
    if whole in (_OVERRIDE, _TIME_SKIPPING):
        return
    if path == "priority":
        target.ClearField("priority")
        if source.HasField("priority"):
            target.priority.CopyFrom(source.priority)
    elif whole == "priority" and part in _PRIORITY_PARTS:
        setattr(target.priority, part, getattr(source.priority, part))
    else:
        raise InvalidArgumentError(f"error parsing UpdateMask: {path} cannot be updated")


def _emit(
    step: Transition,
    options: WorkflowExecutionOptions,
    identity: str,
    *,
    is_time_configured_anew: bool,
) -> None:
    has_override = options.HasField(_OVERRIDE)
    has_config = options.HasField(_TIME_SKIPPING)
    step.emit(
        WorkflowExecutionOptionsUpdatedEventAttributes(
            versioning_override=options.versioning_override if has_override else None,
            unset_versioning_override=not has_override,
            identity=identity,
            priority=options.priority if options.HasField("priority") else None,
            time_skipping_config=options.time_skipping_config if has_config else None,
            time_skipping_config_updated=is_time_configured_anew,
        )
    )
