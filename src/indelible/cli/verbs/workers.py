"""The workers that tell the server how they are."""

from collections.abc import Iterable, Iterator, Sequence

from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.worker.v1 import WorkerHeartbeat, WorkerInfo, WorkerPollerInfo, WorkerSlotsInfo
from temporalio.api.workflowservice.v1 import (
    CountWorkersRequest,
    DescribeWorkerRequest,
    ListWorkersRequest,
)

from indelible.cli.output import Color, Output, Shown
from indelible.cli.session import Session
from indelible.cli.verbs.listing import page_size, print_list
from indelible.cli.verbs.messages import how_long, short_name, when

_COLORS = {"Running": Color.GREEN, "ShuttingDown": Color.YELLOW}


async def list_workers(session: Session) -> None:
    """List workers."""
    options = session.options

    async def page(token: bytes) -> tuple[Iterable[WorkerInfo], bytes]:
        answer = await session.workflows.list_workers(
            ListWorkersRequest(
                namespace=session.namespace,
                page_size=page_size(session),
                next_page_token=token,
                query=options.query or "",
                include_system_workers=bool(options.include_system_workers),
            )
        )
        return answer.workers_info, answer.next_page_token

    def row(worker: WorkerInfo) -> Sequence[Shown]:
        beat = worker.worker_heartbeat
        return (
            beat.worker_instance_key,
            _status(session.output, beat),
            beat.task_queue,
            beat.worker_identity,
            beat.host_info.host_name,
            version_text(beat.deployment_version),
            when(beat.heartbeat_time),
        )

    headings = (
        "WorkerInstanceKey",
        "Status",
        "TaskQueue",
        "WorkerIdentity",
        "HostName",
        "Deployment",
        "HeartbeatTime",
    )
    await print_list(session, page, headings, row)


async def count(session: Session) -> None:
    """Count workers."""
    answer = await session.workflows.count_workers(
        CountWorkersRequest(
            namespace=session.namespace,
            query=session.options.query or "",
            include_system_workers=bool(session.options.include_system_workers),
        )
    )
    session.output.message(answer)
    session.output.say(f"Total: {answer.count}")


async def describe(session: Session) -> None:
    """Show a worker."""
    answer = await session.workflows.describe_worker(
        DescribeWorkerRequest(
            namespace=session.namespace, worker_instance_key=session.options.worker_instance_key
        )
    )
    session.output.message(answer.worker_info)
    _print(session.output, answer.worker_info.worker_heartbeat)


def version_text(version: WorkerDeploymentVersion) -> str:
    """Return `NAME@BUILD_ID`, or what there is of it."""
    return "@".join(part for part in (version.deployment_name, version.build_id) if part)


def _status(output: Output, beat: WorkerHeartbeat) -> str:
    name = short_name(WorkerStatus, beat.status)
    return output.colored(name, _COLORS.get(name))


def _print(output: Output, beat: WorkerHeartbeat) -> None:
    host = beat.host_info
    plugins = (f"{plugin.name} {plugin.version}".strip() for plugin in beat.plugins)
    output.card(
        {
            "WorkerInstanceKey": beat.worker_instance_key,
            "WorkerIdentity": beat.worker_identity,
            "Status": _status(output, beat),
            "TaskQueue": beat.task_queue,
            "Deployment": version_text(beat.deployment_version),
            "Sdk": f"{beat.sdk_name} {beat.sdk_version}".strip(),
            "StartTime": when(beat.start_time),
            "HeartbeatTime": when(beat.heartbeat_time),
            "ElapsedSinceLastHeartbeat": how_long(beat.elapsed_since_last_heartbeat),
            "HostName": host.host_name,
            "ProcessId": host.process_id,
            "WorkerGroupingKey": host.worker_grouping_key,
            "HostCPUUsage": f"{host.current_host_cpu_usage:.0%}",
            "HostMemUsage": f"{host.current_host_mem_usage:.0%}",
            "StickyCacheSize": beat.current_sticky_cache_size,
            "StickyCacheHits": beat.total_sticky_cache_hit,
            "StickyCacheMisses": beat.total_sticky_cache_miss,
            "Plugins": ", ".join(plugins),
        }
    )
    slots = list(_slots(beat))
    if slots:
        output.title("Slots:")
        output.table(
            ("Of", "Used", "Available", "Supplier", "Processed", "Failed", "LastProcessed"), slots
        )
    pollers = list(_pollers(beat))
    if pollers:
        output.title("Pollers:")
        output.table(("Of", "Pollers", "LastSuccessfulPollTime", "IsAutoscaling"), pollers)


def _slots(beat: WorkerHeartbeat) -> Iterator[Sequence[Shown]]:
    kinds: tuple[tuple[str, WorkerSlotsInfo], ...] = (
        ("workflow tasks", beat.workflow_task_slots_info),
        ("activity tasks", beat.activity_task_slots_info),
        ("Nexus tasks", beat.nexus_task_slots_info),
        ("local activities", beat.local_activity_slots_info),
    )
    for kind, slots in kinds:
        if slots.ByteSize():
            yield (
                kind,
                slots.current_used_slots,
                slots.current_available_slots,
                slots.slot_supplier_kind,
                slots.total_processed_tasks,
                slots.total_failed_tasks,
                slots.last_interval_processed_tasks,
            )


def _pollers(beat: WorkerHeartbeat) -> Iterator[Sequence[Shown]]:
    kinds: tuple[tuple[str, WorkerPollerInfo], ...] = (
        ("workflow tasks", beat.workflow_poller_info),
        ("sticky workflow tasks", beat.workflow_sticky_poller_info),
        ("activity tasks", beat.activity_poller_info),
        ("Nexus tasks", beat.nexus_poller_info),
    )
    for kind, pollers in kinds:
        if pollers.ByteSize():
            yield (
                kind,
                pollers.current_pollers,
                when(pollers.last_successful_poll_time),
                pollers.is_autoscaling,
            )
