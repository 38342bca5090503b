"""The part of the recorded history that is about schedules."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from google.protobuf.message import Message
from temporalio.api.workflowservice import v1 as api

from indelible.base.instants import Instant
from indelible.engine.namespace.record import Namespace


@dataclass
class RecordedSchedules:
    """Says yes to everything and remembers what it was asked."""

    calls: list[tuple[str, Message]] = field(default_factory=list)
    times: Sequence[Instant] = ()
    deleted_schedules: list[str] = field(default_factory=list)

    async def create_schedule(
        self, namespace: Namespace, request: api.CreateScheduleRequest
    ) -> bytes:
        self.calls.append(("create_schedule", request))
        return b"token"

    async def describe_schedule(
        self, namespace: Namespace, schedule_id: str
    ) -> api.DescribeScheduleResponse:
        return api.DescribeScheduleResponse(conflict_token=schedule_id.encode())

    async def update_schedule(
        self, namespace: Namespace, request: api.UpdateScheduleRequest
    ) -> None:
        self.calls.append(("update_schedule", request))

    async def patch_schedule(self, namespace: Namespace, request: api.PatchScheduleRequest) -> None:
        self.calls.append(("patch_schedule", request))

    async def schedule_times(
        self, namespace: Namespace, schedule_id: str, start: Instant, end: Instant, count_max: int
    ) -> Sequence[Instant]:
        return [at for at in self.times if start < at <= end][:count_max]

    async def delete_schedule(self, namespace: Namespace, schedule_id: str) -> None:
        self.deleted_schedules.append(schedule_id)
