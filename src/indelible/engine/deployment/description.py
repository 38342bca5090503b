"""A worker deployment as clients see it.

Owns the mapping of records to API messages. It reads only.
"""

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload
from temporalio.api.deployment.v1 import (
    RoutingConfig,
    VersionDrainageInfo,
    VersionMetadata,
    WorkerDeploymentInfo,
    WorkerDeploymentVersionInfo,
)
from temporalio.api.enums.v1 import (
    RoutingConfigUpdateState,
    TaskQueueType,
    VersionDrainageStatus,
)
from temporalio.api.taskqueue.v1 import TaskQueueVersioningInfo
from temporalio.api.workflowservice.v1 import ListWorkerDeploymentsResponse

from indelible.base.instants import Instant, timestamp
from indelible.base.versions import old_version_text, version_message
from indelible.engine.deployment.record import (
    NO_DRAINAGE,
    Deployment,
    DeploymentVersion,
    status_of,
)
from indelible.engine.deployment.routing import QueueRouting

VersionSummary = WorkerDeploymentInfo.WorkerDeploymentVersionSummary
DeploymentSummary = ListWorkerDeploymentsResponse.WorkerDeploymentSummary


def describe_deployment(deployment: Deployment) -> WorkerDeploymentInfo:
    """Return a deployment with all its versions, the newest first.

    A change of the routing is everywhere as soon as it is durable, hence always completed.
    """
    state = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_COMPLETED
    return WorkerDeploymentInfo(
        name=deployment.name,
        version_summaries=[summary(deployment, one) for one in reversed(deployment.versions)],
        create_time=timestamp(deployment.created_at),
        routing_config=routing_config(deployment),
        last_modifier_identity=deployment.last_modifier_identity,
        manager_identity=deployment.manager_identity,
        routing_config_update_state=state,
    )


def summarize_deployment(deployment: Deployment) -> DeploymentSummary:
    """Return a deployment as a list shows it."""
    found = DeploymentSummary(
        name=deployment.name,
        create_time=timestamp(deployment.created_at),
        routing_config=routing_config(deployment),
    )
    if deployment.versions:
        found.latest_version_summary.CopyFrom(summary(deployment, deployment.versions[-1]))
    current = deployment.version(deployment.current_build_id)
    if current is not None:
        found.current_version_summary.CopyFrom(summary(deployment, current))
    ramping = deployment.version(deployment.ramping_build_id)
    if ramping is not None:
        found.ramping_version_summary.CopyFrom(summary(deployment, ramping))
    return found


def routing_config(deployment: Deployment) -> RoutingConfig:
    """Return what a deployment routes where."""
    current = deployment.named(deployment.current_build_id)
    config = RoutingConfig(
        current_version=old_version_text(current),
        ramping_version_percentage=deployment.ramp_percentage,
        current_version_changed_time=_time(deployment.current_changed_at),
        ramping_version_changed_time=_time(deployment.ramping_changed_at),
        ramping_version_percentage_changed_time=_time(deployment.ramp_percentage_changed_at),
        revision_number=deployment.revision,
    )
    if current is not None:
        config.current_deployment_version.CopyFrom(version_message(current))
    if deployment.is_ramping:
        ramping = deployment.named(deployment.ramping_build_id)
        config.ramping_version = old_version_text(ramping)
        if ramping is not None:
            config.ramping_deployment_version.CopyFrom(version_message(ramping))
    return config


def summary(deployment: Deployment, version: DeploymentVersion) -> VersionSummary:
    """Return a version as the description of its deployment shows it."""
    named = deployment.named(version.build_id)
    return VersionSummary(
        version=old_version_text(named),
        status=status_of(deployment, version),
        deployment_version=None if named is None else version_message(named),
        create_time=timestamp(version.created_at),
        drainage_status=VersionDrainageStatus.ValueType(version.drainage_status),
        drainage_info=drainage(version),
        current_since_time=_time(version.current_since),
        ramping_since_time=_time(version.ramping_since),
        routing_update_time=_time(version.routing_changed_at),
        first_activation_time=_time(version.first_activated_at),
        last_current_time=_time(version.last_current_at),
        last_deactivation_time=_time(version.last_deactivated_at),
    )


def describe_version(
    deployment: Deployment, version: DeploymentVersion
) -> WorkerDeploymentVersionInfo:
    """Return a version with its queues and metadata."""
    named = deployment.named(version.build_id)
    is_ramping = deployment.is_ramping_to(version.build_id)
    return WorkerDeploymentVersionInfo(
        version=old_version_text(named),
        status=status_of(deployment, version),
        deployment_version=None if named is None else version_message(named),
        deployment_name=deployment.name,
        create_time=timestamp(version.created_at),
        routing_changed_time=_time(version.routing_changed_at),
        current_since_time=_time(version.current_since),
        ramping_since_time=_time(version.ramping_since),
        first_activation_time=_time(version.first_activated_at),
        last_current_time=_time(version.last_current_at),
        last_deactivation_time=_time(version.last_deactivated_at),
        ramp_percentage=deployment.ramp_percentage if is_ramping else 0.0,
        task_queue_infos=[
            WorkerDeploymentVersionInfo.VersionTaskQueueInfo(
                name=name, type=TaskQueueType.ValueType(queue_type)
            )
            for queue_type, name in version.queues
        ],
        drainage_info=drainage(version),
        metadata=metadata_message(version),
        last_modifier_identity=version.last_modifier_identity,
    )


def metadata_message(version: DeploymentVersion) -> VersionMetadata:
    """Return the metadata of a version."""
    entries = {key: Payload.FromString(value) for key, value in version.metadata.items()}
    return VersionMetadata(entries=entries)


def drainage(version: DeploymentVersion) -> VersionDrainageInfo | None:
    """Return how far a version is drained; None if it never began."""
    if version.drainage_status == NO_DRAINAGE:
        return None
    return VersionDrainageInfo(
        status=VersionDrainageStatus.ValueType(version.drainage_status),
        last_changed_time=_time(version.drainage_changed_at),
        last_checked_time=_time(version.drainage_checked_at),
    )


def queue_versioning(routing: QueueRouting) -> TaskQueueVersioningInfo:
    """Return the routing of a queue as its description shows it."""
    found = TaskQueueVersioningInfo(current_version=old_version_text(routing.current))
    if routing.current is not None:
        found.current_deployment_version.CopyFrom(version_message(routing.current))
    if routing.ramping is not None:
        found.ramping_deployment_version.CopyFrom(version_message(routing.ramping))
    if routing.is_ramping:
        found.ramping_version = old_version_text(routing.ramping)
        found.ramping_version_percentage = routing.ramp_percentage
    if routing.is_ramping or routing.current is not None:
        found.update_time.CopyFrom(timestamp(routing.updated_at))
    return found


def _time(at: Instant) -> Timestamp | None:
    return timestamp(at) if at else None
