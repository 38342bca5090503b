"""What a visibility query asks for, in terms of the searchable row.

Owns the meaning of a query: names of columns, types of values, and the form in which a store
answers: a tree of comparisons without negations. Must not know how a query is spelled:
`query_syntax` does.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from temporalio.api.enums.v1 import (
    ActivityExecutionStatus,
    NexusOperationExecutionStatus,
    WorkflowExecutionStatus,
)

from indelible.base.duration_text import parse_duration
from indelible.base.errors import InvalidArgumentError
from indelible.base.instants import HOUR, MINUTE, SECOND, Instant
from indelible.engine.visibility.datetimes import parse_rfc3339
from indelible.engine.visibility.filters import (
    Comparison,
    Filter,
    all_of,
    any_of,
    comparisons_of,
    conjuncts,
    depth_of,
    operands,
)
from indelible.engine.visibility.ordering import SortKey
from indelible.engine.visibility.query_syntax import (
    Condition,
    Conjunction,
    Disjunction,
    Expression,
    Literal,
    Negation,
    Order,
    invalid,
    not_supported,
    parse,
    pointed,
)
from indelible.engine.visibility.search_attributes import (
    BOOL,
    DATETIME,
    DOUBLE,
    INT,
    KEYWORD,
    KEYWORD_LIST,
    NAMESPACE_DIVISION,
    PREDEFINED,
    RESERVED_PREFIX,
    SYSTEM,
    TEXT,
    TYPE_NAMES,
    CustomTypes,
    text_words,
)

COMPARISONS_MAX: Final = 1_000
SORT_KEYS_MAX: Final = 5
VALUES_MAX: Final = 10_000
"""Each becomes a parameter of a SQL statement, which may have some 32,000."""
ALTERNATIONS_MAX: Final = 16
"""ANDs in ORs in ANDs. SQLite's parser has a stack of 100 symbols; three of them for each."""
_DURATION_CHARACTERS_MAX: Final = 100

Scalar = str | int | float | bool
_STATUS: Final = "ExecutionStatus"
_DURATION: Final = "ExecutionDuration"
_ROW_FIELDS: Final[Mapping[str, str]] = {
    "WorkflowId": "workflow_id",
    "RunId": "run_id",
    "WorkflowType": "workflow_type",
    "StartTime": "start_time",
    "ExecutionTime": "execution_time",
    "CloseTime": "close_time",
    _STATUS: "status",
    "TaskQueue": "task_queue",
    _DURATION: "execution_duration",
    "HistoryLength": "history_length",
    "StateTransitionCount": "state_transition_count",
    "HistorySizeBytes": "history_size_bytes",
    "ParentWorkflowId": "parent_workflow_id",
    "ParentRunId": "parent_run_id",
    "RootWorkflowId": "root_workflow_id",
    "RootRunId": "root_run_id",
}
_KNOWN_WHEN_CLOSED: Final = frozenset({"HistoryLength", "StateTransitionCount", "HistorySizeBytes"})
_IS_CLOSED: Final = Comparison(
    field="close_time", is_search_attribute=False, operator="is not null"
)
NOT_OWN: Final = Comparison(field=NAMESPACE_DIVISION, is_search_attribute=True, operator="is null")
"""Met by every execution that is none of the service's own."""
_CLOCK: Final = re.compile(r"([0-9]{1,6}):([0-5]?[0-9]):([0-5]?[0-9])")
_RANGE: Final = ("<", "<=", ">", ">=")
_OPERATORS: Final[Mapping[int, tuple[str, ...]]] = {
    KEYWORD: ("=", "!=", *_RANGE, "in", "starts_with", "between"),
    KEYWORD_LIST: ("=", "!=", "in"),
    TEXT: ("=", "!="),
    INT: ("=", "!=", *_RANGE, "in", "between"),
    DOUBLE: ("=", "!=", *_RANGE, "in", "between"),
    DATETIME: ("=", "!=", *_RANGE, "in", "between"),
    BOOL: ("=", "!=", *_RANGE, "in"),
}
_OPPOSITES: Final = {
    "=": "!=",
    "!=": "=",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
    "in": "not in",
    "starts_with": "not starts_with",
    "is null": "is not null",
    "is not null": "is null",
}


class Vocabulary(msgspec.Struct, frozen=True):
    """What is special about the queries for one kind of entity."""

    aliases: Mapping[str, str]
    """Its names of columns that all kinds have."""
    statuses: Mapping[str, int]
    """The spellings of each status, in the order in which they are tried."""
    attributes: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    """Its own keyword attributes: the name, and the key under which rows have the value."""
    attribute_types: Mapping[str, int] = msgspec.field(default_factory=dict[str, int])
    """The types of those that are no keywords."""
    hides: frozenset[str] = frozenset()
    """Attributes of the service that mean nothing for this kind, and may not be asked for."""


def _spellings_of(statuses: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {
        spelling: number
        for name, number in statuses.items()
        for spelling in (name, "".join(map(str.capitalize, name.removeprefix(prefix).split("_"))))
    }


WORKFLOWS: Final = Vocabulary(
    aliases={"ScheduleId": "WorkflowId"},
    statuses=_spellings_of(dict(WorkflowExecutionStatus.items()), "WORKFLOW_EXECUTION_STATUS_"),
)
ACTIVITIES: Final = Vocabulary(
    aliases={"ActivityId": "WorkflowId", "ActivityType": "WorkflowType"},
    statuses=_spellings_of(dict(ActivityExecutionStatus.items()), "ACTIVITY_EXECUTION_STATUS_"),
)
SCHEDULE_NEXT_ACTION_TIME: Final = "TemporalScheduleNextActionTime"
SCHEDULE_IDLE_CLOSE_TIME: Final = "TemporalScheduleIdleCloseTime"
SCHEDULE_RUNNING_COUNT: Final = "TemporalScheduleRunningWorkflowCount"
SCHEDULE_BUFFERED_COUNT: Final = "TemporalScheduleBufferedStartsCount"
"""Keys that no attribute of a namespace can have."""
SCHEDULES: Final = Vocabulary(
    aliases={"ScheduleId": "WorkflowId"},
    statuses={},
    attributes={
        "ScheduleNextActionTime": SCHEDULE_NEXT_ACTION_TIME,
        "ScheduleIdleCloseTime": SCHEDULE_IDLE_CLOSE_TIME,
        "ScheduleRunningWorkflowCount": SCHEDULE_RUNNING_COUNT,
        "ScheduleBufferedStartsCount": SCHEDULE_BUFFERED_COUNT,
    },
    attribute_types={
        "ScheduleNextActionTime": DATETIME,
        "ScheduleIdleCloseTime": DATETIME,
        "ScheduleRunningWorkflowCount": INT,
        "ScheduleBufferedStartsCount": INT,
    },
    hides=frozenset({*SYSTEM, *PREDEFINED} - {"TemporalSchedulePaused"}),
)
OPERATION_ENDPOINT: Final = "TemporalNexusEndpoint"
OPERATION_SERVICE: Final = "TemporalNexusService"
OPERATION_REQUEST_ID: Final = "TemporalNexusRequestId"
"""Keys that no attribute of a namespace can have."""
NEXUS_OPERATIONS: Final = Vocabulary(
    aliases={"OperationId": "WorkflowId", "Operation": "WorkflowType"},
    statuses=_spellings_of(
        dict(NexusOperationExecutionStatus.items()), "NEXUS_OPERATION_EXECUTION_STATUS_"
    ),
    attributes={
        "Endpoint": OPERATION_ENDPOINT,
        "Service": OPERATION_SERVICE,
        "RequestId": OPERATION_REQUEST_ID,
    },
)


class VisibilityQuery(msgspec.Struct, frozen=True):
    """A query that a store can answer: all filters hold, counted by a column if grouped."""

    comparisons: tuple[Filter, ...]
    group_by: SortKey | None = None
    order_by: tuple[SortKey, ...] = ()


class _Column(msgspec.Struct, frozen=True):
    """A column of the row, found by the name in the query."""

    name: str
    """As it was written."""
    key: str
    """As it is registered."""
    value_type: int
    is_search_attribute: bool
    vocabulary: Vocabulary


class _Names(NamedTuple):
    """Where the name of a column is looked up."""

    custom: CustomTypes
    vocabulary: Vocabulary
    text: str
    """Of the query, for refusals that point into it."""


def compile_query(
    text: str, custom: CustomTypes, vocabulary: Vocabulary = WORKFLOWS
) -> VisibilityQuery:
    """Return what a query asks for; raise `InvalidArgumentError` if it means nothing.

    `custom` are the namespace's own search attributes.
    """
    names = _Names(custom, vocabulary, text)
    query = parse(text)
    filters: tuple[Filter, ...] = ()
    if query.where is not None:
        filters = tuple(conjuncts([_compile(query.where, names)]))
        _check_bounds(filters)
    if len(query.group_by) > 1:
        raise not_supported("'GROUP BY' clause supports only a single field")
    group_by = None
    if query.group_by:
        try:
            group_by = _group_by(query.group_by[0], names)
        except InvalidArgumentError as error:
            raise pointed(error, text, query.group_by_at) from None
    return VisibilityQuery(filters, group_by, _order_by(query.order_by, names))


def listed(query: VisibilityQuery) -> tuple[Filter, ...]:
    """Return the filters of a query that lists executions.

    The service's own, which have a namespace division, are left out unless the query names that.
    """
    named = {comparison.field for part in query.comparisons for comparison in comparisons_of(part)}
    if query.group_by is not None:
        named.add(query.group_by.field)
    return query.comparisons if NAMESPACE_DIVISION in named else (*query.comparisons, NOT_OWN)


def _group_by(name: str, names: _Names) -> SortKey:
    column = _column(name, names)
    if column.value_type != KEYWORD:
        raise not_supported(f"'GROUP BY' clause is not supported for search attribute {name}")
    return SortKey(field=_field(column), is_search_attribute=column.is_search_attribute)


def _order_by(orders: Sequence[Order], names: _Names) -> tuple[SortKey, ...]:
    if len(orders) > SORT_KEYS_MAX:
        raise not_supported(f"more than {SORT_KEYS_MAX} fields in 'ORDER BY' clause")
    keys: list[SortKey] = []
    for order in orders:
        try:
            keys.append(_sort_key(order, names))
        except InvalidArgumentError as error:
            raise pointed(error, names.text, order.at) from None
    return tuple(keys)


def _sort_key(order: Order, names: _Names) -> SortKey:
    column = _column(order.column, names)
    if column.value_type in {TEXT, KEYWORD_LIST}:
        raise not_supported(
            f"unable to sort by search attribute type {TYPE_NAMES[column.value_type]}"
        )
    return SortKey(
        field=_field(column),
        is_search_attribute=column.is_search_attribute,
        is_descending=order.is_descending,
    )


def _check_bounds(filters: Iterable[Filter]) -> None:
    comparisons = [comparison for part in filters for comparison in comparisons_of(part)]
    if len(comparisons) > COMPARISONS_MAX:
        raise not_supported(f"more than {COMPARISONS_MAX} comparisons")
    if any(depth_of(part) > ALTERNATIONS_MAX for part in filters):
        raise not_supported(f"more than {ALTERNATIONS_MAX} ANDs and ORs within each other")
    if sum(len(operands(comparison)) for comparison in comparisons) > VALUES_MAX:
        raise not_supported(f"more than {VALUES_MAX} values")


def _compile(expression: Expression, names: _Names, *, is_negated: bool = False) -> Filter:
    """Return the tree without its negations: each is moved down to the conditions."""
    match expression:
        case Negation(part):
            return _compile(part, names, is_negated=not is_negated)
        case Conjunction(parts) | Disjunction(parts):
            compiled = [_compile(part, names, is_negated=is_negated) for part in parts]
            is_all = isinstance(expression, Conjunction) != is_negated
            return all_of(compiled) if is_all else any_of(compiled)
        case Condition():
            try:
                return _condition(expression, names, is_negated=is_negated)
            except InvalidArgumentError as error:
                raise pointed(error, names.text, expression.at) from None


def _condition(condition: Condition, names: _Names, *, is_negated: bool) -> Filter:
    column = _column(condition.column, names)
    operator = condition.operator
    if operator in {"is null", "is not null"}:
        if column.key in _KNOWN_WHEN_CLOSED:
            column = _column("CloseTime", names)
        return _comparison(column, _OPPOSITES[operator] if is_negated else operator)
    values = [_value(column, literal) for literal in condition.values]
    _check_operator(column, operator, is_negated=is_negated)
    compared = _compared(column, operator, values, is_negated=is_negated)
    return all_of((_IS_CLOSED, compared)) if column.key in _KNOWN_WHEN_CLOSED else compared


def _compared(
    column: _Column, operator: str, values: Sequence[Scalar], *, is_negated: bool
) -> Filter:
    if operator == "between":
        low, high = values
        if is_negated:
            return any_of((_comparison(column, "<", low), _comparison(column, ">", high)))
        return all_of((_comparison(column, ">=", low), _comparison(column, "<=", high)))
    value: Scalar | tuple[Scalar, ...] = tuple(values) if operator == "in" else values[0]
    if column.value_type == TEXT:  # Compared word by word: one of them is enough.
        value = _words(values[0])
        is_negated, operator = (operator == "!=") != is_negated, "in"
    return _comparison(column, _OPPOSITES[operator] if is_negated else operator, value)


def _words(value: Scalar) -> tuple[str, ...]:
    words = text_words(str(value))
    if not words:
        raise invalid(
            f"unexpected value for Text type search attribute (no tokens found in '{value}')"
        )
    return words


def _check_operator(column: _Column, operator: str, *, is_negated: bool) -> None:
    supported = _OPERATORS[column.value_type]
    type_name = TYPE_NAMES[column.value_type]
    if operator == "between" and operator not in supported:
        raise invalid(
            f"cannot do range condition on search attribute '{column.name}' of type {type_name}"
        )
    if operator not in supported:
        word = f"NOT {operator.upper()}" if is_negated else operator.upper()
        raise not_supported(
            f"operator '{word}' not supported for {type_name} type search attribute '{column.name}'"
        )
    is_range = operator not in {"=", "!=", "in"}
    if column.key == _STATUS and is_range:
        word = f"NOT {operator.upper()}" if is_negated else operator.upper()
        raise not_supported(f"operator '{word}' on search attribute '{column.name}'")


def _comparison(
    column: _Column,
    operator: str,
    value: Scalar | tuple[Scalar, ...] | None = None,
) -> Comparison:
    return Comparison(
        field=_field(column),
        is_search_attribute=column.is_search_attribute,
        operator=operator,
        value=value,
    )


def _field(column: _Column) -> str:
    return column.key if column.is_search_attribute else _ROW_FIELDS[column.key]


def _column(name: str, names: _Names) -> _Column:
    custom, vocabulary = names.custom, names.vocabulary
    own = vocabulary.attributes.get(name)
    if own is not None:
        own_type = vocabulary.attribute_types.get(name, KEYWORD)
        return _Column(name, own, own_type, is_search_attribute=True, vocabulary=vocabulary)
    if name in custom and name not in SYSTEM and name not in PREDEFINED:
        return _Column(name, name, custom[name], is_search_attribute=True, vocabulary=vocabulary)
    for key in _spellings(name, vocabulary.aliases):
        if key in vocabulary.hides and key != vocabulary.aliases.get(_bare(name)):
            raise InvalidArgumentError(
                f'invalid query filter for schedules: cannot filter on "{name}"'
            )
        if key in SYSTEM:
            return _Column(name, key, SYSTEM[key], is_search_attribute=False, vocabulary=vocabulary)
        if key in PREDEFINED:
            return _Column(
                name, key, PREDEFINED[key], is_search_attribute=True, vocabulary=vocabulary
            )
    raise invalid(f"column name '{name}' is not a valid search attribute")


def _spellings(name: str, aliases: Mapping[str, str]) -> Iterator[str]:
    yield name
    bare = _bare(name)
    if bare in aliases:
        yield aliases[bare]
    yield bare if bare != name else RESERVED_PREFIX + name


def _bare(name: str) -> str:
    return name.removeprefix(RESERVED_PREFIX)


def _value(column: _Column, literal: Literal) -> Scalar:
    if column.key == _STATUS:
        return _status(column, literal)
    if column.key == _DURATION and isinstance(literal, str):
        return _duration(literal)
    if column.key == _DURATION and isinstance(literal, float):
        raise invalid(f"unexpected value type {_go_type(literal)} for search attribute {_DURATION}")
    return _READERS[column.value_type](column, literal)


def _status(column: _Column, literal: Literal) -> int:
    statuses = column.vocabulary.statuses
    if isinstance(literal, str):
        if literal not in statuses:
            raise invalid(f"invalid {_STATUS} value '{literal}'")
        return statuses[literal]
    if isinstance(literal, bool):
        raise _wrong_type(column, literal)
    if isinstance(literal, float):
        raise invalid(f"unexpected value type {_go_type(literal)} for search attribute {_STATUS}")
    if literal not in statuses.values():
        raise invalid(f"invalid {_STATUS} value {literal}")
    return literal


def _duration(text: str) -> int:
    """Return nanoseconds: a number of them, `1h30m`, also with days, or `HH:MM:SS`."""
    digits = text.removeprefix("-").removeprefix("+")
    sign = -1 if text.startswith("-") else 1
    if len(text) <= _DURATION_CHARACTERS_MAX and len(digits) >= len(text) - 1:
        clock = _CLOCK.fullmatch(digits)
        if digits.isascii() and digits.isdecimal() and int(digits) < 2**63:
            return sign * int(digits)
        if clock is not None and sign > 0:
            hours, minutes, seconds = map(int, clock.groups())
            return hours * HOUR + minutes * MINUTE + seconds * SECOND
        duration = parse_duration(digits, allow_days=True)
        if duration is not None:
            return sign * duration
    raise invalid(f"invalid duration value for search attribute {_DURATION}: {text}")


def _text(column: _Column, literal: Literal) -> str:
    if not isinstance(literal, str):
        raise _wrong_type(column, literal)
    return literal


def _number(column: _Column, literal: Literal) -> int | float:
    if isinstance(literal, bool | str) or not abs(literal) < 2**63:
        raise _wrong_type(column, literal)
    return literal


def _bool(column: _Column, literal: Literal) -> bool:
    if not isinstance(literal, bool):
        raise _wrong_type(column, literal)
    return literal


def _datetime(column: _Column, literal: Literal) -> Instant:
    if isinstance(literal, str):
        instant = parse_rfc3339(literal)
        if instant is None:
            raise invalid(f"unable to parse datetime '{literal}'")
        return instant
    if isinstance(literal, bool | float) or abs(literal) >= 2**63:
        raise _wrong_type(column, literal)
    return Instant(literal)


_READERS: Final[Mapping[int, Callable[[_Column, Literal], Scalar]]] = {
    KEYWORD: _text,
    KEYWORD_LIST: _text,
    TEXT: _text,
    INT: _number,
    DOUBLE: _number,
    BOOL: _bool,
    DATETIME: _datetime,
}


def _wrong_type(column: _Column, literal: Literal) -> Exception:
    shown = f'"{literal}"' if isinstance(literal, str) else str(literal).lower()
    return invalid(
        f"invalid value type for search attribute {column.name} of type "
        f"{TYPE_NAMES[column.value_type]}: {shown} (type: {_go_type(literal)})"
    )


def _go_type(literal: Literal) -> str:
    """Return the name of a literal's type in the reference's words, which its users know."""
    match literal:
        case bool():
            return "bool"
        case str():
            return "string"
        case int():
            return "int64"
        case float():
            return "float64"
