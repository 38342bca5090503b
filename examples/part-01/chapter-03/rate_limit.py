"""A namespace with a low rate limit: who calls too often is refused, and who waits gets through."""

import asyncio
from collections import Counter

from google.protobuf.duration_pb2 import Duration
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResourceExhaustedCause
from temporalio.api.errordetails.v1 import ResourceExhaustedFailure
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    RegisterNamespaceRequest,
)
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, run, until, verified

NAMESPACE = "rate-limited-example"  # rate_limit.yaml knows it by this name.
CALLS = 60
PATIENT_CALLS = 15


async def member_of(client: Client, namespace: str) -> Client:
    """A client of the namespace, which may be there from an earlier run."""
    try:
        await client.workflow_service.register_namespace(
            RegisterNamespaceRequest(
                namespace=namespace, workflow_execution_retention_period=Duration(seconds=86_400)
            )
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
    member = Client(client.service_client, namespace=namespace)

    async def is_known() -> bool:
        try:
            await member.count_workflows()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True

    await until(is_known)
    return member


def verdict(error: RPCError) -> str:
    """The server says which limit it was, so that a client knows whom to blame."""
    failure = ResourceExhaustedFailure()
    for detail in error.grpc_status.details:
        detail.Unpack(failure)
    cause = ResourceExhaustedCause.Name(failure.cause).removeprefix("RESOURCE_EXHAUSTED_CAUSE_")
    return f"{error.status.name} {cause}"


async def impatient(member: Client, workflow_id: str) -> str:
    """One call without the retries that the SDK makes on its own."""
    try:
        await member.workflow_service.describe_workflow_execution(
            DescribeWorkflowExecutionRequest(
                namespace=member.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
            ),
            retry=False,
        )
    except RPCError as error:
        return verdict(error)
    return "answered"


async def patient(handle: WorkflowHandle[object, object]) -> str:
    """The same call as programs make it: the SDK waits and tries again."""
    return (await handle.describe()).id


async def main() -> None:
    """Call far too often, first without patience and then with it."""
    member = await member_of(await connect(), NAMESPACE)
    handle = await member.start_workflow("nobody-works-on-it", id=new_id("idle"), task_queue="idle")
    answers = Counter(await asyncio.gather(*(impatient(member, handle.id) for _ in range(CALLS))))
    ids = await asyncio.gather(*(patient(handle) for _ in range(PATIENT_CALLS)))
    await handle.terminate("end of the show")
    print(f"{CALLS} calls at once, without retries: {dict(answers)}")
    print(f"{PATIENT_CALLS} calls at once, with retries: {len(ids)} answered")
    check(answers["answered"] > 0, "a burst is let through")
    check(set(answers) <= {"answered", "RESOURCE_EXHAUSTED RPS_LIMIT"}, "the rest for one reason")
    check(ids == [handle.id] * PATIENT_CALLS, "who waits gets an answer")
    refused = CALLS - answers["answered"]
    told = "some calls were refused" if refused else "this server has no low limit, see README.md"
    verified(f"{told}; with retries all of them succeed")


if __name__ == "__main__":
    run(main)
