"""Worker deployments: looked at, made, deleted, and who may change them.

Owns the record of a deployment in both forms. Its JSON is the reference's own, not the message.
"""

from collections.abc import Iterable
from typing import Final
from uuid import uuid4

from temporalio.api.deployment.v1 import RoutingConfig, WorkerDeploymentInfo
from temporalio.api.enums.v1 import VersionDrainageStatus
from temporalio.api.workflowservice.v1 import (
    CreateWorkerDeploymentRequest,
    DeleteWorkerDeploymentRequest,
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
    ListWorkerDeploymentsRequest,
    ListWorkerDeploymentsResponse,
    SetWorkerDeploymentManagerRequest,
)
from temporalio.service import RPCError, RPCStatusCode

from indelible.cli.output import Output, Shown
from indelible.cli.session import Session
from indelible.cli.values import Json, ValueRefusedError
from indelible.cli.verbs.listing import pages
from indelible.cli.verbs.messages import plain_number, short_name, time_text, when
from indelible.cli.verbs.workers import version_text

_HEADINGS: Final = ("Name", "CurrentVersion", "RampingVersion", "RampingPercentage", "CreateTime")

_Summary = ListWorkerDeploymentsResponse.WorkerDeploymentSummary


# ------------------------------------------------------------------------------------ looked at
async def describe(session: Session) -> None:
    """Show a deployment and its versions."""
    answer = await _described(session, session.options.name)
    known = answer.worker_deployment_info
    session.output.document(
        {
            "name": known.name,
            "createTime": time_text(known, "create_time"),
            "lastModifierIdentity": known.last_modifier_identity,
            "routingConfig": _routing(known.routing_config),
            "versionSummaries": _version_summaries(known),
            "managerIdentity": known.manager_identity,
        }
    )
    _print(session.output, known)


async def list_deployments(session: Session) -> None:
    """List deployments."""
    output = session.output

    async def page(token: bytes) -> tuple[Iterable[_Summary], bytes]:
        answer = await session.workflows.list_worker_deployments(
            ListWorkerDeploymentsRequest(namespace=session.namespace, next_page_token=token)
        )
        return answer.worker_deployments, answer.next_page_token

    has_head = True
    with output.listing():
        async for summaries in pages(page, limit=0):
            for one in summaries:
                output.document(_entry(one))
            output.table(_HEADINGS, map(_row, summaries), has_head=has_head)
            has_head = False


def _entry(one: _Summary) -> Json:
    return {
        "name": one.name,
        "createTime": time_text(one, "create_time"),
        "lastModifierIdentity": "",
        "routingConfig": _routing(one.routing_config),
        "versionSummaries": None,
        "managerIdentity": "",
    }


def _row(one: _Summary) -> tuple[Shown, ...]:
    routing = one.routing_config
    return (
        one.name,
        version_text(routing.current_deployment_version),
        version_text(routing.ramping_deployment_version),
        plain_number(routing.ramping_version_percentage) or None,
        when(one.create_time),
    )


# -------------------------------------------------------------------------- made and deleted
async def create(session: Session) -> None:
    """Make a deployment."""
    name: str = session.options.name
    await session.workflows.create_worker_deployment(
        CreateWorkerDeploymentRequest(
            namespace=session.namespace,
            deployment_name=name,
            identity=session.identity,
            request_id=str(uuid4()),
        )
    )
    session.output.say(f"Deployment {name} made")


async def delete(session: Session) -> None:
    """Delete a deployment."""
    name: str = session.options.name
    await session.workflows.delete_worker_deployment(
        DeleteWorkerDeploymentRequest(
            namespace=session.namespace, deployment_name=name, identity=session.identity
        )
    )
    session.output.say(f"Deployment {name} deleted")


# ---------------------------------------------------------------------------- who may change it
async def set_owner(session: Session) -> None:
    """Let only one identity change a deployment."""
    options = session.options
    if bool(options.manager_identity) == bool(options.self):
        raise ValueRefusedError("who? --manager-identity or --self, one of them")
    owner = session.identity if options.self else options.manager_identity
    before = await _change_owner(session, options.manager_identity or "")
    session.output.say(f"Managed by {owner} now, before by {before or 'nobody'}")


async def unset_owner(session: Session) -> None:
    """Let everybody change a deployment again."""
    before = await _change_owner(session, "")
    session.output.say(f"Managed by nobody now, before by {before or 'nobody'}")


async def _change_owner(session: Session, owner: str) -> str:
    name: str = session.options.deployment_name
    token = await confirmed(session, f"Change who manages {name}?")
    request = SetWorkerDeploymentManagerRequest(
        namespace=session.namespace,
        deployment_name=name,
        conflict_token=token,
        identity=session.identity,
    )
    if getattr(session.options, "self", None):
        request.self = True
    else:
        request.manager_identity = owner
    answer = await session.workflows.set_worker_deployment_manager(request)
    return answer.previous_manager_identity


async def confirmed(session: Session, question: str, *, may_be_missing: bool = False) -> bytes:
    """Show a deployment and ask before it is changed.

    Returns the token with which the change fails if somebody else was faster.
    """
    try:
        answer = await _described(session, session.options.deployment_name)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND or not may_be_missing:
            raise
        answer = DescribeWorkerDeploymentResponse()
    if not session.options.yes and answer.HasField("worker_deployment_info"):
        _print(session.output, answer.worker_deployment_info)
    session.confirm(question)
    return answer.conflict_token


async def _described(session: Session, name: str) -> DescribeWorkerDeploymentResponse:
    return await session.workflows.describe_worker_deployment(
        DescribeWorkerDeploymentRequest(namespace=session.namespace, deployment_name=name)
    )


# ---------------------------------------------------------------------------------- both forms
def drainage_text(status: int) -> str:
    """Return the name of a drainage status."""
    return short_name(VersionDrainageStatus, status).casefold()


def _routing(config: RoutingConfig) -> Json:
    current, ramping = config.current_deployment_version, config.ramping_deployment_version
    percentage = config.ramping_version_percentage
    return {
        "currentVersionDeploymentName": current.deployment_name,
        "currentVersionBuildID": current.build_id,
        "rampingVersionDeploymentName": ramping.deployment_name,
        "rampingVersionBuildID": ramping.build_id,
        "rampingVersionPercentage": plain_number(percentage),
        "currentVersionChangedTime": time_text(config, "current_version_changed_time"),
        "rampingVersionChangedTime": time_text(config, "ramping_version_changed_time"),
        "rampingVersionPercentageChangedTime": time_text(
            config, "ramping_version_percentage_changed_time"
        ),
    }


def _version_summaries(known: WorkerDeploymentInfo) -> Json:
    summaries: list[Json] = [
        {
            "deploymentName": one.deployment_version.deployment_name,
            "BuildID": one.deployment_version.build_id,
            "drainageStatus": drainage_text(one.drainage_status),
            "createTime": time_text(one, "create_time"),
        }
        for one in known.version_summaries
    ]
    return summaries or None


def _print(output: Output, known: WorkerDeploymentInfo) -> None:
    routing = known.routing_config
    output.card(
        {
            "Name": known.name,
            "CreateTime": when(known.create_time),
            "LastModifierIdentity": known.last_modifier_identity,
            "ManagerIdentity": known.manager_identity,
            "CurrentVersion": version_text(routing.current_deployment_version),
            "CurrentVersionChangedTime": when(routing.current_version_changed_time),
            "RampingVersion": version_text(routing.ramping_deployment_version),
            "RampingVersionPercentage": plain_number(routing.ramping_version_percentage) or None,
            "RampingVersionChangedTime": when(routing.ramping_version_changed_time),
            "RampingVersionPercentageChangedTime": when(
                routing.ramping_version_percentage_changed_time
            ),
        }
    )
    if known.version_summaries:
        output.title("Versions:")
        output.table(
            ("BuildId", "DrainageStatus", "CreateTime"),
            [
                (
                    one.deployment_version.build_id,
                    drainage_text(one.drainage_status),
                    when(one.create_time),
                )
                for one in known.version_summaries
            ],
        )
