"""The other groups of commands: schedules, queues, versions, batches, activities, the cluster.

They are given to the project in `src`; `cli_tour.py` has the commands about one workflow. What gets
a name here (a schedule, a deployment, a namespace, an attribute, an endpoint) is deleted again.
"""

import json
import shlex
from dataclasses import asdict, replace

from command_line import CommandLine, command_line
from running import check, connect, new_id, parse_options, run, until, working
from src.models.order import Item, Order
from src.workers.order import ACTIVITIES, WORKFLOWS

LAMP = Item(article="lamp", count=2, cents_each=4_900)
ORDER = Order(number="o-9", customer="Ada", items=[LAMP])
ORDER_INPUT = f"--input {shlex.quote(json.dumps(asdict(ORDER)))}"
LAMP_INPUT = f"--input {shlex.quote(json.dumps(asdict(LAMP)))}"


async def schedules(cli: CommandLine, queue: str) -> None:
    """An order each day: made, triggered, paused, changed, caught up with, deleted."""
    one = new_id("daily")
    action = f"--type OrderWorkflow --task-queue {queue} --workflow-id {one} {ORDER_INPUT}"
    await cli.see(f"schedule create --schedule-id {one} --interval 24h {action}")
    await cli.see(
        f"schedule list-matching-times --schedule-id {one} "
        "--start-time 2030-01-01T12:00:00Z --end-time 2030-01-02T12:00:00Z",
        {"startTime": ["2030-01-02T00:00:00Z"]},
    )
    await cli.see(f"schedule trigger --schedule-id {one}")

    async def has_acted(count: int) -> bool:
        answer = await cli.ask(f"schedule describe --schedule-id {one}")
        return int(answer.at("info.actionCount") or 0) >= count

    await until(lambda: has_acted(1))
    described = await cli.see(f"schedule describe --schedule-id {one}")
    triggered = described.at("info.recentActions.0.startWorkflowResult.workflowId")
    await cli.see(
        f"workflow result --workflow-id {triggered}",
        {"status": "COMPLETED", "result.payment": "payment-o-9-9800"},
    )
    await cli.see(f"schedule toggle --schedule-id {one} --pause --reason holiday")
    paused = {"schedule.state.paused": True, "schedule.state.notes": "holiday"}
    await cli.see(f"schedule describe --schedule-id {one}", paused)
    await cli.see(f"schedule update --schedule-id {one} --interval 12h {action}")
    changed = {"schedule.spec.interval.0.interval": "43200s"}
    await cli.see(f"schedule describe --schedule-id {one}", changed)
    # Two of its times lie within these hours, which were long ago.
    await cli.see(
        f"schedule backfill --schedule-id {one} --overlap-policy AllowAll "
        "--start-time 2020-01-01T13:00:00Z --end-time 2020-01-02T12:00:00Z"
    )
    await until(lambda: has_acted(3))

    async def is_listed() -> bool:
        return any(row["scheduleId"] == one for row in (await cli.ask("schedule list")).json)

    await until(is_listed)
    await cli.see(f"schedule delete --schedule-id {one}")
    await cli.see(f"schedule describe --schedule-id {one}", code=1)


async def task_queues(cli: CommandLine, queue: str) -> None:
    """Who polls a queue, what limits it has, and the older ways to choose between workers."""
    described = await cli.see(f"task-queue describe --task-queue {queue}")
    kinds = {row["taskQueueType"] for row in described.at("pollers")}
    check(kinds == {"workflow", "activity"}, f"a worker polls both kinds of tasks, not {kinds}")
    limited = f"--task-queue {new_id('limited')} --task-queue-type activity"
    await cli.see(f"task-queue config set {limited} --queue-rps-limit 50")
    limit = {"queueRateLimit.rateLimit.requestsPerSecond": 50}
    await cli.see(f"task-queue config get {limited}", limit)
    ruled, rules = new_id("ruled"), "task-queue versioning"
    rule = f"{rules} insert-assignment-rule --task-queue {ruled} --yes --build-id"
    if await cli.see_where_allowed(f"{rule} 1.0"):
        await cli.see(f"{rule} 2.0 --percentage 25")
        await cli.see(
            f"{rules} get-rules --task-queue {ruled}",
            {"assignmentRules.0.targetBuildID": "2.0", "assignmentRules.0.rampPercentage": 25},
        )
    in_sets = f"--task-queue {new_id('sets')}"
    if await cli.see_where_allowed(
        f"task-queue update-build-ids add-new-default {in_sets} --build-id 1.0"
    ):
        await cli.see(f"task-queue get-build-ids {in_sets}", {"0.defaultForSet": "1.0"})


async def deployments(cli: CommandLine) -> None:
    """Versions of a worker: one gets all new runs, the next a quarter of them, at last none."""
    one = new_id("shop")
    of_it, confirmed = f"--deployment-name {one}", "--allow-no-pollers --yes"
    await cli.see(f"worker deployment create --name {one}")
    await cli.see(f"worker deployment set-current-version {of_it} --build-id 1.0 {confirmed}")
    ramp = f"worker deployment set-ramping-version {of_it}"
    await cli.see(f"{ramp} --build-id 2.0 --percentage 25 {confirmed}")
    routed = {
        "routingConfig.currentVersionBuildID": "1.0",
        "routingConfig.rampingVersionBuildID": "2.0",
        "routingConfig.rampingVersionPercentage": 25,
    }
    await cli.see(f"worker deployment describe --name {one}", routed)
    await cli.see(
        f"worker deployment describe-version {of_it} --build-id 2.0", {"rampPercentage": 25}
    )
    await cli.see(f"worker deployment delete-version {of_it} --build-id 2.0", code=1)
    await cli.see(f"{ramp} --delete --yes")
    await cli.see(f"worker deployment set-current-version {of_it} --unversioned {confirmed}")
    for build in ("1.0", "2.0"):
        await cli.see(
            f"worker deployment delete-version {of_it} --build-id {build} --skip-drainage"
        )
    await cli.see(f"worker deployment delete --name {one}")
    await cli.see(f"worker deployment describe --name {one}", code=1)


async def batches(cli: CommandLine) -> None:
    """Three runs that nobody works on, ended by one command."""
    queue = new_id("nobody")
    for _ in range(3):
        await cli.see(
            f"workflow start --type OrderWorkflow --task-queue {queue} "
            f"--workflow-id {new_id('order')} {ORDER_INPUT}"
        )
    query = f"--query \"TaskQueue = '{queue}' AND ExecutionStatus = 'Running'\""

    async def are_counted() -> bool:
        return (await cli.ask(f"workflow count {query}")).at("count") == "3"

    await until(are_counted)
    job = await cli.see(f"workflow terminate {query} --reason over --yes")
    describe = f"batch describe --job-id {job.at('batchJobId')}"

    async def is_done() -> bool:
        return (await cli.ask(describe)).at("state") == "BATCH_OPERATION_STATE_COMPLETED"

    await until(is_done)
    await cli.see(describe, {"totalOperationCount": "3", "completeOperationCount": "3"})
    listed = await cli.see("batch list")
    check(any(row["jobId"] == job.at("batchJobId") for row in listed.json), "the job is listed")


async def activities(cli: CommandLine, queue: str) -> None:
    """Activities without a workflow: one is executed, one waits in vain and is cancelled."""
    one, late = new_id("reserve"), new_id("late")
    begin = f"--type reserve --start-to-close-timeout 10s {LAMP_INPUT} --activity-id"
    await cli.see(
        f"activity execute {begin} {one} --task-queue {queue}",
        {"status": "COMPLETED", "result": 2},
    )
    idle = new_id("nobody")
    await cli.see(f"activity start {begin} {late} --task-queue {idle}", {"activityId": late})
    waits = {"info.activityType.name": "reserve", "info.attempt": 1}
    await cli.see(f"activity describe --activity-id {late}", waits)
    await cli.see(f"activity cancel --activity-id {late} --reason 'too late'")
    refused = {"failure.canceledFailureInfo.details.0": "too late"}
    await cli.see(f"activity result --activity-id {late}", refused, code=1)
    query = f"--query \"ActivityId = '{one}'\""

    async def is_counted() -> bool:
        return (await cli.ask(f"activity count {query}")).at("count") == "1"

    await until(is_counted)
    await cli.see(f"activity list {query}", {"0.activityId": one})


async def cluster(cli: CommandLine, address: str) -> None:
    """What an operator asks for: the cluster, a namespace, a search attribute, an endpoint."""
    await cli.see("operator cluster health", {"status": "SERVING"})
    await cli.see("operator cluster system", {"capabilities.supportsSchedules": True})
    described = await cli.see("operator cluster describe")
    check(described.at("historyShardCount") >= 1, "the cluster has shards")
    space = new_id("space")
    anywhere = replace(cli, options=("--address", address))
    await anywhere.see(f"operator namespace create --namespace {space} --retention 48h")
    kept = {"config.workflowExecutionRetentionTtl": "172800s"}
    await anywhere.see(f"operator namespace describe --namespace {space}", kept)
    await anywhere.see(f"operator namespace update --namespace {space} --description tour")
    told = {"namespaceInfo.description": "tour"}
    await anywhere.see(f"operator namespace describe --namespace {space}", told)
    await anywhere.see(f"operator namespace delete --namespace {space} --yes")
    await anywhere.see(f"operator namespace describe --namespace {space}", code=1)
    color = new_id("Color").replace("-", "")
    await cli.see(f"operator search-attribute create --name {color} --type Keyword")
    typed = {f"customAttributes.{color}": "INDEXED_VALUE_TYPE_KEYWORD"}
    await cli.see("operator search-attribute list", typed)
    await cli.see(f"operator search-attribute remove --name {color} --yes")
    till = new_id("till")
    leads = "--target-namespace default --target-task-queue tills"
    await cli.see(f"operator nexus endpoint create --name {till} {leads}")
    where = {"spec.target.worker.taskQueue": "tills"}
    await cli.see(f"operator nexus endpoint get --name {till}", where)
    await cli.see(f"operator nexus endpoint delete --name {till}")
    await cli.see(f"operator nexus endpoint get --name {till}", code=1)


async def main() -> None:
    """Group by group."""
    options = parse_options()
    client = await connect()
    cli = command_line(client)
    async with working(client, options, workflows=WORKFLOWS, activities=ACTIVITIES):
        await schedules(cli, options.task_queue)
        await task_queues(cli, options.task_queue)
        await activities(cli, options.task_queue)
    await deployments(cli)
    await batches(cli)
    await cluster(cli, client.service_client.config.target_host)
    cli.conclude()


if __name__ == "__main__":
    run(main)
