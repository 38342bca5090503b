"""Task queues: who polls, and what waits."""

from datetime import timedelta
from typing import Final

from temporalio.api.enums.v1 import (
    BuildIdTaskReachability,
    DescribeTaskQueueMode,
    TaskQueueType,
)
from temporalio.api.taskqueue.v1 import (
    TaskQueue,
    TaskQueueTypeInfo,
    TaskQueueVersionSelection,
)
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    ListTaskQueuePartitionsRequest,
)

from indelible.cli.session import Session
from indelible.cli.values import Json, shown_duration
from indelible.cli.verbs import legacy_queues
from indelible.cli.verbs.messages import plain_number, precise, queue_type, short_name

_UNVERSIONED: Final = "UNVERSIONED"


async def describe(session: Session) -> None:
    """Show who polls and what waits."""
    options = session.options
    if options.legacy_mode:
        await legacy_queues.describe(session)
        return
    is_selective = (
        options.select_build_id or options.select_unversioned or options.select_all_active
    )
    answer = await session.workflows.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=session.namespace,
            task_queue=TaskQueue(name=options.task_queue),
            api_mode=DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED,
            versions=(
                TaskQueueVersionSelection(
                    build_ids=options.select_build_id,
                    unversioned=bool(options.select_unversioned),
                    all_active=bool(options.select_all_active),
                )
                if is_selective
                else None
            ),
            task_queue_types=[queue_type(word) for word in options.task_queue_type],
            report_pollers=True,
            report_stats=not options.disable_stats,
            report_task_reachability=bool(options.report_reachability),
        )
    )
    _print(session, answer)


def _print(session: Session, answer: DescribeTaskQueueResponse) -> None:
    output, options = session.output, session.options
    reachability: list[Json] = []
    stats: list[Json] = []
    pollers: list[Json] = []
    # What has no version comes first.
    for build_id in sorted(answer.versions_info):
        version = answer.versions_info[build_id]
        shown_id = build_id or _UNVERSIONED
        reached = short_name(BuildIdTaskReachability, version.task_reachability)
        reachability.append(
            {"buildId": shown_id, "reachability": f"{reached[0].lower()}{reached[1:]}"}
        )
        for number in sorted(version.types_info):
            name = short_name(TaskQueueType, number).casefold()
            base: dict[str, Json] = {"buildId": shown_id, "taskQueueType": name}
            of_type = version.types_info[number]
            stats.append({**base, **_stats(of_type)})
            pollers += [{**base, **one} for one in _pollers(of_type)]
    document: dict[str, Json] = {
        "reachability": (reachability or None) if options.report_reachability else None,
        "pollers": pollers or None,
        "stats": None if options.disable_stats else (stats or None),
    }
    output.document(document)
    if output.is_json:
        return
    if options.report_reachability:
        _table(session, "Reachability:", reachability)
    if not options.disable_stats:
        _table(session, "What waits:", stats)
    _table(session, "Pollers:", pollers)


def _stats(of_type: TaskQueueTypeInfo) -> dict[str, Json]:
    stats = of_type.stats
    return {
        "approximateBacklogCount": stats.approximate_backlog_count,
        "approximateBacklogAge": shown_duration(
            stats.approximate_backlog_age.ToTimedelta() or timedelta()
        ),
        "backlogIncreaseRate": plain_number(stats.tasks_add_rate - stats.tasks_dispatch_rate),
        "tasksAddRate": plain_number(stats.tasks_add_rate),
        "tasksDispatchRate": plain_number(stats.tasks_dispatch_rate),
    }


def _pollers(of_type: TaskQueueTypeInfo) -> list[dict[str, Json]]:
    return [
        {
            "identity": one.identity,
            "lastAccessTime": precise(one.last_access_time),
            "ratePerSecond": plain_number(one.rate_per_second),
        }
        for one in of_type.pollers
    ]


def _table(session: Session, title: str, rows: list[Json]) -> None:
    session.output.title(title)
    records = [row for row in rows if isinstance(row, dict)]
    if not records:
        session.output.say("  none")
        return
    keys = list(records[0])
    session.output.table(
        [f"{key[0].upper()}{key[1:]}" for key in keys],
        [[row.get(key) for key in keys] for row in records],
    )


async def list_partitions(session: Session) -> None:
    """List partitions."""
    answer = await session.workflows.list_task_queue_partitions(
        ListTaskQueuePartitionsRequest(
            namespace=session.namespace, task_queue=TaskQueue(name=session.options.task_queue)
        )
    )
    output = session.output
    output.message(answer)
    for title, partitions in (
        ("Workflow partitions:", answer.workflow_task_queue_partitions),
        ("Activity partitions:", answer.activity_task_queue_partitions),
    ):
        output.title(title)
        output.table(
            ("Key", "OwnerHostName"), [(one.key, one.owner_host_name) for one in partitions]
        )
