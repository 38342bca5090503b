"""Two namespaces: the same workflow id twice, and each with its own retention."""

import asyncio

from google.protobuf.duration_pb2 import Duration
from temporalio import workflow
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, run, until, verified

DAY_SECONDS = 86_400
RETENTION_DAYS = {"short": 1, "long": 7}
SHORTEST_SECONDS = 1
# The server refuses spans this short unless it is told otherwise:
SERVER_FLAG = """--dynamic-config-value 'system.namespaceMinRetentionLocal="1s"'"""


@workflow.defn
class WhereAmI:
    """Tells in which namespace it runs."""

    @workflow.run
    async def run(self) -> str:
        """Return the namespace's name."""
        return workflow.info().namespace


async def register(client: Client, name: str, days: int) -> Client:
    """Register the namespace; return a client of it as soon as the server lets it in."""
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(
            namespace=name,
            workflow_execution_retention_period=Duration(seconds=days * DAY_SECONDS),
        )
    )
    member = Client(client.service_client, namespace=name)

    async def known() -> bool:
        try:
            await member.count_workflows()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True

    await until(known)
    return member


async def retention_days(client: Client, name: str) -> float:
    """How long the server keeps what has closed."""
    answer = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=name)
    )
    return answer.config.workflow_execution_retention_ttl.seconds / DAY_SECONDS


async def set_retention(member: Client, seconds: int) -> None:
    """Let the namespace of this client keep closed runs for another span."""
    await member.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=member.namespace,
            config=NamespaceConfig(workflow_execution_retention_ttl=Duration(seconds=seconds)),
        )
    )


async def see_a_purge(member: Client) -> str:
    """Close a run in a namespace that keeps it for a second, and wait until it is gone."""
    try:
        await set_retention(member, SHORTEST_SECONDS)
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
        print(f"to see a run being purged, start the server with {SERVER_FLAG}")
        return ""
    workflow_id = new_id("short-lived")
    await run_in(member, workflow_id)

    async def is_gone() -> bool:
        try:
            await member.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return True
        return False

    await until(is_gone)
    print(f"{workflow_id} was purged after its retention")
    return "; a closed run is purged in time"


async def run_in(client: Client, workflow_id: str) -> str:
    """Run the workflow with this id on the same queue name in the client's namespace."""
    async with Worker(client, task_queue="shared-name", workflows=[WhereAmI]):
        return await client.execute_workflow(WhereAmI.run, id=workflow_id, task_queue="shared-name")


async def main() -> None:
    """Nothing of one namespace is visible in the other."""
    client = await connect()
    members = {
        kind: await register(client, new_id(f"namespace-{kind}"), days)
        for kind, days in RETENTION_DAYS.items()
    }
    workflow_id = new_id("same")
    places = await asyncio.gather(*(run_in(member, workflow_id) for member in members.values()))
    for kind, member in members.items():
        days = await retention_days(client, member.namespace)
        print(f"{member.namespace}: retention {days:g} day(s)")
        check(days == RETENTION_DAYS[kind], "each namespace has its own retention")
    check(list(places) == [m.namespace for m in members.values()], "each run saw its own namespace")
    run_ids = [
        (await member.get_workflow_handle(workflow_id).describe()).run_id
        for member in members.values()
    ]
    check(run_ids[0] != run_ids[1], "the same id names two different runs")
    try:
        await members["short"].get_workflow_handle(workflow_id, run_id=run_ids[1]).describe()
    except RPCError as error:
        check(error.status is RPCStatusCode.NOT_FOUND, "a foreign run id is not found")
    else:
        check(False, "a foreign run is not visible")  # noqa: FBT003
    await set_retention(members["short"], 3 * DAY_SECONDS)
    check(await retention_days(client, members["short"].namespace) == 3, "retention can change")
    purged = await see_a_purge(members["short"])
    verified(f"one workflow id, two namespaces, two runs, two retentions{purged}")


if __name__ == "__main__":
    run(main)
