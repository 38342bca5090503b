"""Which workers a query asks for.

Owns the columns of a worker and the evaluation of a query over one heartbeat (semantics 10.5). The
grammar is that of visibility queries.
"""

from collections.abc import Callable, Mapping
from typing import Final

from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.worker.v1 import WorkerHeartbeat

from indelible.base.instants import Instant, instant
from indelible.engine.visibility.datetimes import parse_rfc3339
from indelible.engine.visibility.query_syntax import (
    Condition,
    Conjunction,
    Disjunction,
    Expression,
    Literal,
    Negation,
    invalid,
    not_supported,
    parse,
)


def _status_name(heartbeat: WorkerHeartbeat) -> str:
    if heartbeat.status not in WorkerStatus.values():
        return ""
    words = WorkerStatus.Name(heartbeat.status).removeprefix("WORKER_STATUS_").split("_")
    return "".join(word.capitalize() for word in words)


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
}
_TIMES: Final[Mapping[str, Callable[[WorkerHeartbeat], Instant]]] = {
    "StartTime": lambda heartbeat: instant(heartbeat.start_time),
    "HeartbeatTime": lambda heartbeat: instant(heartbeat.heartbeat_time),
}

Test = Callable[[WorkerHeartbeat], bool]


def worker_test(query: str) -> Test:
    """Return what tells whether a worker meets a query; raise `InvalidArgumentError`."""
    parsed = parse(query)
    if parsed.group_by:
        raise not_supported("'GROUP BY' clause")
    if parsed.order_by:
        raise not_supported("'ORDER BY' clause")
    if parsed.where is None:
        return lambda _: True
    return _test(parsed.where)


def _test(expression: Expression) -> Test:
    match expression:
        case Conjunction(parts):
            tests = [_test(part) for part in parts]
            return lambda heartbeat: all(test(heartbeat) for test in tests)
        case Disjunction(parts):
            tests = [_test(part) for part in parts]
            return lambda heartbeat: any(test(heartbeat) for test in tests)
        case Negation(Condition(operator="starts_with") as condition):
            test = _condition_test(condition)
            return lambda heartbeat: not test(heartbeat)
        case Negation():
            raise not_supported("NOT")
        case Condition():
            return _condition_test(expression)


def _condition_test(condition: Condition) -> Test:
    if condition.column in _TEXTS:
        return _text_test(condition, _TEXTS[condition.column])
    if condition.column in _TIMES:
        return _time_test(condition, _TIMES[condition.column])
    raise invalid(f"column name '{condition.column}' is not a valid search attribute")


def _text_test(condition: Condition, read: Callable[[WorkerHeartbeat], str]) -> Test:
    values = [_text(condition, literal) for literal in condition.values]
    match condition.operator:
        case "=":
            return lambda heartbeat: read(heartbeat) == values[0]
        case "!=":
            return lambda heartbeat: read(heartbeat) != values[0]
        case "starts_with":
            return lambda heartbeat: read(heartbeat).startswith(values[0])
        case "in":
            return lambda heartbeat: read(heartbeat) in values
        case "is null":
            return lambda heartbeat: not read(heartbeat)
        case "is not null":
            return lambda heartbeat: bool(read(heartbeat))
        case _:
            raise _unsupported(condition)


def _time_test(condition: Condition, read: Callable[[WorkerHeartbeat], Instant]) -> Test:
    values = [_time(condition, literal) for literal in condition.values]
    compared: Mapping[str, Callable[[Instant], bool]] = {
        "=": lambda at: at == values[0],
        "!=": lambda at: at != values[0],
        "<": lambda at: at < values[0],
        "<=": lambda at: at <= values[0],
        ">": lambda at: at > values[0],
        ">=": lambda at: at >= values[0],
        "between": lambda at: values[0] <= at <= values[1],
        "is null": lambda at: not at,
        "is not null": bool,
    }
    if condition.operator not in compared:
        raise _unsupported(condition)
    compare = compared[condition.operator]
    return lambda heartbeat: compare(read(heartbeat))


def _text(condition: Condition, literal: Literal) -> str:
    if not isinstance(literal, str):
        raise invalid(f"invalid value for {condition.column}: {literal}")
    return literal


def _time(condition: Condition, literal: Literal) -> Instant:
    at = parse_rfc3339(literal) if isinstance(literal, str) else None
    if at is None:
        raise invalid(f"unable to parse datetime '{literal}' of {condition.column}")
    return at


def _unsupported(condition: Condition) -> Exception:
    return not_supported(f"operator '{condition.operator.upper()}' on '{condition.column}'")
