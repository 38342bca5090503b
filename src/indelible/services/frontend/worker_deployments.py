"""Requests about worker deployments and their versions.

Owns the answers, the pages of the list, and how drained a version is: that is looked up when
somebody asks. The rules are `engine.deployment`'s.
"""

from collections.abc import Sequence
from typing import Final

from google.protobuf.message import Message
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.workflowservice.v1 import (
    CreateWorkerDeploymentRequest,
    CreateWorkerDeploymentResponse,
    CreateWorkerDeploymentVersionRequest,
    CreateWorkerDeploymentVersionResponse,
    DeleteWorkerDeploymentRequest,
    DeleteWorkerDeploymentResponse,
    DeleteWorkerDeploymentVersionRequest,
    DeleteWorkerDeploymentVersionResponse,
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
    DescribeWorkerDeploymentVersionRequest,
    DescribeWorkerDeploymentVersionResponse,
    ListWorkerDeploymentsRequest,
    ListWorkerDeploymentsResponse,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentCurrentVersionResponse,
    SetWorkerDeploymentManagerRequest,
    SetWorkerDeploymentManagerResponse,
    SetWorkerDeploymentRampingVersionRequest,
    SetWorkerDeploymentRampingVersionResponse,
    UpdateWorkerDeploymentVersionMetadataRequest,
    UpdateWorkerDeploymentVersionMetadataResponse,
)

from indelible.base.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from indelible.base.ids import NamespaceId, QueueKey, QueueType
from indelible.base.versions import (
    UNVERSIONED_TEXT,
    Version,
    old_version_text,
    version_message,
    version_of_message,
    version_text,
)
from indelible.engine.deployment.changes import (
    Conditions,
    change_metadata,
    check_deletable,
    create_version,
    delete_version,
    existing_version,
    is_drainage_check_due,
    note_drainage,
    set_current,
    set_manager_identity,
    set_ramping,
    with_version,
)
from indelible.engine.deployment.description import (
    describe_deployment,
    describe_version,
    metadata_message,
    summarize_deployment,
)
from indelible.engine.deployment.record import Deployment, DeploymentVersion
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.filters import Comparison
from indelible.ports.clock import Clock
from indelible.ports.rpc import Call
from indelible.ports.stores import VisibilityFilter, VisibilityStore
from indelible.services.frontend.backends import LimitsOf, Matching
from indelible.services.frontend.deployment_names import (
    asked_build_id,
    asked_version,
    check_build_id,
    check_deployment_name,
)
from indelible.services.frontend.queue_descriptions import QueueDescriptions, queue_of_version
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.task_queue_messages import add_stats
from indelible.services.worker_deployments import WorkerDeploymentRegistry

DEPLOYMENTS_PAGE_SIZE_MAX: Final = 1_000
_RUNNING: Final = 1


class WorkerDeploymentHandlers:
    """Answers the requests about worker deployments."""

    def __init__(
        self,
        *,
        deployments: WorkerDeploymentRegistry,
        matching: Matching,
        queues: QueueDescriptions,
        visibility: VisibilityStore,
        clock: Clock,
        limits_of: LimitsOf,
    ) -> None:
        self._deployments = deployments
        self._matching = matching
        self._queues = queues
        self._visibility = visibility
        self._clock = clock
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "DescribeWorkerDeployment": namespace_route(
                DescribeWorkerDeploymentRequest, self._describe
            ),
            "ListWorkerDeployments": namespace_route(ListWorkerDeploymentsRequest, self._list),
            "DescribeWorkerDeploymentVersion": namespace_route(
                DescribeWorkerDeploymentVersionRequest, self._describe_version
            ),
            "SetWorkerDeploymentCurrentVersion": namespace_route(
                SetWorkerDeploymentCurrentVersionRequest, self._set_current
            ),
            "SetWorkerDeploymentRampingVersion": namespace_route(
                SetWorkerDeploymentRampingVersionRequest, self._set_ramping
            ),
            "SetWorkerDeploymentManager": namespace_route(
                SetWorkerDeploymentManagerRequest, self._set_worker_deployment_manager
            ),
            "CreateWorkerDeployment": namespace_route(CreateWorkerDeploymentRequest, self._create),
            "CreateWorkerDeploymentVersion": namespace_route(
                CreateWorkerDeploymentVersionRequest, self._create_version
            ),
            "DeleteWorkerDeployment": namespace_route(DeleteWorkerDeploymentRequest, self._delete),
            "DeleteWorkerDeploymentVersion": namespace_route(
                DeleteWorkerDeploymentVersionRequest, self._delete_version
            ),
            "UpdateWorkerDeploymentVersionMetadata": namespace_route(
                UpdateWorkerDeploymentVersionMetadataRequest, self._update_metadata
            ),
        }

    # ------------------------------------------------------------------------------------- reading
    async def _describe(
        self, request: DescribeWorkerDeploymentRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_deployment_name(request.deployment_name)
        deployment = await self._looked_at(namespace, request.deployment_name)
        return DescribeWorkerDeploymentResponse(
            conflict_token=deployment.conflict_token,
            worker_deployment_info=describe_deployment(deployment),
        )

    async def _list(
        self, request: ListWorkerDeploymentsRequest, namespace: Namespace, _call: Call
    ) -> Message:
        if request.page_size < 0:
            raise InvalidArgumentError("page_size is negative")
        size = min(request.page_size or DEPLOYMENTS_PAGE_SIZE_MAX, DEPLOYMENTS_PAGE_SIZE_MAX)
        # The token is the last name of the page before: pages stay stable while others change.
        after = request.next_page_token.decode("utf-8", errors="replace")
        rest = [one for one in self._deployments.in_order(namespace.id) if one.name > after]
        page = rest[:size]
        return ListWorkerDeploymentsResponse(
            worker_deployments=[summarize_deployment(one) for one in page],
            next_page_token=page[-1].name.encode() if len(rest) > size else b"",
        )

    async def _describe_version(
        self, request: DescribeWorkerDeploymentVersionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        if not request.version and not request.HasField("deployment_version"):
            raise InvalidArgumentError("deployment version cannot be empty")
        asked = asked_version(request.version, version_of_message(request.deployment_version))
        found = self._deployments.find(namespace.id, asked.deployment_name)
        if found is None or found.version(asked.build_id) is None:
            raise NotFoundError("Worker Deployment Version not found")
        deployment = await self._looked_at(namespace, asked.deployment_name)
        version = existing_version(deployment, asked.build_id)
        response = DescribeWorkerDeploymentVersionResponse(
            worker_deployment_version_info=describe_version(deployment, version)
        )
        for queue_type, name in version.queues:
            queue = response.version_task_queues.add(
                name=name, type=TaskQueueType.ValueType(queue_type)
            )
            if request.report_task_queue_stats:
                key = QueueKey(namespace.id, QueueType(queue_type), name)
                add_stats(queue, await self._queues.of_version(key, asked))
        return response

    async def _looked_at(self, namespace: Namespace, name: str) -> Deployment:
        """Return a deployment after a look at its draining versions."""
        deployment = self._deployments.require(namespace.id, name)
        limits = self._limits_of(namespace.name)
        now = self._clock.now()
        for version in deployment.versions:
            if is_drainage_check_due(
                version,
                grace=limits.drainage_grace,
                interval=limits.drainage_check_interval,
                now=now,
            ):
                named = Version(name, version.build_id)
                has_open_runs = await self._has_open_runs(namespace.id, named)
                await self._note_drainage(namespace.id, named, has_open_runs=has_open_runs)
        return self._deployments.require(namespace.id, name)

    async def _has_open_runs(self, namespace_id: NamespaceId, version: Version) -> bool:
        counts = await self._visibility.count_executions(
            VisibilityFilter(
                namespace_id=namespace_id,
                comparisons=(
                    _equal("status", _RUNNING, is_search_attribute=False),
                    _equal("TemporalWorkerDeploymentVersion", version_text(version)),
                    _equal("TemporalWorkflowVersioningBehavior", "Pinned"),
                ),
            )
        )
        return counts.get(0, 0) > 0

    async def _note_drainage(
        self, namespace_id: NamespaceId, version: Version, *, has_open_runs: bool
    ) -> None:
        now = self._clock.now()

        def note(deployment: Deployment) -> Deployment:
            found = deployment.version(version.build_id)
            if found is None:
                return deployment
            return with_version(
                deployment, note_drainage(found, has_open_runs=has_open_runs, now=now)
            )

        await self._deployments.change(namespace_id, version.deployment_name, note)

    # ------------------------------------------------------------------------------------- routing
    async def _set_current(
        self, request: SetWorkerDeploymentCurrentVersionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_deployment_name(request.deployment_name)
        build_id = asked_build_id(request.version, request.build_id, request.deployment_name)
        await self._prepare(namespace.id, request.deployment_name, build_id, request)
        now = self._clock.now()
        before, after = await self._deployments.change(
            namespace.id,
            request.deployment_name,
            lambda newest: set_current(
                newest,
                build_id,
                _conditions(request),
                now=now,
                is_creation_allowed=request.allow_no_pollers,
            ),
        )
        previous = before.named(before.current_build_id)
        response = SetWorkerDeploymentCurrentVersionResponse(
            conflict_token=after.conflict_token, previous_version=old_version_text(previous)
        )
        if previous is not None:
            response.previous_deployment_version.CopyFrom(version_message(previous))
        return response

    async def _set_ramping(
        self, request: SetWorkerDeploymentRampingVersionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_deployment_name(request.deployment_name)
        asked = asked_build_id(request.version, request.build_id, request.deployment_name)
        is_unversioned = request.version == UNVERSIONED_TEXT or request.percentage > 0
        build_id = asked if asked or is_unversioned else None
        if build_id:
            await self._prepare(namespace.id, request.deployment_name, build_id, request)
        now = self._clock.now()
        before, after = await self._deployments.change(
            namespace.id,
            request.deployment_name,
            lambda newest: set_ramping(
                newest,
                build_id,
                request.percentage,
                _conditions(request),
                now=now,
                is_creation_allowed=request.allow_no_pollers,
            ),
        )
        response = SetWorkerDeploymentRampingVersionResponse(
            conflict_token=after.conflict_token, previous_percentage=before.ramp_percentage
        )
        if before.is_ramping:
            previous = before.named(before.ramping_build_id)
            response.previous_version = old_version_text(previous)
            if previous is not None:
                response.previous_deployment_version.CopyFrom(version_message(previous))
        return response

    async def _prepare(
        self,
        namespace_id: NamespaceId,
        name: str,
        build_id: str,
        request: (
            SetWorkerDeploymentCurrentVersionRequest | SetWorkerDeploymentRampingVersionRequest
        ),
    ) -> None:
        """Make the deployment if that is allowed; refuse to leave queues with work behind."""
        if build_id:
            check_build_id(build_id)
        deployment = self._deployments.find(namespace_id, name)
        if deployment is None and request.allow_no_pollers:
            await self._deployments.create(
                Deployment(namespace_id=namespace_id, name=name, created_at=self._clock.now())
            )
        if deployment is None or request.ignore_missing_task_queues or not build_id:
            return
        current = deployment.version(deployment.current_build_id)
        proposed = deployment.version(build_id)
        if current is None or proposed is None:
            return
        missing = [one for one in current.queues if one not in proposed.queues]
        if await self._is_any_active(namespace_id, missing):
            is_ramp = isinstance(request, SetWorkerDeploymentRampingVersionRequest)
            kind = "ramping" if is_ramp else "current"
            raise FailedPreconditionError(
                f"proposed {kind} version '{version_text(Version(name, build_id))}' is missing "
                "active task queues from the current version; these would become unversioned if "
                f"it is set as the {kind} version"
            )

    async def _is_any_active(
        self, namespace_id: NamespaceId, queues: Sequence[tuple[int, str]]
    ) -> bool:
        """Whether one of the queues has tasks, or got some a moment ago."""
        for queue_type, name in queues:
            key = QueueKey(namespace_id, QueueType(queue_type), name)
            stats = (await self._matching.describe_task_queue(key)).stats
            if stats.backlog_count > 0 or stats.add_rate > 0:
                return True
        return False

    async def _set_worker_deployment_manager(
        self, request: SetWorkerDeploymentManagerRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_deployment_name(request.deployment_name)
        identity = request.identity if request.self else request.manager_identity
        before, after = await self._deployments.change(
            namespace.id,
            request.deployment_name,
            lambda newest: set_manager_identity(newest, identity, _conditions(request)),
        )
        return SetWorkerDeploymentManagerResponse(
            conflict_token=after.conflict_token, previous_manager_identity=before.manager_identity
        )

    # ----------------------------------------------------------------------- creating and deleting
    async def _create(
        self, request: CreateWorkerDeploymentRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_deployment_name(request.deployment_name)
        found = self._deployments.find(namespace.id, request.deployment_name)
        if found is None:
            found = Deployment(
                namespace_id=namespace.id,
                name=request.deployment_name,
                created_at=self._clock.now(),
                create_request_id=request.request_id,
                last_modifier_identity=request.identity,
            )
            await self._deployments.create(found)
        elif not request.request_id or found.create_request_id != request.request_id:
            raise AlreadyExistsError(
                f'Worker Deployment with name "{request.deployment_name}" already exists'
            )
        return CreateWorkerDeploymentResponse(conflict_token=found.conflict_token)

    async def _create_version(
        self, request: CreateWorkerDeploymentVersionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        asked = asked_version("", version_of_message(request.deployment_version))
        if request.compute_config.scaling_groups:
            raise InvalidArgumentError(
                "This server does not run workers: compute_config is refused."
            )
        now = self._clock.now()
        await self._deployments.change(
            namespace.id,
            asked.deployment_name,
            lambda newest: create_version(
                newest,
                asked.build_id,
                request_id=request.request_id,
                identity=request.identity,
                now=now,
            ),
        )
        return CreateWorkerDeploymentVersionResponse()

    async def _delete(
        self, request: DeleteWorkerDeploymentRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_deployment_name(request.deployment_name)
        deployment = self._deployments.find(namespace.id, request.deployment_name)
        if deployment is not None:
            check_deletable(deployment)
            await self._deployments.remove(namespace.id, request.deployment_name)
        return DeleteWorkerDeploymentResponse()

    async def _delete_version(
        self, request: DeleteWorkerDeploymentVersionRequest, namespace: Namespace, _call: Call
    ) -> Message:
        asked = asked_version(request.version, version_of_message(request.deployment_version))
        deployment = await self._looked_at(namespace, asked.deployment_name)
        version = deployment.version(asked.build_id)
        has_pollers = version is not None and await self._has_pollers(namespace.id, asked, version)
        await self._deployments.change(
            namespace.id,
            asked.deployment_name,
            lambda newest: delete_version(
                newest,
                asked.build_id,
                Conditions(identity=request.identity),
                has_pollers=has_pollers,
                is_drainage_skipped=request.skip_drainage,
            ),
        )
        return DeleteWorkerDeploymentVersionResponse()

    async def _has_pollers(
        self, namespace_id: NamespaceId, named: Version, version: DeploymentVersion
    ) -> bool:
        for queue_type, name in version.queues:
            key = queue_of_version(QueueKey(namespace_id, QueueType(queue_type), name), named)
            if (await self._matching.describe_task_queue(key)).pollers:
                return True
        return False

    async def _update_metadata(
        self,
        request: UpdateWorkerDeploymentVersionMetadataRequest,
        namespace: Namespace,
        _call: Call,
    ) -> Message:
        asked = asked_version(request.version, version_of_message(request.deployment_version))
        upserted = {
            key: payload.SerializeToString() for key, payload in request.upsert_entries.items()
        }
        _, after = await self._deployments.change(
            namespace.id,
            asked.deployment_name,
            lambda newest: change_metadata(
                newest,
                asked.build_id,
                upserted=upserted,
                removed=request.remove_entries,
                identity=request.identity,
            ),
        )
        version = existing_version(after, asked.build_id)
        return UpdateWorkerDeploymentVersionMetadataResponse(metadata=metadata_message(version))


def _equal(field: str, value: str | int, *, is_search_attribute: bool = True) -> Comparison:
    return Comparison(
        field=field, is_search_attribute=is_search_attribute, operator="=", value=value
    )


def _conditions(
    request: (
        SetWorkerDeploymentCurrentVersionRequest
        | SetWorkerDeploymentRampingVersionRequest
        | SetWorkerDeploymentManagerRequest
    ),
) -> Conditions:
    return Conditions(identity=request.identity, conflict_token=request.conflict_token)
