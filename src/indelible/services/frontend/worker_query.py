"""Which workers a query asks for.

Owns the columns of a worker (semantics 10.5). What a query says of them is for
`engine.visibility.predicates` to read.
"""

from collections.abc import Callable, Mapping
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.worker.v1 import WorkerHeartbeat

from indelible.base.facts import Fact, FactKind
from indelible.base.instants import Instant, instant
from indelible.engine.visibility.predicates import compile_predicate


def worker_test(query: str) -> Callable[[WorkerHeartbeat], bool]:
    """Return what tells whether a worker meets a query; raise `InvalidArgumentError`.

    The reference (1.32) finds no worker for many a query that means nothing; here it is refused.
    """
    if not query.strip():
        return lambda _: True
    is_met = compile_predicate(query, _KINDS)
    return lambda heartbeat: is_met(_HeartbeatFacts(heartbeat))


class _HeartbeatFacts:
    """What a heartbeat says, read as far as a query asks."""

    __slots__ = ("_heartbeat",)

    def __init__(self, heartbeat: WorkerHeartbeat) -> None:
        self._heartbeat = heartbeat

    def __getitem__(self, name: str, /) -> Fact:
        """Return a column. Texts are compared though they are empty, as in the reference."""
        text = _TEXTS.get(name)
        return _TIMES[name](self._heartbeat) if text is None else text(self._heartbeat)


def _status_name(heartbeat: WorkerHeartbeat) -> str:
    if heartbeat.status not in WorkerStatus.values():
        return ""
    words = WorkerStatus.Name(heartbeat.status).removeprefix("WORKER_STATUS_").split("_")
    return "".join(word.capitalize() for word in words)


def _time(message: Timestamp) -> Instant | None:
    return instant(message) or None


_TEXTS: Final[Mapping[str, Callable[[WorkerHeartbeat], str]]] = {
    "WorkerInstanceKey": lambda heartbeat: heartbeat.worker_instance_key,
    "WorkerIdentity": lambda heartbeat: heartbeat.worker_identity,
    "HostName": lambda heartbeat: heartbeat.host_info.host_name,
    "TaskQueue": lambda heartbeat: heartbeat.task_queue,
    "DeploymentName": lambda heartbeat: heartbeat.deployment_version.deployment_name,
    "BuildId": lambda heartbeat: heartbeat.deployment_version.build_id,
    "SdkName": lambda heartbeat: heartbeat.sdk_name,
    "SdkVersion": lambda heartbeat: heartbeat.sdk_version,
    "WorkerStatus": _status_name,
    "Status": _status_name,
    "status": _status_name,
}
_TIMES: Final[Mapping[str, Callable[[WorkerHeartbeat], Instant | None]]] = {
    "StartTime": lambda heartbeat: _time(heartbeat.start_time),
    "HeartbeatTime": lambda heartbeat: _time(heartbeat.heartbeat_time),
}
_KINDS: Final[Mapping[str, FactKind]] = {
    **dict.fromkeys(_TEXTS, FactKind.TEXT),
    **dict.fromkeys(_TIMES, FactKind.TIME),
}
