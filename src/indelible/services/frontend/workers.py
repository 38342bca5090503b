"""The workers that report themselves, and their shutdown.

Owns the latest heartbeat of each worker, in memory: kept five minutes, bounded in number (semantics
10.5). A restart forgets them, and the next heartbeats bring them back.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
from google.protobuf.message import Message
from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.worker.v1 import WorkerHeartbeat, WorkerInfo, WorkerListInfo
from temporalio.api.workflowservice.v1 import (
    CountWorkersRequest,
    CountWorkersResponse,
    DescribeWorkerRequest,
    DescribeWorkerResponse,
    ListWorkersRequest,
    ListWorkersResponse,
    RecordWorkerHeartbeatRequest,
    RecordWorkerHeartbeatResponse,
    ShutdownWorkerRequest,
    ShutdownWorkerResponse,
)

from indelible.base.errors import InvalidArgumentError, NotFoundError
from indelible.base.ids import NamespaceId
from indelible.base.instants import MINUTE, Duration, Instant, elapsed
from indelible.engine.namespace.record import Namespace
from indelible.ports.clock import Clock
from indelible.ports.rpc import Call
from indelible.services.frontend.backends import Matching
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.validation import check_identity, check_length
from indelible.services.frontend.worker_query import worker_test

WORKERS_REMEMBERED_MAX: Final = 100_000
WORKER_REMEMBERED: Final = Duration(5 * MINUTE)
_SYSTEM_QUEUE_PREFIX: Final = "temporal-sys-"


class _Key(NamedTuple):
    """A worker: its instance key is unique within its namespace."""

    namespace_id: NamespaceId
    instance_key: str


class _Sighting(NamedTuple):
    """A heartbeat and when it came, by the node's clock."""

    heartbeat: WorkerHeartbeat
    seen_at: Instant


class _PageToken(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last worker of the page before, as the reference writes it."""

    last_instance_key: str = msgspec.field(default="", name="l")


_page_tokens: Final = msgspec.json.Decoder(_PageToken | None)


class WorkerHandlers:
    """Answers the requests about workers."""

    def __init__(
        self, *, matching: Matching, clock: Clock, workers_max: int = WORKERS_REMEMBERED_MAX
    ) -> None:
        self._matching = matching
        self._clock = clock
        self._workers_max = workers_max
        # The one that was silent for longest comes first.
        self._workers: OrderedDict[_Key, _Sighting] = OrderedDict()

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "RecordWorkerHeartbeat": namespace_route(RecordWorkerHeartbeatRequest, self._record),
            "ListWorkers": namespace_route(ListWorkersRequest, self._list),
            "CountWorkers": namespace_route(CountWorkersRequest, self._count),
            "DescribeWorker": namespace_route(DescribeWorkerRequest, self._describe),
            "ShutdownWorker": namespace_route(ShutdownWorkerRequest, self._shutdown),
        }

    async def _record(
        self, request: RecordWorkerHeartbeatRequest, namespace: Namespace, _call: Call
    ) -> Message:
        for heartbeat in request.worker_heartbeat:
            self._saw(namespace.id, heartbeat)
        return RecordWorkerHeartbeatResponse()

    async def _list(
        self, request: ListWorkersRequest, namespace: Namespace, _call: Call
    ) -> Message:
        after = _last_instance_key(request.next_page_token)
        found = sorted(
            (worker for worker in self._wanted(request, namespace) if _key_of(worker) > after),
            key=_key_of,
        )
        page = found[: request.page_size] if request.page_size > 0 else found
        token = b""
        if len(page) < len(found):
            token = msgspec.json.encode(_PageToken(_key_of(page[-1])))
        return ListWorkersResponse(
            workers_info=[WorkerInfo(worker_heartbeat=worker) for worker in page],
            workers=[_list_entry(worker) for worker in page],
            next_page_token=token,
        )

    async def _count(
        self, request: CountWorkersRequest, namespace: Namespace, _call: Call
    ) -> Message:
        return CountWorkersResponse(count=sum(1 for _ in self._wanted(request, namespace)))

    async def _describe(
        self, request: DescribeWorkerRequest, namespace: Namespace, _call: Call
    ) -> Message:
        self._forget_silent()
        sighting = self._workers.get(_Key(namespace.id, request.worker_instance_key))
        if sighting is None:
            raise NotFoundError(f"Worker {request.worker_instance_key} not found")
        return DescribeWorkerResponse(worker_info=WorkerInfo(worker_heartbeat=sighting.heartbeat))

    async def _shutdown(
        self, request: ShutdownWorkerRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_identity(request.identity)
        check_length(request.worker_instance_key, "WorkerInstanceKey")
        if request.HasField("worker_heartbeat"):
            self._saw(namespace.id, request.worker_heartbeat)
        self._matching.shutdown_worker(namespace.id, request)
        return ShutdownWorkerResponse()

    def _saw(self, namespace_id: NamespaceId, heartbeat: WorkerHeartbeat) -> None:
        if not heartbeat.worker_instance_key:
            return
        check_length(heartbeat.worker_instance_key, "WorkerInstanceKey")
        key = _Key(namespace_id, heartbeat.worker_instance_key)
        self._workers.pop(key, None)
        if heartbeat.status != WorkerStatus.WORKER_STATUS_SHUTDOWN:
            self._workers[key] = _Sighting(heartbeat, self._clock.now())
        self._forget_silent()

    def _wanted(
        self, request: ListWorkersRequest | CountWorkersRequest, namespace: Namespace
    ) -> Iterator[WorkerHeartbeat]:
        is_wanted = worker_test(request.query)
        self._forget_silent()
        for key, sighting in self._workers.items():
            worker = sighting.heartbeat
            if (
                key.namespace_id == namespace.id
                and (request.include_system_workers or not _is_of_system(worker))
                and is_wanted(worker)
            ):
                yield worker

    def _forget_silent(self) -> None:
        now = self._clock.now()
        while self._workers:
            oldest = next(iter(self._workers.values()))
            is_silent = elapsed(oldest.seen_at, now) > WORKER_REMEMBERED
            if not is_silent and len(self._workers) <= self._workers_max:
                return
            self._workers.popitem(last=False)


def _key_of(worker: WorkerHeartbeat) -> str:
    return worker.worker_instance_key


def _is_of_system(worker: WorkerHeartbeat) -> bool:
    """Whether a worker serves a queue that the reference keeps for its own workflows."""
    return worker.task_queue.startswith(_SYSTEM_QUEUE_PREFIX)


def _last_instance_key(token: bytes) -> str:
    try:
        decoded = _page_tokens.decode(token) if token else None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidArgumentError("invalid next_page_token") from error
    return decoded.last_instance_key if decoded else ""


def _list_entry(heartbeat: WorkerHeartbeat) -> WorkerListInfo:
    host = heartbeat.host_info
    entry = WorkerListInfo(
        worker_instance_key=heartbeat.worker_instance_key,
        worker_identity=heartbeat.worker_identity,
        task_queue=heartbeat.task_queue,
        sdk_name=heartbeat.sdk_name,
        sdk_version=heartbeat.sdk_version,
        status=heartbeat.status,
        host_name=host.host_name,
        worker_grouping_key=host.worker_grouping_key,
        process_id=host.process_id,
        plugins=heartbeat.plugins,
        drivers=heartbeat.drivers,
    )
    if heartbeat.HasField("deployment_version"):
        entry.deployment_version.CopyFrom(heartbeat.deployment_version)
    if heartbeat.HasField("start_time"):
        entry.start_time.CopyFrom(heartbeat.start_time)
    return entry
