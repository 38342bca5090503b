"""Every call that the official Web UI makes (server 2.53) leads to a method that is built.

The UI server sends them on over gRPC; the HTTP API has the same paths, so whoever reads the
network tab of a browser can repeat them with `curl`. Two are missing: the compute configuration of
a version is the cloud's, and not built here.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

import pytest

from indelible.services.frontend.rpcs import RPCS
from indelible.wire.calls.methods import OPERATOR_SERVICE, WORKFLOW_SERVICE
from indelible.wire.http.api.bindings import Binding, bindings_of
from indelible.wire.http.messages import Request, Response
from indelible.wire.http.routes import Route, Routes

CALLS: Final = (
    ("GET /cluster-info", "GetClusterInfo"),
    ("GET /system-info", "GetSystemInfo"),
    ("GET /namespaces", "ListNamespaces"),
    ("GET /namespaces/n", "DescribeNamespace"),
    ("GET /namespaces/n/search-attributes", "ListSearchAttributes"),
    ("GET /namespaces/n/workflows", "ListWorkflowExecutions"),
    ("GET /namespaces/n/archived-workflows", "ListArchivedWorkflowExecutions"),
    ("GET /namespaces/n/workflow-count", "CountWorkflowExecutions"),
    ("GET /namespaces/n/workflows/w", "DescribeWorkflowExecution"),
    ("POST /namespaces/n/workflows/w", "StartWorkflowExecution"),
    ("GET /namespaces/n/workflows/w/history", "GetWorkflowExecutionHistory"),
    ("GET /namespaces/n/workflows/w/history-reverse", "GetWorkflowExecutionHistoryReverse"),
    ("POST /namespaces/n/workflows/w/terminate", "TerminateWorkflowExecution"),
    ("POST /namespaces/n/workflows/w/cancel", "RequestCancelWorkflowExecution"),
    ("POST /namespaces/n/workflows/w/signal/s", "SignalWorkflowExecution"),
    ("POST /namespaces/n/workflows/w/update/u", "UpdateWorkflowExecution"),
    ("POST /namespaces/n/workflows/w/query/q", "QueryWorkflow"),
    ("POST /namespaces/n/workflows/w/query/__stack_trace", "QueryWorkflow"),
    ("POST /namespaces/n/workflows/w/reset", "ResetWorkflowExecution"),
    ("POST /namespaces/n/workflows/w/pause", "PauseWorkflowExecution"),
    ("POST /namespaces/n/workflows/w/unpause", "UnpauseWorkflowExecution"),
    ("POST /namespaces/n/activities-deprecated/pause", "PauseActivity"),
    ("POST /namespaces/n/activities-deprecated/unpause", "UnpauseActivity"),
    ("POST /namespaces/n/activities-deprecated/reset", "ResetActivity"),
    ("POST /namespaces/n/activities-deprecated/update-options", "UpdateActivityOptions"),
    ("GET /namespaces/n/activities", "ListActivityExecutions"),
    ("GET /namespaces/n/activity-count", "CountActivityExecutions"),
    ("GET /namespaces/n/activities/a", "DescribeActivityExecution"),
    ("POST /namespaces/n/activities/a", "StartActivityExecution"),
    ("POST /namespaces/n/activities/a/cancel", "RequestCancelActivityExecution"),
    ("POST /namespaces/n/activities/a/terminate", "TerminateActivityExecution"),
    ("POST /namespaces/n/activities/a/pause", "PauseActivityExecution"),
    ("POST /namespaces/n/activities/a/unpause", "UnpauseActivityExecution"),
    ("POST /namespaces/n/activities/a/reset", "ResetActivityExecution"),
    ("POST /namespaces/n/activities/a/update-options", "UpdateActivityExecutionOptions"),
    ("GET /namespaces/n/nexus-operations", "ListNexusOperationExecutions"),
    ("GET /namespaces/n/nexus-operation-count", "CountNexusOperationExecutions"),
    ("GET /namespaces/n/nexus-operations/o", "DescribeNexusOperationExecution"),
    ("POST /namespaces/n/nexus-operations/o", "StartNexusOperationExecution"),
    ("GET /namespaces/n/nexus-operations/o/poll", "PollNexusOperationExecution"),
    ("POST /namespaces/n/nexus-operations/o/cancel", "RequestCancelNexusOperationExecution"),
    ("POST /namespaces/n/nexus-operations/o/terminate", "TerminateNexusOperationExecution"),
    ("GET /namespaces/n/schedules", "ListSchedules"),
    ("GET /namespaces/n/schedule-count", "CountSchedules"),
    ("GET /namespaces/n/schedules/s", "DescribeSchedule"),
    ("POST /namespaces/n/schedules/s", "CreateSchedule"),
    ("DELETE /namespaces/n/schedules/s", "DeleteSchedule"),
    ("POST /namespaces/n/schedules/s/update", "UpdateSchedule"),
    ("POST /namespaces/n/schedules/s/patch", "PatchSchedule"),
    ("GET /namespaces/n/batch-operations", "ListBatchOperations"),
    ("GET /namespaces/n/batch-operations/b", "DescribeBatchOperation"),
    ("POST /namespaces/n/batch-operations/b", "StartBatchOperation"),
    ("GET /namespaces/n/task-queues/q", "DescribeTaskQueue"),
    (
        "GET /namespaces/n/task-queues/q/worker-build-id-compatibility",
        "GetWorkerBuildIdCompatibility",
    ),
    ("GET /namespaces/n/task-queues/q/worker-versioning-rules", "GetWorkerVersioningRules"),
    ("GET /namespaces/n/worker-task-reachability", "GetWorkerTaskReachability"),
    ("GET /namespaces/n/workers", "ListWorkers"),
    ("GET /namespaces/n/worker-count", "CountWorkers"),
    ("GET /namespaces/n/workers/describe/w", "DescribeWorker"),
    ("GET /namespaces/n/worker-deployments", "ListWorkerDeployments"),
    ("GET /namespaces/n/worker-deployments/d", "DescribeWorkerDeployment"),
    ("DELETE /namespaces/n/worker-deployments/d", "DeleteWorkerDeployment"),
    (
        "POST /namespaces/n/worker-deployments/d/set-current-version",
        "SetWorkerDeploymentCurrentVersion",
    ),
    (
        "POST /namespaces/n/worker-deployments/d/set-ramping-version",
        "SetWorkerDeploymentRampingVersion",
    ),
    ("GET /namespaces/n/worker-deployment-versions/d/b", "DescribeWorkerDeploymentVersion"),
    ("DELETE /namespaces/n/worker-deployment-versions/d/b", "DeleteWorkerDeploymentVersion"),
    ("POST /namespaces/n/worker-deployments/d", "CreateWorkerDeployment"),
    ("POST /namespaces/n/worker-deployment-versions/d", "CreateWorkerDeploymentVersion"),
    ("GET /nexus/endpoints", "ListNexusEndpoints"),
    ("POST /nexus/endpoints", "CreateNexusEndpoint"),
    ("GET /nexus/endpoints/e", "GetNexusEndpoint"),
    ("DELETE /nexus/endpoints/e", "DeleteNexusEndpoint"),
    ("POST /nexus/endpoints/e/update", "UpdateNexusEndpoint"),
)
SERVICES: Final = (WORKFLOW_SERVICE, OPERATOR_SERVICE)


async def _unanswered(_: Request) -> Response:
    raise NotImplementedError


@cache
def _bindings() -> Mapping[tuple[str, str], Binding]:
    return {(one.http_method, one.pattern): one for one in bindings_of(SERVICES)}


@cache
def _routes() -> Routes:
    return Routes(
        Route(method=method, pattern=pattern, answer=_unanswered) for method, pattern in _bindings()
    )


@pytest.mark.parametrize(("call", "name"), CALLS)
def test_a_call_of_the_web_ui_leads_to_a_method_that_is_built(call: str, name: str) -> None:
    verb, path = call.split(" ")
    found = _routes().find(verb, f"/api/v1{path}")
    assert found is not None
    method = _bindings()[verb, found.route.pattern].method
    assert method.name == name
    assert RPCS[method.service, method.name].is_built
