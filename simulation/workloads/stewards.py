"""Simulated stewards of the service: endpoints, versions, namespaces, and looking at everything.

Owns what must be there for others (the Nexus endpoint, a current version of versioned workers), and
one request of every kind that looks and changes nothing. Must not know workflows.
"""

from collections.abc import Callable
from typing import Final

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import IndexedValueType, TaskQueueType
from temporalio.api.filter.v1 import StartTimeFilter
from temporalio.api.nexus.v1 import EndpointSpec
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    CreateNexusEndpointRequest,
    CreateNexusEndpointResponse,
    DeleteNamespaceRequest,
    DeleteNexusEndpointRequest,
    GetNexusEndpointRequest,
    ListClustersRequest,
    ListNexusEndpointsRequest,
    ListNexusEndpointsResponse,
    ListSearchAttributesRequest,
    RemoveSearchAttributesRequest,
    UpdateNexusEndpointRequest,
)
from temporalio.api.rules.v1 import WorkflowRuleSpec
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.worker.v1 import WorkerHeartbeat
from temporalio.api.workflowservice.v1 import (
    CountActivityExecutionsRequest,
    CountWorkersRequest,
    CountWorkflowExecutionsRequest,
    CreateWorkerDeploymentRequest,
    CreateWorkerDeploymentVersionRequest,
    CreateWorkflowRuleRequest,
    DeleteWorkerDeploymentRequest,
    DeleteWorkerDeploymentVersionRequest,
    DeleteWorkflowRuleRequest,
    DeprecateNamespaceRequest,
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentVersionRequest,
    DescribeWorkerRequest,
    DescribeWorkflowRuleRequest,
    GetClusterInfoRequest,
    GetSearchAttributesRequest,
    GetSystemInfoRequest,
    GetWorkerBuildIdCompatibilityRequest,
    GetWorkerTaskReachabilityRequest,
    GetWorkerVersioningRulesRequest,
    GetWorkflowExecutionHistoryReverseRequest,
    ListClosedWorkflowExecutionsRequest,
    ListNamespacesRequest,
    ListOpenWorkflowExecutionsRequest,
    ListTaskQueuePartitionsRequest,
    ListWorkerDeploymentsRequest,
    ListWorkersRequest,
    ListWorkflowRulesRequest,
    RecordWorkerHeartbeatRequest,
    RegisterNamespaceRequest,
    ScanWorkflowExecutionsRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentManagerRequest,
    SetWorkerDeploymentRampingVersionRequest,
    ShutdownWorkerRequest,
    UpdateNamespaceRequest,
    UpdateTaskQueueConfigRequest,
    UpdateWorkerBuildIdCompatibilityRequest,
    UpdateWorkerDeploymentVersionMetadataRequest,
    UpdateWorkerVersioningRulesRequest,
)

from indelible.base.errors import StatusCode
from indelible.base.instants import MILLISECOND, SECOND, Duration
from simulation.workloads.calls import Calls
from simulation.workloads.commands import DEPLOYMENT, ENDPOINT, span
from simulation.world.node import NAMESPACE
from simulation.world.world import World

BUILDS: Final = ("one", "two")
_SIDE: Final = "side"
"""The name of whatever is made, changed and deleted beside what the others need."""
_EXPECTED: Final = frozenset(
    {StatusCode.INVALID_ARGUMENT, StatusCode.ABORTED, StatusCode.PERMISSION_DENIED}
)
"""What an order may be answered that comes too late, too early, or once more."""
Order = Callable[[str], Message]


class Steward:
    """Looks after the service."""

    def __init__(self, world: World, ids: list[str], queue: str) -> None:
        self.name = "steward"
        self.process = world.process(self.name)
        self.is_busy = True
        self._world = world
        self._ids = ids
        self._queue = queue
        self._calls = Calls(world, self.name)
        self._chance = self._calls.chance

    async def live(self) -> None:
        """Make what must be there; give orders and look about; when all is calm, see to the end."""
        await self._make_endpoint()
        while not self._world.is_calm:
            if self._world.character.is_versioned and self._chance.random() < 0.4:
                await self._route()
            await self._order(self._chance.choice(_ORDERS)(self._queue))
            await self._order(self._chance.choice(_LOOKS)(self._queue))
            await self._order(self._look_back())
            await self._touch_endpoint()
            await self._world.pause(Duration(int(self._chance.random() * SECOND)))
        self.is_busy = False
        while self._world.character.is_versioned:
            await self._order(_current(BUILDS[0]))
            await self._world.pause(Duration(2 * SECOND))

    async def _order(self, request: Message) -> Message | None:
        method = type(request).__name__.removesuffix("Request")
        described = request.DESCRIPTOR.file.message_types_by_name[f"{method}Response"]
        response_type = GetMessageClass(described)  # pyright: ignore[reportArgumentType]
        return await self._calls.ask(request, response_type, also_expected=_EXPECTED)

    # -- what others need --------------------------------------------------------------------------

    async def _make_endpoint(self) -> None:
        spec = EndpointSpec(name=ENDPOINT)
        spec.target.worker.namespace = NAMESPACE
        spec.target.worker.task_queue = self._queue
        while not await self._has_endpoint(ENDPOINT):
            await self._calls.ask(
                CreateNexusEndpointRequest(spec=spec), CreateNexusEndpointResponse
            )
            await self._world.pause(Duration(100 * MILLISECOND))

    async def _has_endpoint(self, name: str) -> bool:
        answer = await self._calls.ask(
            ListNexusEndpointsRequest(name=name), ListNexusEndpointsResponse
        )
        return answer is not None and bool(answer.endpoints)

    async def _route(self) -> None:
        build = self._chance.choice((*BUILDS, ""))
        if self._chance.random() < 0.5:
            await self._order(_current(build))
        else:
            await self._order(
                SetWorkerDeploymentRampingVersionRequest(
                    namespace=NAMESPACE,
                    deployment_name=DEPLOYMENT,
                    build_id=build,
                    percentage=self._chance.choice((0, 30, 100)) if build else 0,
                    identity=self.name,
                    ignore_missing_task_queues=True,
                    allow_no_pollers=True,
                )
            )

    # -- what is beside ----------------------------------------------------------------------------

    async def _touch_endpoint(self) -> None:
        """Make, look at, change or delete an endpoint that nobody uses."""
        answer = await self._calls.ask(
            ListNexusEndpointsRequest(name=_SIDE), ListNexusEndpointsResponse
        )
        spec = EndpointSpec(name=_SIDE)
        spec.target.worker.namespace = NAMESPACE
        spec.target.worker.task_queue = f"{_SIDE}-{self._chance.randint(1, 9)}"
        if answer is None or not answer.endpoints:
            await self._order(CreateNexusEndpointRequest(spec=spec))
            return
        found = answer.endpoints[0]
        orders: tuple[Message, ...] = (
            GetNexusEndpointRequest(id=found.id),
            UpdateNexusEndpointRequest(id=found.id, version=found.version, spec=spec),
            DeleteNexusEndpointRequest(id=found.id, version=found.version),
        )
        await self._order(self._chance.choice(orders))

    def _look_back(self) -> Message:
        return GetWorkflowExecutionHistoryReverseRequest(
            namespace=NAMESPACE,
            execution=WorkflowExecution(workflow_id=self._chance.choice(self._ids)),
            maximum_page_size=self._chance.choice((1, 5, 0)),
        )


def _current(build: str) -> Message:
    return SetWorkerDeploymentCurrentVersionRequest(
        namespace=NAMESPACE,
        deployment_name=DEPLOYMENT,
        build_id=build,
        identity="steward",
        ignore_missing_task_queues=True,
        allow_no_pollers=True,
    )


def _side_version() -> WorkerDeploymentVersion:
    return WorkerDeploymentVersion(deployment_name=_SIDE, build_id="b")


def _side_rule() -> WorkflowRuleSpec:
    """A rule about nothing that there is."""
    spec = WorkflowRuleSpec(id=_SIDE, visibility_query=f"WorkflowId = '{_SIDE}'")
    spec.activity_start.predicate = "Attempts > 1 AND LastFailure contains 'side'"
    spec.actions.add().activity_pause.SetInParent()
    return spec


_ORDERS: Final[tuple[Order, ...]] = (
    lambda _: CreateWorkflowRuleRequest(namespace=NAMESPACE, spec=_side_rule(), request_id="side"),
    lambda _: DeleteWorkflowRuleRequest(namespace=NAMESPACE, rule_id=_SIDE),
    lambda _: RegisterNamespaceRequest(
        namespace=_SIDE, workflow_execution_retention_period=span(86_400_000)
    ),
    lambda _: UpdateNamespaceRequest(namespace=_SIDE),
    lambda _: DeprecateNamespaceRequest(namespace=_SIDE),
    lambda _: DeleteNamespaceRequest(namespace=_SIDE),
    lambda _: AddSearchAttributesRequest(
        namespace=NAMESPACE,
        search_attributes={"Side": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD},
    ),
    lambda _: RemoveSearchAttributesRequest(namespace=NAMESPACE, search_attributes=["Side"]),
    lambda _: CreateWorkerDeploymentRequest(
        namespace=NAMESPACE, deployment_name=_SIDE, identity="steward", request_id="side"
    ),
    lambda _: CreateWorkerDeploymentVersionRequest(
        namespace=NAMESPACE, deployment_version=_side_version(), identity="steward"
    ),
    lambda _: UpdateWorkerDeploymentVersionMetadataRequest(
        namespace=NAMESPACE,
        deployment_version=_side_version(),
        upsert_entries={"note": Payload(data=b"1")},
    ),
    lambda _: SetWorkerDeploymentManagerRequest(
        namespace=NAMESPACE, deployment_name=_SIDE, manager_identity="steward", identity="steward"
    ),
    lambda _: DeleteWorkerDeploymentVersionRequest(
        namespace=NAMESPACE, deployment_version=_side_version(), skip_drainage=True
    ),
    lambda _: DeleteWorkerDeploymentRequest(namespace=NAMESPACE, deployment_name=_SIDE),
    lambda _: UpdateWorkerBuildIdCompatibilityRequest(
        namespace=NAMESPACE, task_queue=_SIDE, add_new_build_id_in_new_default_set="b"
    ),
    lambda _: UpdateWorkerVersioningRulesRequest(
        namespace=NAMESPACE,
        task_queue=f"{_SIDE}-rules",
        commit_build_id=UpdateWorkerVersioningRulesRequest.CommitBuildId(
            target_build_id="b", force=True
        ),
    ),
    lambda _: RecordWorkerHeartbeatRequest(
        namespace=NAMESPACE,
        identity="steward",
        worker_heartbeat=[
            WorkerHeartbeat(worker_instance_key="key", worker_identity="steward", task_queue=_SIDE)
        ],
    ),
    lambda _: ShutdownWorkerRequest(
        namespace=NAMESPACE,
        identity="steward",
        sticky_task_queue="sticky-nobody",
        worker_instance_key="key",
    ),
    lambda _: SetWorkerDeploymentRampingVersionRequest(
        namespace=NAMESPACE, deployment_name=_SIDE, build_id="b", percentage=10
    ),
    lambda _: SetWorkerDeploymentCurrentVersionRequest(
        namespace=NAMESPACE, deployment_name=_SIDE, build_id="", ignore_missing_task_queues=True
    ),
)
"""Requests that change something beside what the others need."""

_LOOKS: Final[tuple[Order, ...]] = (
    lambda _: DescribeWorkflowRuleRequest(namespace=NAMESPACE, rule_id=_SIDE),
    lambda _: ListWorkflowRulesRequest(namespace=NAMESPACE),
    lambda _: DescribeNamespaceRequest(namespace=NAMESPACE),
    lambda _: ListNamespacesRequest(),
    lambda _: ListOpenWorkflowExecutionsRequest(
        namespace=NAMESPACE, start_time_filter=StartTimeFilter()
    ),
    lambda _: ListClosedWorkflowExecutionsRequest(
        namespace=NAMESPACE, start_time_filter=StartTimeFilter()
    ),
    lambda _: ScanWorkflowExecutionsRequest(namespace=NAMESPACE),
    lambda _: CountWorkflowExecutionsRequest(namespace=NAMESPACE),
    lambda _: CountActivityExecutionsRequest(namespace=NAMESPACE),
    lambda _: GetSearchAttributesRequest(),
    lambda _: GetClusterInfoRequest(),
    lambda _: GetSystemInfoRequest(),
    lambda queue: DescribeTaskQueueRequest(
        namespace=NAMESPACE,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        report_stats=True,
    ),
    lambda queue: UpdateTaskQueueConfigRequest(
        namespace=NAMESPACE,
        task_queue=queue,
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        set_fairness_weight_overrides={"some": 2.0},
    ),
    lambda queue: ListTaskQueuePartitionsRequest(
        namespace=NAMESPACE, task_queue=TaskQueue(name=queue)
    ),
    lambda _: GetWorkerBuildIdCompatibilityRequest(namespace=NAMESPACE, task_queue=_SIDE),
    lambda _: GetWorkerVersioningRulesRequest(namespace=NAMESPACE, task_queue=f"{_SIDE}-rules"),
    lambda _: GetWorkerTaskReachabilityRequest(
        namespace=NAMESPACE, build_ids=["b"], task_queues=[_SIDE]
    ),
    lambda _: DescribeWorkerDeploymentRequest(namespace=NAMESPACE, deployment_name=_SIDE),
    lambda _: DescribeWorkerDeploymentVersionRequest(
        namespace=NAMESPACE, deployment_version=_side_version()
    ),
    lambda _: ListWorkerDeploymentsRequest(namespace=NAMESPACE),
    lambda _: ListWorkersRequest(namespace=NAMESPACE),
    lambda _: CountWorkersRequest(namespace=NAMESPACE),
    lambda _: DescribeWorkerRequest(namespace=NAMESPACE, worker_instance_key="key"),
    lambda _: ListSearchAttributesRequest(namespace=NAMESPACE),
    lambda _: ListClustersRequest(),
)
"""Requests that only look."""
