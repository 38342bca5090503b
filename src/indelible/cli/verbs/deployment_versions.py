"""Versions of worker deployments: looked at, made, deleted, and given their share of the work.

Owns the record of a version in both forms. Its JSON is the reference's own, not the message.
"""

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from temporalio.api.deployment.v1 import (
    VersionMetadata,
    WorkerDeploymentVersion,
    WorkerDeploymentVersionInfo,
)
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueueStats
from temporalio.api.workflowservice.v1 import (
    CreateWorkerDeploymentVersionRequest,
    DeleteWorkerDeploymentVersionRequest,
    DescribeWorkerDeploymentVersionRequest,
    DescribeWorkerDeploymentVersionResponse,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
    UpdateWorkerDeploymentVersionMetadataRequest,
)

from indelible.cli.output import Output, Shown
from indelible.cli.session import Session
from indelible.cli.values import Json, ValueRefusedError, json_pairs
from indelible.cli.verbs.deployments import confirmed, drainage_text
from indelible.cli.verbs.messages import NEVER, plain_number, short_name, time_text, when
from indelible.cli.verbs.payloads import json_payload, value_of

_EPOCH: Final = "1970-01-01T00:00:00Z"
"""What the reference prints here for a time that is not set."""
_STATS: Final = ("Waiting", "OldestWaits", "IncreaseRate", "AddRate", "DispatchRate")
_PRIORITY_DEFAULT: Final = 3

_TaskQueue = DescribeWorkerDeploymentVersionResponse.VersionTaskQueue


# ------------------------------------------------------------------------------------ looked at
async def describe(session: Session) -> None:
    """Show a version and its task queues."""
    has_stats = bool(session.options.report_task_queue_stats)
    answer = await session.workflows.describe_worker_deployment_version(
        DescribeWorkerDeploymentVersionRequest(
            namespace=session.namespace,
            deployment_version=_version(session),
            report_task_queue_stats=has_stats,
        )
    )
    known, queues = answer.worker_deployment_version_info, answer.version_task_queues
    session.output.document(_document(session.output, known, queues, has_stats=has_stats))
    _print(session.output, known)
    _print_queues(session.output, queues, has_stats=has_stats)


# ------------------------------------------------------------------------ made, noted, deleted
async def create(session: Session) -> None:
    """Make a version."""
    version = _version(session)
    await session.workflows.create_worker_deployment_version(
        CreateWorkerDeploymentVersionRequest(
            namespace=session.namespace,
            deployment_version=version,
            identity=session.identity,
            request_id=str(uuid4()),
        )
    )
    session.output.say(f"Version {version.build_id} of {version.deployment_name} made")


async def delete(session: Session) -> None:
    """Delete a version."""
    version = _version(session)
    await session.workflows.delete_worker_deployment_version(
        DeleteWorkerDeploymentVersionRequest(
            namespace=session.namespace,
            deployment_version=version,
            skip_drainage=bool(session.options.skip_drainage),
            identity=session.identity,
        )
    )
    session.output.say(f"Version {version.build_id} of {version.deployment_name} deleted")


async def update_metadata(session: Session) -> None:
    """Change what is noted about a version."""
    options, output = session.options, session.output
    entries = json_pairs(options.metadata, "--metadata")
    if not entries and not options.remove_entries:
        raise ValueRefusedError("nothing to change was given")
    answer = await session.workflows.update_worker_deployment_version_metadata(
        UpdateWorkerDeploymentVersionMetadataRequest(
            namespace=session.namespace,
            deployment_version=_version(session),
            upsert_entries={key: json_payload(value) for key, value in entries.items()},
            remove_entries=options.remove_entries,
            identity=session.identity,
        )
    )
    output.document({"Metadata": _payloads(output, answer.metadata)})
    output.title("Metadata:")
    output.card(_values(answer.metadata))


# --------------------------------------------------------------------------- its share of work
async def set_current(session: Session) -> None:
    """Give new workflows to a version."""
    options = session.options
    build_id, target = _target(session)
    name: str = options.deployment_name
    token = await confirmed(
        session,
        f"Make {target} the current version of {name}?",
        may_be_missing=bool(options.allow_no_pollers),
    )
    await session.workflows.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=session.namespace,
            deployment_name=name,
            build_id=build_id,
            conflict_token=token,
            identity=session.identity,
            ignore_missing_task_queues=bool(options.ignore_missing_task_queues),
            allow_no_pollers=bool(options.allow_no_pollers),
        )
    )
    session.output.say(f"The current version of {name} is {target}")


async def set_ramping(session: Session) -> None:
    """Give a share of new workflows to a version, or end that."""
    options = session.options
    name: str = options.deployment_name
    # No build id and no share together are what says that nothing ramps.
    build_id, target = ("", "no version") if options.delete else _target(session)
    share = 0.0 if options.delete else options.percentage
    told = target if options.delete else f"{target} with {share:g}%"
    token = await confirmed(
        session,
        f"Let {told} ramp in {name}?",
        may_be_missing=bool(options.allow_no_pollers),
    )
    await session.workflows.set_worker_deployment_ramping_version(
        SetWorkerDeploymentRampingVersionRequest(
            namespace=session.namespace,
            deployment_name=name,
            build_id=build_id,
            percentage=share,
            conflict_token=token,
            identity=session.identity,
            ignore_missing_task_queues=bool(options.ignore_missing_task_queues),
            allow_no_pollers=bool(options.allow_no_pollers),
        )
    )
    session.output.say(f"Ramping in {name}: {told}")


def _version(session: Session) -> WorkerDeploymentVersion:
    options = session.options
    return WorkerDeploymentVersion(
        deployment_name=options.deployment_name, build_id=options.build_id
    )


def _target(session: Session) -> tuple[str, str]:
    """Return the build id that is asked for, empty for the unversioned workers, and its name."""
    options = session.options
    if bool(options.build_id) == bool(options.unversioned):
        raise ValueRefusedError("which version? --build-id or --unversioned, one of them")
    return (options.build_id, options.build_id) if options.build_id else ("", "unversioned workers")


# ---------------------------------------------------------------------------------- both forms
def _document(
    output: Output,
    known: WorkerDeploymentVersionInfo,
    queues: Sequence[_TaskQueue],
    *,
    has_stats: bool,
) -> Json:
    version = known.deployment_version
    return {
        "deploymentName": version.deployment_name,
        "BuildID": version.build_id,
        "createTime": time_text(known, "create_time", _EPOCH),
        "routingChangedTime": time_text(known, "routing_changed_time", _EPOCH),
        "currentSinceTime": time_text(known, "current_since_time", _EPOCH),
        "rampingSinceTime": time_text(known, "ramping_since_time", _EPOCH),
        "rampPercentage": plain_number(known.ramp_percentage),
        "drainageInfo": _drainage(known),
        "taskQueuesInfos": [_queue(one, has_stats=has_stats) for one in queues] or None,
        "metadata": _payloads(output, known.metadata),
    }


def _drainage(known: WorkerDeploymentVersionInfo) -> Json:
    drainage = known.drainage_info
    if not known.HasField("drainage_info"):
        return {"drainageStatus": "", "lastChangedTime": NEVER, "lastCheckedTime": NEVER}
    return {
        "drainageStatus": drainage_text(drainage.status),
        "lastChangedTime": time_text(drainage, "last_changed_time", _EPOCH),
        "lastCheckedTime": time_text(drainage, "last_checked_time", _EPOCH),
    }


def _queue(queue: _TaskQueue, *, has_stats: bool) -> Json:
    document: dict[str, Json] = {"name": queue.name, "type": _kind(queue)}
    if has_stats:
        document["stats"] = _stats(queue.stats)
        by_priority = queue.stats_by_priority_key
        if by_priority:
            document["statsByPriorityKey"] = {
                str(key): _stats(by_priority[key]) for key in sorted(by_priority)
            }
    return document


def _stats(stats: TaskQueueStats) -> Json:
    return {
        "approximateBacklogCount": stats.approximate_backlog_count,
        "approximateBacklogAge": stats.approximate_backlog_age.ToNanoseconds(),
        "backlogIncreaseRate": plain_number(stats.tasks_add_rate - stats.tasks_dispatch_rate),
        "tasksAddRate": plain_number(stats.tasks_add_rate),
        "tasksDispatchRate": plain_number(stats.tasks_dispatch_rate),
    }


def _kind(queue: _TaskQueue) -> str:
    return short_name(TaskQueueType, queue.type).casefold()


def _payloads(output: Output, metadata: VersionMetadata) -> Json:
    """Return the payloads as they are: the reference does not write them short here."""
    entries = metadata.entries
    return {key: output.json_of(entries[key], is_short=False) for key in sorted(entries)} or None


def _values(metadata: VersionMetadata) -> dict[str, Json]:
    return {key: value_of(metadata.entries[key]) for key in sorted(metadata.entries)}


# ---------------------------------------------------------------------------------- for people
def _print(output: Output, known: WorkerDeploymentVersionInfo) -> None:
    drainage = known.drainage_info
    output.card(
        {
            "DeploymentName": known.deployment_version.deployment_name,
            "BuildId": known.deployment_version.build_id,
            "CreateTime": when(known.create_time),
            "RoutingChangedTime": when(known.routing_changed_time),
            "CurrentSinceTime": when(known.current_since_time),
            "RampingSinceTime": when(known.ramping_since_time),
            "RampPercentage": plain_number(known.ramp_percentage),
            "DrainageStatus": drainage_text(drainage.status) if drainage.status else None,
            "DrainageLastChangedTime": when(drainage.last_changed_time),
            "DrainageLastCheckedTime": when(drainage.last_checked_time),
            "Metadata": _values(known.metadata),
        }
    )


def _print_queues(output: Output, queues: Sequence[_TaskQueue], *, has_stats: bool) -> None:
    if not queues:
        return
    output.title("Task queues:")
    if not has_stats:
        output.table(("Name", "Type"), [(one.name, _kind(one)) for one in queues])
        return
    output.table(
        ("Name", "Type", *_STATS), [(one.name, _kind(one), *_shown(one.stats)) for one in queues]
    )
    for one in queues:
        by_priority = one.stats_by_priority_key
        if set(by_priority) - {_PRIORITY_DEFAULT}:
            output.title(f"Of {one.name} ({_kind(one)}), by priority:")
            output.table(
                ("Priority", *_STATS),
                [(key, *_shown(by_priority[key])) for key in sorted(by_priority)],
            )


def _shown(stats: TaskQueueStats) -> tuple[Shown, ...]:
    return (
        stats.approximate_backlog_count,
        stats.approximate_backlog_age.ToTimedelta(),
        plain_number(stats.tasks_add_rate - stats.tasks_dispatch_rate),
        plain_number(stats.tasks_add_rate),
        plain_number(stats.tasks_dispatch_rate),
    )
