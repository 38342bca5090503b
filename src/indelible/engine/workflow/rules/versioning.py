"""Versions of the workers in the life of a run.

Owns in which queue a task of a run lies, when a run moves to another version, and what the next run
and a child take from it (semantics 10.9). Must not know how the routing comes about.
"""

from typing import Final, NamedTuple

from temporalio.api.deployment.v1 import InheritedAutoUpgradeInfo
from temporalio.api.enums.v1 import (
    ContinueAsNewInitiator,
    ContinueAsNewVersioningBehavior,
    VersioningBehavior,
)
from temporalio.api.history.v1 import (
    WorkflowExecutionStartedEventAttributes,
    WorkflowTaskCompletedEventAttributes,
)
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest

from indelible.base.errors import FailedPreconditionError
from indelible.base.version_routing import VersionRouting
from indelible.base.versions import (
    Version,
    old_version_text,
    version_message,
    version_of_options,
    version_text,
    versioned_queue_name,
)
from indelible.engine.workflow import deltas
from indelible.engine.workflow.state import ExecutionRecord
from indelible.engine.workflow.transition import Transition
from indelible.engine.workflow.versioning import (
    AUTO_UPGRADE,
    PINNED,
    UNVERSIONED,
    USE_RAMPING,
    EffectiveVersion,
    effective_version,
    override_version,
    parse_override,
)

StartEvent = WorkflowExecutionStartedEventAttributes


def version_of_run(execution: ExecutionRecord) -> EffectiveVersion:
    """Return where the tasks of a run go.

    A build id that a rule has assigned holds as long as no deployment has a say.
    """
    found = effective_version(execution.versioning, execution.versioning_override)
    if execution.assigned_build_id and found.behavior == UNVERSIONED:
        return EffectiveVersion(behavior=PINNED, version=Version("", execution.assigned_build_id))
    return found


def workflow_task_queue(execution: ExecutionRecord) -> str:
    """Return the queue in which a workflow task lies that no worker's cache is meant for."""
    return versioned_queue_name(execution.task_queue, version_of_run(execution).pinned)


def activity_task_queue(step: Transition, queue_name: str) -> str:
    """Return the queue in which an activity task lies.

    A version that does not poll the queue has no say: the activity is routed by itself.
    """
    pinned = version_of_run(step.execution).pinned
    routing = step.settings.routing
    if pinned is not None and not pinned.deployment_name:
        is_own = queue_name == step.execution.task_queue
        return versioned_queue_name(queue_name, pinned) if is_own else queue_name
    if pinned is None or not routing.has_queue(pinned, queue_name, is_workflow_queue=False):
        return queue_name
    return versioned_queue_name(queue_name, pinned)


def is_ramp_preferred(execution: ExecutionRecord) -> bool:
    """Whether the next workflow task goes where a ramp leads, however small the ramp is."""
    versioning = execution.versioning
    return (
        versioning is not None
        and versioning.initial_behavior == USE_RAMPING
        and not execution.last_completed_task_started_event_id
    )


def check_override(routing: VersionRouting, override: VersioningOverride, queue_name: str) -> None:
    """Refuse to pin a run to a version whose workers do not poll its queue."""
    version = override_version(override)
    if version is not None and not routing.has_queue(version, queue_name):
        raise FailedPreconditionError(
            f"Pinned version '{version_text(version)}' is not present in task queue "
            f"'{queue_name}' of type 'Workflow'"
        )


def add_versioning(described: WorkflowExecutionInfo, execution: ExecutionRecord) -> None:
    """Tell the version of a run in its description; nothing of a run that never had one."""
    described.assigned_build_id = execution.assigned_build_id
    described.inherited_build_id = execution.inherited_build_id
    record, override = execution.versioning, execution.versioning_override
    if record is None and not override:
        return
    found = described.versioning_info
    found.SetInParent()
    if override:
        found.versioning_override.CopyFrom(parse_override(override))
    effective = version_of_run(execution).version
    if effective is not None:
        described.worker_deployment_name = effective.deployment_name
    if record is None:
        return
    found.behavior = VersioningBehavior.ValueType(record.behavior)
    found.revision_number = record.revision
    if record.version is not None:
        found.version = old_version_text(record.version)
        found.deployment_version.CopyFrom(version_message(record.version))
    if record.is_in_transition:
        found.version_transition.version = old_version_text(record.transition_version)
        if record.transition_version is not None:
            found.version_transition.deployment_version.CopyFrom(
                version_message(record.transition_version)
            )


# ------------------------------------------------------------------------------------- transitions
def is_misdirected(step: Transition, version: Version | None, *, is_sticky: bool) -> bool:
    """Whether a workflow task has reached a worker that is not meant to have it any more.

    From the common queue, matching gives a task to whom it is meant for; but a worker with the run
    in its cache may be outdated, and a run may have been pinned since.
    """
    pinned = version_of_run(step.execution).pinned
    if pinned is not None:
        routing = step.settings.routing
        return version != routing.redirected(step.execution.task_queue, pinned)
    return is_sticky and not is_up_to_date(step.execution, version, step.settings.routing)


def is_up_to_date(
    execution: ExecutionRecord, version: Version | None, routing: VersionRouting
) -> bool:
    """Whether a run would be given to this version if it were new."""
    target, _ = routing.target(execution.task_queue, execution.workflow_id)
    return target == version


def follow_worker(step: Transition, version: Version | None) -> None:
    """Begin to move the run if its workflow task is with a worker of another version."""
    now = version_of_run(step.execution)
    if now.behavior == PINNED or now.version == version or _is_build_id(version):
        return
    step.change(deltas.VersionTransitionStarted(version=version, revision=_revision(step, version)))


def _is_build_id(version: Version | None) -> bool:
    """Whether a version comes from a rule: its worker says so when it completes the task."""
    return version is not None and not version.deployment_name


def _revision(step: Transition, version: Version | None) -> int:
    target, revision = step.settings.routing.target(
        step.execution.task_queue, step.execution.workflow_id
    )
    return revision if target == version else 0


def moves_with_activity(step: Transition, version: Version | None) -> bool:
    """Whether an activity task at a worker of this version tells that the run must move to it."""
    now = version_of_run(step.execution)
    if now.behavior != AUTO_UPGRADE or now.version == version:
        return False
    return is_up_to_date(step.execution, version, step.settings.routing)


def is_in_transition(execution: ExecutionRecord) -> bool:
    """Whether the run is on its way to another version."""
    return execution.versioning is not None and execution.versioning.is_in_transition


def has_newer_target(step: Transition) -> bool:
    """Whether a pinned run would go to another version if it were to begin anew."""
    execution = step.execution
    now = version_of_run(execution)
    if now.behavior != PINNED or execution.versioning_override or _is_build_id(now.version):
        return False
    return not is_up_to_date(execution, now.version, step.settings.routing)


def add_version_of_worker(
    completed: WorkflowTaskCompletedEventAttributes, request: RespondWorkflowTaskCompletedRequest
) -> None:
    """Say in the event which version completed the task, and how the run is to go on.

    A worker may name a behavior without being versioned; that means nothing.
    """
    options = request.deployment_options
    completed.worker_deployment_name = options.deployment_name
    version = version_of_options(options)
    if version is None:
        return
    completed.versioning_behavior = request.versioning_behavior
    completed.worker_deployment_version = old_version_text(version)
    completed.deployment_version.CopyFrom(version_message(version))


# ------------------------------------------------------------------------------------- inheritance
def inherit_by_continuation(
    step: Transition,
    started: StartEvent,
    initial_behavior: "ContinueAsNewVersioningBehavior.ValueType",
) -> None:
    """Fill in what a run takes from the one that continued as new."""
    queue_name = started.task_queue.name
    source = _Source(step.execution, step.settings.routing)
    _inherit(source, started, queue_name, initial_behavior)
    _inherit_override(source, started, queue_name)


def inherit_by_repetition(step: Transition, started: StartEvent) -> None:
    """Fill in what a retried run, or that of a cron tick, takes from the one before.

    A retry goes on with the version that its first run had inherited; a cron tick begins anew.
    """
    was_pinned = started.HasField("inherited_pinned_version")
    for name in ("inherited_pinned_version", "inherited_auto_upgrade_info", "versioning_override"):
        started.ClearField(name)
    source = _Source(step.execution, step.settings.routing)
    _inherit_override(source, started, step.execution.task_queue)
    if started.initiator != ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_RETRY:
        return
    now = version_of_run(step.execution)
    if now.behavior == AUTO_UPGRADE:
        versioning = step.execution.versioning
        behavior = 0 if versioning is None else versioning.initial_behavior
        initial = ContinueAsNewVersioningBehavior.ValueType(behavior)
        _inherit(source, started, step.execution.task_queue, initial)
    elif was_pinned:
        _inherit(source, started, step.execution.task_queue, _UNSPECIFIED)


def inherited_by_child(
    parent: ExecutionRecord, routing: VersionRouting, queue_name: str
) -> StartEvent:
    """Return what a child of the same namespace takes from its parent."""
    started = StartEvent()
    source = _Source(parent, routing)
    _inherit(source, started, queue_name, _UNSPECIFIED)
    _inherit_override(source, started, queue_name)
    return started


_UNSPECIFIED: Final = (
    ContinueAsNewVersioningBehavior.CONTINUE_AS_NEW_VERSIONING_BEHAVIOR_UNSPECIFIED
)


class _Source(NamedTuple):
    """The run that hands on its version."""

    execution: ExecutionRecord
    routing: VersionRouting

    def is_at_home(self, queue_name: str, version: Version) -> bool:
        """Whether a version of this run can work on another queue."""
        return queue_name == self.execution.task_queue or self.routing.has_queue(
            version, queue_name
        )


def _inherit(
    source: _Source,
    started: StartEvent,
    queue_name: str,
    initial_behavior: "ContinueAsNewVersioningBehavior.ValueType",
) -> None:
    now = version_of_run(source.execution)
    if now.version is None or now.behavior == UNVERSIONED:
        return
    if _is_build_id(now.version):
        if queue_name == source.execution.task_queue:
            started.inherited_build_id = now.version.build_id
        return
    if not source.is_at_home(queue_name, now.version):
        return
    if now.behavior == PINNED and not initial_behavior:
        started.inherited_pinned_version.CopyFrom(version_message(now.version))
        return
    versioning = source.execution.versioning
    started.inherited_auto_upgrade_info.CopyFrom(
        InheritedAutoUpgradeInfo(
            source_deployment_version=version_message(now.version),
            source_deployment_revision_number=0 if versioning is None else versioning.revision,
            continue_as_new_initial_versioning_behavior=initial_behavior,
        )
    )


def _inherit_override(source: _Source, started: StartEvent, queue_name: str) -> None:
    """An override that demands a version goes on; one to auto-upgrade ends with its run."""
    if not source.execution.versioning_override:
        return
    override = parse_override(source.execution.versioning_override)
    version = override_version(override)
    if version is not None and source.is_at_home(queue_name, version):
        started.versioning_override.CopyFrom(override)
