"""`task-queue describe --legacy-mode`: one kind of queue, partition by partition.

Owns the form that this has on the reference's command line: its records are printed under the names
of their fields, with times and kinds as numbers.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TypeGuard

from google.protobuf.message import Message
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue, TaskQueueVersioningInfo
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse

from indelible.cli.output import Output
from indelible.cli.session import Session
from indelible.cli.values import Json, ValueRefusedError
from indelible.cli.verbs.messages import queue_type, when
from indelible.cli.verbs.queue_config import print_config

_PARTITIONS_MAX: Final = 1_000


async def describe(session: Session) -> None:
    """Show who polls each partition."""
    options, output = session.options, session.output
    count: int = options.partitions_legacy
    if not 0 < count <= _PARTITIONS_MAX:
        raise ValueRefusedError(f"--partitions-legacy is 1 to {_PARTITIONS_MAX}, not {count}")
    answers = [await _asked(session, partition) for partition in range(count)]
    pollers = [
        (partition, poller) for partition, one in enumerate(answers) for poller in one.pollers
    ]
    root = answers[0]
    document: dict[str, Json] = {
        "pollers": [{"partition": number, **_fields(one)} for number, one in pollers] or None,
        "taskQueues": [
            {"partition": number, **_fields(one.task_queue_status)}
            for number, one in enumerate(answers)
        ],
    }
    if root.HasField("config"):
        document["config"] = _fields(root.config)
    if root.HasField("versioning_info"):
        document["versioning_info"] = _fields(root.versioning_info)
    output.document(document)
    _print(output, root, [poller for _, poller in pollers])


async def _asked(session: Session, partition: int) -> DescribeTaskQueueResponse:
    options = session.options
    name: str = options.task_queue
    return await session.workflows.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=session.namespace,
            # The names that the reference gives to partitions beside the first.
            task_queue=TaskQueue(name=f"/_sys/{name}/{partition}" if partition else name),
            task_queue_type=queue_type(options.task_queue_type_legacy),
            include_task_queue_status=True,
            report_config=bool(options.report_config),
        )
    )


def _fields(message: Message) -> dict[str, Json]:
    """Return a message as a record of its fields: what is not set is left out."""
    return {field.name: _plain(value) for field, value in message.ListFields()}


def _plain(value: object) -> Json:
    if isinstance(value, Message):
        return dict(_fields(value))
    if _is_map(value):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    # There are no lists in these records.
    return value if isinstance(value, int | str) else str(value)


def _is_map(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping)


def _print(output: Output, root: DescribeTaskQueueResponse, pollers: list[PollerInfo]) -> None:
    if output.is_json:
        return
    output.title("Pollers:")
    rows = [
        (one.identity, when(one.last_access_time), f"{one.rate_per_second:g}") for one in pollers
    ]
    output.table(("Identity", "LastAccessTime", "RatePerSecond"), rows)
    if root.HasField("config"):
        output.title("Limits and weights:")
        print_config(output, root.config)
    elif root.HasField("versioning_info"):
        output.title("Versions:")
        output.card(_versions(root.versioning_info))


def _versions(known: TaskQueueVersioningInfo) -> dict[str, str | float | datetime | None]:
    updated = known.update_time
    return {
        "CurrentVersion": _version(known.current_deployment_version) or "unversioned",
        "RampingVersion": _version(known.ramping_deployment_version),
        "RampingVersionPercentage": known.ramping_version_percentage or None,
        "UpdateTime": updated.ToDatetime(UTC) if updated.seconds else None,
    }


def _version(version: WorkerDeploymentVersion) -> str:
    return f"{version.deployment_name}:{version.build_id}" if version.build_id else ""
