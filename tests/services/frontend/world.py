"""A frontend over a memory store, with recorders in the place of history and matching.

Owns the fakes and the ways to call the frontend as a transport does.
"""

import ast
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import temporalio.api
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message
from msgspec.structs import replace
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import ServiceError
from indelible.base.ids import EventId, NamespaceId, QueueKey, RunId, WorkflowId
from indelible.base.instants import DAY, NO_DURATION, SECOND, Duration, Instant
from indelible.base.limits import DEFAULT_LIMITS, Limits
from indelible.base.task_token import (
    ActivityTaskToken,
    NexusTaskToken,
    QueryTaskToken,
    WorkflowTaskToken,
    encode_task_token,
)
from indelible.base.workflow_rules import WorkflowRule
from indelible.engine.deployment.versioning_rules import COMMIT_POLLER_SEEN
from indelible.engine.namespace.record import Namespace
from indelible.ports.authorizer import Authorizer
from indelible.ports.clients import NO_SDK, NexusAnswer, Sdk
from indelible.ports.rpc import Call, Handler
from indelible.runtime.time_zones import TIME_ZONES
from indelible.services.build_id_sets import BuildIdSetRegistry
from indelible.services.frontend.backends import ActivityTarget, Backends
from indelible.services.frontend.frontend import Environment, Frontend
from indelible.services.frontend.rpcs import OPERATOR_SERVICE, WORKFLOW_SERVICE
from indelible.services.matching.description import TaskQueueDescription
from indelible.services.namespaces import NamespaceRegistry
from indelible.services.nexus_endpoints import NexusEndpointRegistry
from indelible.services.task_queue_configs import TaskQueueConfigRegistry
from indelible.services.versioning_rules import VersioningRuleRegistry
from indelible.services.worker_deployments import WorkerDeploymentRegistry
from indelible.store.memory import MemoryStore
from tests.services.frontend.recorded_batches import RecordedBatches
from tests.services.frontend.recorded_commands import RecordedCommands
from tests.services.frontend.recorded_schedules import RecordedSchedules

START = Instant(1_700_000_000 * SECOND)
DEFAULT = NamespaceId("11111111-1111-4111-8111-111111111111")
OTHER = NamespaceId("22222222-2222-4222-8222-222222222222")
RUN_ID = "33333333-3333-4333-8333-333333333333"
R = TypeVar("R", bound=Message)
UNHURRIED = replace(
    DEFAULT_LIMITS,
    node_requests_per_second=1e9,
    node_replicating_requests_per_second=1e9,
    requests_per_second=1e9,
    visibility_requests_per_second=1e9,
    replicating_requests_per_second=1e9,
)
"""A clock that stands still gives no new tokens; these are enough."""


@dataclass
class StandingClock:
    """One flow of time for all, that stands still."""

    time: Instant = START

    @property
    def node(self) -> "StandingClock":
        return self

    def clock_of(self, namespace_id: NamespaceId) -> "StandingClock":
        return self

    def now(self) -> Instant:
        return self.time

    def call_at(self, at: Instant, callback: object, *, is_idle: bool = False) -> "StandingClock":
        raise AssertionError("the frontend arms no timer")

    async def sleep(self, span: Duration) -> None:
        raise AssertionError("the frontend does not sleep")

    def occupy(self, owner: Hashable, work: Callable[[], int]) -> None:
        """Time stands still anyway."""

    @property
    def foresight(self) -> Duration:
        return NO_DURATION

    def cancel(self) -> None:
        """The timer that nobody arms."""


@dataclass
class CountingEntropy:
    drawn: int = 0

    def token(self, count: int) -> bytes:
        self.drawn += 1
        return self.drawn.to_bytes(count, "big")


@dataclass
class Measured:
    """Telemetry as a list of (name, labels)."""

    counts: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        self.counts.append((name, labels))

    def observe(self, name: str, value: float, **labels: str) -> None:
        self.counts.append((name, labels))

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.counts.append((name, labels))


@dataclass
class RecordedHistory(RecordedBatches, RecordedCommands, RecordedSchedules):
    """Says yes to everything and remembers what it was asked."""

    targets: list[object] = field(default_factory=list)
    answers: dict[str, Message] = field(default_factory=dict)

    def _record(self, name: str, request: Message, default: R) -> R:
        copy = type(request)()
        copy.CopyFrom(request)
        self.calls.append((name, copy))
        answer = self.answers.get(name, default)
        assert isinstance(answer, type(default))
        return answer

    async def start_workflow(
        self, namespace: Namespace, request: api.StartWorkflowExecutionRequest
    ) -> api.StartWorkflowExecutionResponse:
        return self._record("start", request, api.StartWorkflowExecutionResponse(started=True))

    async def signal_with_start(
        self, namespace: Namespace, request: api.SignalWithStartWorkflowExecutionRequest
    ) -> api.SignalWithStartWorkflowExecutionResponse:
        return self._record(
            "signal_with_start", request, api.SignalWithStartWorkflowExecutionResponse()
        )

    async def update_workflow(
        self, namespace: Namespace, request: api.UpdateWorkflowExecutionRequest
    ) -> api.UpdateWorkflowExecutionResponse:
        return self._record("update", request, api.UpdateWorkflowExecutionResponse())

    async def poll_update(
        self, namespace: Namespace, request: api.PollWorkflowExecutionUpdateRequest
    ) -> api.PollWorkflowExecutionUpdateResponse:
        return self._record("poll_update", request, api.PollWorkflowExecutionUpdateResponse())

    async def execute_multi_operation(
        self,
        namespace: Namespace,
        start: api.StartWorkflowExecutionRequest,
        update: api.UpdateWorkflowExecutionRequest,
    ) -> api.ExecuteMultiOperationResponse:
        self._record("multi_start", start, api.StartWorkflowExecutionResponse())
        return self._record("multi_update", update, api.ExecuteMultiOperationResponse())

    async def signal_workflow(
        self, namespace: Namespace, request: api.SignalWorkflowExecutionRequest
    ) -> api.SignalWorkflowExecutionResponse:
        return self._record("signal", request, api.SignalWorkflowExecutionResponse())

    async def reset_workflow(
        self, namespace: Namespace, request: api.ResetWorkflowExecutionRequest
    ) -> api.ResetWorkflowExecutionResponse:
        return self._record("reset_workflow", request, api.ResetWorkflowExecutionResponse())

    async def pause_workflow(
        self, namespace: Namespace, request: api.PauseWorkflowExecutionRequest
    ) -> None:
        self._record("pause_workflow", request, request)

    async def unpause_workflow(
        self, namespace: Namespace, request: api.UnpauseWorkflowExecutionRequest
    ) -> None:
        self._record("unpause_workflow", request, request)

    async def update_workflow_options(
        self, namespace: Namespace, request: api.UpdateWorkflowExecutionOptionsRequest
    ) -> api.UpdateWorkflowExecutionOptionsResponse:
        return self._record(
            "update_workflow_options", request, api.UpdateWorkflowExecutionOptionsResponse()
        )

    async def poll_time_skipping(
        self,
        namespace: Namespace,
        request: api.PollWorkflowExecutionTimeSkippingRequest,
        call: Call,
    ) -> api.PollWorkflowExecutionTimeSkippingResponse:
        return self._record(
            "poll_time_skipping", request, api.PollWorkflowExecutionTimeSkippingResponse()
        )

    async def pause_activity(self, namespace: Namespace, request: api.PauseActivityRequest) -> None:
        self._record("pause_activity", request, request)

    async def unpause_activity(
        self, namespace: Namespace, request: api.UnpauseActivityRequest
    ) -> None:
        self._record("unpause_activity", request, request)

    async def reset_activity(self, namespace: Namespace, request: api.ResetActivityRequest) -> None:
        self._record("reset_activity", request, request)

    async def trigger_workflow_rule(
        self, namespace: Namespace, request: api.TriggerWorkflowRuleRequest, rule: WorkflowRule
    ) -> bool:
        self._record("trigger_workflow_rule", request, request)
        self.targets.append(rule)
        return True

    async def update_activity_options(
        self, namespace: Namespace, request: api.UpdateActivityOptionsRequest
    ) -> api.UpdateActivityOptionsResponse:
        return self._record("update_activity_options", request, api.UpdateActivityOptionsResponse())

    async def request_cancel(
        self, namespace: Namespace, request: api.RequestCancelWorkflowExecutionRequest
    ) -> None:
        self._record("cancel", request, request)

    async def terminate_workflow(
        self, namespace: Namespace, request: api.TerminateWorkflowExecutionRequest
    ) -> None:
        self._record("terminate", request, request)

    async def delete_workflow(
        self, namespace: Namespace, request: api.DeleteWorkflowExecutionRequest
    ) -> None:
        self._record("delete", request, request)

    async def describe_workflow(
        self, namespace: Namespace, request: api.DescribeWorkflowExecutionRequest
    ) -> api.DescribeWorkflowExecutionResponse:
        return self._record("describe", request, api.DescribeWorkflowExecutionResponse())

    async def get_history(
        self, namespace: Namespace, request: api.GetWorkflowExecutionHistoryRequest, call: Call
    ) -> api.GetWorkflowExecutionHistoryResponse:
        return self._record("history", request, api.GetWorkflowExecutionHistoryResponse())

    async def get_history_reverse(
        self, namespace: Namespace, request: api.GetWorkflowExecutionHistoryReverseRequest
    ) -> api.GetWorkflowExecutionHistoryReverseResponse:
        return self._record("reverse", request, api.GetWorkflowExecutionHistoryReverseResponse())

    async def query_workflow(
        self, namespace: Namespace, request: api.QueryWorkflowRequest, deadline: Instant
    ) -> api.QueryWorkflowResponse:
        self.targets.append(deadline)
        return self._record("query", request, api.QueryWorkflowResponse())

    async def start_activity(
        self, namespace: Namespace, request: api.StartActivityExecutionRequest
    ) -> api.StartActivityExecutionResponse:
        return self._record("start_activity", request, api.StartActivityExecutionResponse())

    async def describe_activity(
        self, namespace: Namespace, request: api.DescribeActivityExecutionRequest, call: Call
    ) -> api.DescribeActivityExecutionResponse:
        return self._record("describe_activity", request, api.DescribeActivityExecutionResponse())

    async def poll_activity(
        self, namespace: Namespace, request: api.PollActivityExecutionRequest, call: Call
    ) -> api.PollActivityExecutionResponse:
        return self._record("poll_activity", request, api.PollActivityExecutionResponse())

    async def request_cancel_activity(
        self, namespace: Namespace, request: api.RequestCancelActivityExecutionRequest
    ) -> None:
        self._record("request_cancel_activity", request, request)

    async def terminate_activity(
        self, namespace: Namespace, request: api.TerminateActivityExecutionRequest
    ) -> None:
        self._record("terminate_activity", request, request)

    async def delete_activity(
        self, namespace: Namespace, request: api.DeleteActivityExecutionRequest
    ) -> None:
        self._record("delete_activity", request, request)

    async def start_nexus_operation(
        self,
        namespace: Namespace,
        request: api.StartNexusOperationExecutionRequest,
        endpoint_id: str,
    ) -> api.StartNexusOperationExecutionResponse:
        self.targets.append(endpoint_id)
        return self._record(
            "start_nexus_operation", request, api.StartNexusOperationExecutionResponse()
        )

    async def describe_nexus_operation(
        self, namespace: Namespace, request: api.DescribeNexusOperationExecutionRequest, call: Call
    ) -> api.DescribeNexusOperationExecutionResponse:
        return self._record(
            "describe_nexus_operation", request, api.DescribeNexusOperationExecutionResponse()
        )

    async def poll_nexus_operation(
        self, namespace: Namespace, request: api.PollNexusOperationExecutionRequest, call: Call
    ) -> api.PollNexusOperationExecutionResponse:
        return self._record(
            "poll_nexus_operation", request, api.PollNexusOperationExecutionResponse()
        )

    async def request_cancel_nexus_operation(
        self, namespace: Namespace, request: api.RequestCancelNexusOperationExecutionRequest
    ) -> None:
        self._record("request_cancel_nexus_operation", request, request)

    async def terminate_nexus_operation(
        self, namespace: Namespace, request: api.TerminateNexusOperationExecutionRequest
    ) -> None:
        self._record("terminate_nexus_operation", request, request)

    async def delete_nexus_operation(
        self, namespace: Namespace, request: api.DeleteNexusOperationExecutionRequest
    ) -> None:
        self._record("delete_nexus_operation", request, request)

    async def reset_sticky(
        self, namespace: Namespace, request: api.ResetStickyTaskQueueRequest
    ) -> None:
        self._record("reset_sticky", request, request)

    async def respond_workflow_task_completed(
        self,
        namespace: Namespace,
        request: api.RespondWorkflowTaskCompletedRequest,
        token: WorkflowTaskToken,
    ) -> api.RespondWorkflowTaskCompletedResponse:
        self.targets.append(token)
        return self._record("completed", request, api.RespondWorkflowTaskCompletedResponse())

    async def respond_workflow_task_failed(
        self,
        namespace: Namespace,
        request: api.RespondWorkflowTaskFailedRequest,
        token: WorkflowTaskToken,
    ) -> None:
        self._record("failed", request, request)

    async def respond_activity_completed(
        self,
        namespace: Namespace,
        request: api.RespondActivityTaskCompletedRequest,
        target: ActivityTarget,
    ) -> None:
        self.targets.append(target)
        self._record("activity_completed", request, request)

    async def respond_activity_failed(
        self,
        namespace: Namespace,
        request: api.RespondActivityTaskFailedRequest,
        target: ActivityTarget,
    ) -> None:
        self.targets.append(target)
        self._record("activity_failed", request, request)

    async def respond_activity_canceled(
        self,
        namespace: Namespace,
        request: api.RespondActivityTaskCanceledRequest,
        target: ActivityTarget,
    ) -> None:
        self.targets.append(target)
        self._record("activity_canceled", request, request)

    async def record_activity_heartbeat(
        self,
        namespace: Namespace,
        request: api.RecordActivityTaskHeartbeatRequest,
        target: ActivityTarget,
    ) -> api.RecordActivityTaskHeartbeatResponse:
        self.targets.append(target)
        return self._record("heartbeat", request, api.RecordActivityTaskHeartbeatResponse())


@dataclass
class RecordedMatching:
    """Has nothing for anybody and remembers who asked."""

    polls: list[tuple[QueueKey, Instant, Sdk]] = field(default_factory=list)
    answers: list[api.RespondQueryTaskCompletedRequest] = field(default_factory=list)
    nexus_answers: list[NexusAnswer] = field(default_factory=list)
    shutdowns: list[api.ShutdownWorkerRequest] = field(default_factory=list)
    description: TaskQueueDescription = field(default_factory=TaskQueueDescription)
    descriptions: dict[str, TaskQueueDescription] = field(
        default_factory=dict[str, TaskQueueDescription]
    )
    """Of queues by name; the one above is that of all others."""
    polled: set[QueueKey] = field(default_factory=set[QueueKey])

    def has_recent_poller(self, queue: QueueKey, within: Duration) -> bool:
        assert within == COMMIT_POLLER_SEEN
        return queue in self.polled

    async def poll_workflow_task_queue(
        self,
        key: QueueKey,
        request: api.PollWorkflowTaskQueueRequest,
        deadline: Instant,
        *,
        sdk: Sdk = NO_SDK,
    ) -> api.PollWorkflowTaskQueueResponse:
        self.polls.append((key, deadline, sdk))
        return api.PollWorkflowTaskQueueResponse()

    async def poll_activity_task_queue(
        self,
        key: QueueKey,
        request: api.PollActivityTaskQueueRequest,
        deadline: Instant,
        *,
        sdk: Sdk = NO_SDK,
    ) -> api.PollActivityTaskQueueResponse:
        self.polls.append((key, deadline, sdk))
        return api.PollActivityTaskQueueResponse()

    async def poll_nexus_task_queue(
        self,
        key: QueueKey,
        request: api.PollNexusTaskQueueRequest,
        deadline: Instant,
        *,
        sdk: Sdk = NO_SDK,
    ) -> api.PollNexusTaskQueueResponse:
        self.polls.append((key, deadline, sdk))
        return api.PollNexusTaskQueueResponse()

    def respond_nexus_task(self, token: NexusTaskToken, answer: NexusAnswer) -> None:
        self.nexus_answers.append(answer)

    def respond_query_task_completed(
        self, token: QueryTaskToken, request: api.RespondQueryTaskCompletedRequest
    ) -> None:
        self.answers.append(request)

    def shutdown_worker(
        self, namespace_id: NamespaceId, request: api.ShutdownWorkerRequest
    ) -> None:
        self.shutdowns.append(request)

    async def describe_task_queue(self, key: QueueKey) -> TaskQueueDescription:
        return self.descriptions.get(key.name, self.description)


class World:
    """Everything that a test of the frontend touches."""

    def __init__(self, *, authorizer: Authorizer | None = None, limits: Limits = UNHURRIED) -> None:
        self.limits: dict[str, Limits] = {}
        """Those of single namespaces, by name; `limits` holds elsewhere."""
        self.clock = StandingClock()
        self.telemetry = Measured()
        self.history = RecordedHistory()
        self.matching = RecordedMatching()
        self.store = MemoryStore()
        self.registry = NamespaceRegistry(self.store)
        self.deployments = WorkerDeploymentRegistry(self.store)
        build_id_sets = BuildIdSetRegistry(self.store)
        self.frontend = Frontend(
            Backends(
                history=self.history,
                matching=self.matching,
                visibility=self.store,
                store=self.store.describe(),
                endpoints=NexusEndpointRegistry(self.store),
                deployments=self.deployments,
                build_id_sets=build_id_sets,
                versioning_rules=VersioningRuleRegistry(self.store, build_id_sets),
                queue_configs=TaskQueueConfigRegistry(self.store),
            ),
            registry=self.registry,
            environment=Environment(
                clocks=self.clock,
                entropy=CountingEntropy(),
                telemetry=self.telemetry,
                zones=TIME_ZONES,
                address="127.0.0.1:7233",
                http_address="127.0.0.1:7243",
            ),
            limits_of=lambda name: self.limits.get(name, limits),
            authorizer=authorizer,
        )
        self.handlers: Mapping[tuple[str, str], Handler] = self.frontend.handlers()

    async def load(self) -> "World":
        """Load the registry and make two namespaces."""
        await self.registry.load(now=START)
        for name, namespace_id in (("default", DEFAULT), ("other", OTHER)):
            await self.registry.ensure(name, namespace_id=namespace_id, retention=DAY, now=START)
        return self

    async def call(
        self,
        request: Message,
        response_type: type[R],
        *,
        patience: float | None = 70,
        metadata: Mapping[str, str] | None = None,
    ) -> R:
        """Send a request as a transport does."""
        package, _, name = request.DESCRIPTOR.full_name.rpartition(".")
        is_operator = "operatorservice" in package
        service = OPERATOR_SERVICE if is_operator else WORKFLOW_SERVICE
        method = name.removesuffix("Request")
        call = Call(
            service=service,
            method=method,
            deadline=None
            if patience is None
            else Instant(self.clock.now() + round(patience * SECOND)),
            metadata=metadata or {},
            peer="test",
        )
        response = await self.handlers[service, method](request, call)
        assert isinstance(response, response_type)
        return response

    async def refusal(self, request: Message, *, patience: float | None = 70) -> ServiceError:
        """Send a request that must be refused, and return how."""
        try:
            answer = await self.call(request, Message, patience=patience)
        except ServiceError as error:
            return error
        raise AssertionError(f"not refused: {answer}")


def workflow_token(namespace_id: NamespaceId = DEFAULT) -> bytes:
    """Return the token of a workflow task."""
    return encode_task_token(
        WorkflowTaskToken(
            namespace_id, WorkflowId("w"), RunId(RUN_ID), EventId(2), EventId(3), 1, 0
        )
    )


def activity_token(namespace_id: NamespaceId = DEFAULT) -> bytes:
    """Return the token of an activity task."""
    return encode_task_token(
        ActivityTaskToken(namespace_id, WorkflowId("w"), RunId(RUN_ID), EventId(5), 1, "a")
    )


def query_token(namespace_id: NamespaceId = DEFAULT) -> bytes:
    """Return the token of a query."""
    return encode_task_token(QueryTaskToken(namespace_id, "queue", "query"))


def nexus_token(namespace_id: NamespaceId = DEFAULT) -> bytes:
    return encode_task_token(NexusTaskToken(namespace_id, "queue", "task"))


def rpc_names(package: str) -> list[str]:
    """Return the RPCs of a service of the protocol, read from its generated descriptor.

    The module itself needs more packages than the SDK brings, so its text is read.
    """
    folder = Path(next(iter(temporalio.api.__path__)))
    tree = ast.parse((folder / package / "v1" / "service_pb2.py").read_text())
    blobs = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, bytes)
    ]
    file = FileDescriptorProto.FromString(max(blobs, key=len))
    return [method.name for service in file.service for method in service.method]
