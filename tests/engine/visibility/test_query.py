"""The query language: what a query means, and in which words a bad one is refused."""

import pytest
from hypothesis import given, strategies as st

from indelible.base.errors import InvalidArgumentError
from indelible.engine.visibility.filters import AllOf, AnyOf, Filter
from indelible.engine.visibility.ordering import STATUS, SortKey
from indelible.engine.visibility.query import (
    ALTERNATIONS_MAX,
    COMPARISONS_MAX,
    SORT_KEYS_MAX,
    VALUES_MAX,
    compile_query,
)
from indelible.engine.visibility.query_syntax import NESTING_MAX, QUERY_CHARACTERS_MAX
from indelible.engine.visibility.search_attributes import (
    BOOL,
    DATETIME,
    DOUBLE,
    INT,
    KEYWORD,
    KEYWORD_LIST,
    TEXT,
)

CUSTOM = {
    "Customer": KEYWORD,
    "Number": INT,
    "Ratio": DOUBLE,
    "Flag": BOOL,
    "When": DATETIME,
    "Tags": KEYWORD_LIST,
    "Notes": TEXT,
    "my-attr": KEYWORD,
}
NEW_YEAR = 1_704_067_200_000_000_000
HOUR = 3_600_000_000_000
CLOSED = ("close_time", "is not null", None)
OPEN = ("close_time", "is null", None)


def shown(part: Filter) -> tuple[object, ...]:
    if isinstance(part, AllOf | AnyOf):
        return (type(part).__name__, *map(shown, part.parts))
    mark = "@" if part.is_search_attribute else ""
    return (mark + part.field, part.operator, part.value)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", []),
        ("  \n", []),
        ("WorkflowId = 'a'", [("workflow_id", "=", "a")]),
        ('`WorkflowType` = "T"', [("workflow_type", "=", "T")]),
        ("WorkflowId <> 'a'", [("workflow_id", "!=", "a")]),
        (
            "WorkflowId='a' and RunId != 'r' AND TaskQueue > 'q'",
            [("workflow_id", "=", "a"), ("run_id", "!=", "r"), ("task_queue", ">", "q")],
        ),
        (r"WorkflowId = 'it''s \' q\n'", [("workflow_id", "=", "it's ' q\n")]),
        ('WorkflowId = "say ""hi"""', [("workflow_id", "=", 'say "hi"')]),
        ("((WorkflowId = 'a'))", [("workflow_id", "=", "a")]),
        ("WorkflowId STARTS_WITH 'a'", [("workflow_id", "starts_with", "a")]),
        ("ExecutionStatus = 'Running'", [("status", "=", 1)]),
        (
            "ExecutionStatus = 'WORKFLOW_EXECUTION_STATUS_TIMED_OUT'",
            [("status", "=", 7)],
        ),
        ("ExecutionStatus = 2", [("status", "=", 2)]),
        ("ExecutionStatus IN ('Failed', 'TimedOut')", [("status", "in", (3, 7))]),
        (
            "ExecutionStatus NOT IN ('Failed', 'TimedOut')",
            [("status", "not in", (3, 7))],
        ),
        (
            "(ExecutionStatus = 'Failed' OR ExecutionStatus IN ('Running', 6)) AND Number = 1",
            [("status", "in", (3, 1, 6)), ("@Number", "=", 1)],
        ),
        (
            "NOT (Customer = 'a' OR Customer = 'b')",
            [("@Customer", "!=", "a"), ("@Customer", "!=", "b")],
        ),
        ("NOT (Customer != 'a' AND Customer != 'b')", [("@Customer", "in", ("a", "b"))]),
        ("NOT NOT Number > 3", [("@Number", ">", 3)]),
        ("NOT Number > 3", [("@Number", "<=", 3)]),
        ("Number BETWEEN -1 AND 2.5", [("@Number", ">=", -1), ("@Number", "<=", 2.5)]),
        ("Ratio < 1e3", [("@Ratio", "<", 1000.0)]),
        ("Flag = true", [("@Flag", "=", True)]),
        ("Flag < true", [("@Flag", "<", True)]),
        ("Flag = true && Number = 1", [("@Flag", "=", True), ("@Number", "=", 1)]),
        (
            "Flag = true || Number = 1",
            [("AnyOf", ("@Flag", "=", True), ("@Number", "=", 1))],
        ),
        ("Flag = /* or\nnot */ true -- said the user", [("@Flag", "=", True)]),
        ("Flag = true ; ", [("@Flag", "=", True)]),
        ("Customer = '/* no -- comment; */'", [("@Customer", "=", "/* no -- comment; */")]),
        ("Tags = 'x'", [("@Tags", "=", "x")]),
        ("Tags IN ('x', 'y')", [("@Tags", "in", ("x", "y"))]),
        ("Notes = 'Foo, bar'", [("@Notes", "in", ("foo", "bar"))]),
        ("Notes != 'Foo bar'", [("@Notes", "not in", ("foo", "bar"))]),
        ("StartTime >= '2024-01-01T01:00:00+01:00'", [("start_time", ">=", NEW_YEAR)]),
        (f"When = {NEW_YEAR}", [("@When", "=", NEW_YEAR)]),
        ("CloseTime IS NULL", [OPEN]),
        ("CloseTime is not null", [CLOSED]),
        ("NOT CloseTime IS NULL", [CLOSED]),
        ("HistoryLength > 4", [CLOSED, ("history_length", ">", 4)]),
        ("ParentWorkflowId IS NOT NULL", [("parent_workflow_id", "is not null", None)]),
        ("HistoryLength IS NULL", [OPEN]),
        ("Customer IS NULL", [("@Customer", "is null", None)]),
        ("NOT Customer IS NULL", [("@Customer", "is not null", None)]),
        ("Customer NOT STARTS_WITH 'x'", [("@Customer", "not starts_with", "x")]),
        ("NOT Customer NOT STARTS_WITH 'x'", [("@Customer", "starts_with", "x")]),
        ("NOT Tags IN ('x', 'y')", [("@Tags", "not in", ("x", "y"))]),
        ("NOT Notes != 'a b'", [("@Notes", "in", ("a", "b"))]),
        (
            "Number NOT BETWEEN 1 AND 2",
            [("AnyOf", ("@Number", "<", 1), ("@Number", ">", 2))],
        ),
        (
            "NOT HistoryLength > 4",
            [CLOSED, ("history_length", "<=", 4)],
        ),
        (
            "Customer = 'a' OR Number = 1 AND Flag = true",
            [
                (
                    "AnyOf",
                    ("@Customer", "=", "a"),
                    ("AllOf", ("@Number", "=", 1), ("@Flag", "=", True)),
                )
            ],
        ),
        (
            "NOT (Customer = 'a' AND (Number = 1 OR NOT Flag = true))",
            [
                (
                    "AnyOf",
                    ("@Customer", "!=", "a"),
                    ("AllOf", ("@Number", "!=", 1), ("@Flag", "=", True)),
                )
            ],
        ),
        ("ExecutionDuration > 5", [("execution_duration", ">", 5)]),
        ("ExecutionDuration = '1h30m'", [("execution_duration", "=", HOUR * 3 // 2)]),
        ("ExecutionDuration < '-1.5h'", [("execution_duration", "<", -HOUR * 3 // 2)]),
        ("ExecutionDuration >= '1.5d'", [("execution_duration", ">=", HOUR * 36)]),
        ("ExecutionDuration <= '01:00:30'", [("execution_duration", "<=", HOUR + HOUR // 120)]),
        ("ExecutionDuration != '77'", [("execution_duration", "!=", 77)]),
        ("ExecutionDuration IS NULL", [("execution_duration", "is null", None)]),
        ("BuildIds = 'b'", [("@BuildIds", "=", "b")]),
        ("ScheduleId = 's'", [("workflow_id", "=", "s")]),
        ("TemporalScheduleId = 's'", [("workflow_id", "=", "s")]),
        ("ChangeVersion = 'v'", [("@TemporalChangeVersion", "=", "v")]),
        ("TemporalWorkflowId = 'w'", [("workflow_id", "=", "w")]),
        ("`my-attr` = 'x'", [("@my-attr", "=", "x")]),
    ],
)
def test_a_query_is_a_tree_without_negations(
    query: str, expected: list[tuple[object, ...]]
) -> None:
    compiled = compile_query(query, CUSTOM)
    assert [shown(comparison) for comparison in compiled.comparisons] == expected
    assert compiled.group_by is None


def test_rows_are_ordered_by_any_columns() -> None:
    text = "Number = 1 order by StartTime DESC, `my-attr`, CloseTime asc"
    compiled = compile_query(text, CUSTOM)
    assert compiled.order_by == (
        SortKey(field="start_time", is_search_attribute=False, is_descending=True),
        SortKey(field="my-attr", is_search_attribute=True),
        SortKey(field="close_time", is_search_attribute=False),
    )
    assert len(compiled.comparisons) == 1
    assert compile_query("ORDER BY Number DESC", CUSTOM).order_by[0].is_descending


def test_counts_are_grouped_by_status() -> None:
    compiled = compile_query("Number = 1 GROUP BY ExecutionStatus", CUSTOM)
    assert compiled.group_by == STATUS
    assert len(compiled.comparisons) == 1
    assert compile_query("group by `ExecutionStatus`", CUSTOM).group_by == STATUS
    assert compile_query("GROUP BY `my-attr`", CUSTOM).group_by == SortKey(
        field="my-attr", is_search_attribute=True
    )


MALFORMED = "malformed SQL query: syntax error at position"
UNSUPPORTED = "operation is not supported:"
INVALID = "invalid expression:"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("WorkflowId =", f"{MALFORMED} 40"),
        ("WorkflowId = 'a' or", f"{MALFORMED} 47"),
        ("WorkflowId = 'a' WorkflowId", f"{MALFORMED} 55 near 'WorkflowId'"),
        ("WorkflowId is foo", f"{MALFORMED} 45 near 'foo'"),
        ("WorkflowId in ()", f"{MALFORMED} 44"),
        ("x'", f"{MALFORMED} 30"),
        ("not", f"{MALFORMED} 31"),
        ("WorkflowId ! 'a'", f"{MALFORMED} 40"),
        ("WorkflowId NOT = 'a'", f"{MALFORMED} 44"),
        ("GROUP BY", f"{MALFORMED} 36"),
        ("WorkflowId", f"{INVALID} incomplete expression"),
        ("'a' = 'b'", f"{INVALID} must be a column name but was a value"),
        ("Foo = 1", f"{INVALID} column name 'Foo' is not a valid search attribute"),
        ("workflowid = 'a'", f"{INVALID} column name 'workflowid' is not a valid search attribute"),
        (
            "WorkflowId = 5",
            (
                f"{INVALID} invalid value type for search attribute WorkflowId of type Keyword: "
                "5 (type: int64)"
            ),
        ),
        (
            "Number = 'x'",
            (
                f'{INVALID} invalid value type for search attribute Number of type Int: "x" '
                "(type: string)"
            ),
        ),
        (
            "Flag = 'true'",
            (
                f'{INVALID} invalid value type for search attribute Flag of type Bool: "true" '
                "(type: string)"
            ),
        ),
        (
            "When = 1.5",
            (
                f"{INVALID} invalid value type for search attribute When of type Datetime: 1.5 "
                "(type: float64)"
            ),
        ),
        (
            "Number = 99999999999999999999",
            (
                f"{INVALID} invalid value type for search attribute Number of type Int: "
                "99999999999999999999 (type: int64)"
            ),
        ),
        ("StartTime = 'today'", f"{INVALID} unable to parse datetime 'today'"),
        ("StartTime = '2024-01-01'", f"{INVALID} unable to parse datetime '2024-01-01'"),
        ("ExecutionStatus = 'x'", f"{INVALID} invalid ExecutionStatus value 'x'"),
        ("ExecutionStatus = 99", f"{INVALID} invalid ExecutionStatus value 99"),
        (
            "Flag BETWEEN true AND false",
            f"{INVALID} cannot do range condition on search attribute 'Flag' of type Bool",
        ),
        (
            "Notes = ','",
            f"{INVALID} unexpected value for Text type search attribute (no tokens found in ',')",
        ),
        (
            "WorkflowId = bar",
            (
                f"{UNSUPPORTED} column name on the right side of comparison expression "
                '(did you forget to quote "bar"?)'
            ),
        ),
        ("f(x)", f"{UNSUPPORTED} function expression"),
        ("WorkflowId = f(x)", f"{UNSUPPORTED} nested func"),
        ("WorkflowId = 'a' ORDER StartTime", f"{MALFORMED} 60 near 'StartTime'"),
        ("ORDER BY StartTime sideways", f"{MALFORMED} 55 near 'sideways'"),
        ("ORDER BY Foo", f"{INVALID} column name 'Foo' is not a valid search attribute"),
        ("ORDER BY Notes", f"{UNSUPPORTED} unable to sort by search attribute type Text"),
        ("ORDER BY Tags", f"{UNSUPPORTED} unable to sort by search attribute type KeywordList"),
        (
            "ORDER BY " + ", ".join(["Number"] * (SORT_KEYS_MAX + 1)),
            f"{UNSUPPORTED} more than {SORT_KEYS_MAX} fields in 'ORDER BY' clause",
        ),
        ("WorkflowId = 'a' LIMIT 5", f"{UNSUPPORTED} 'LIMIT' clause"),
        (
            "WorkflowId LIKE 'x'",
            (
                f"{UNSUPPORTED} operator 'LIKE' not supported for Keyword type search attribute "
                "'WorkflowId'"
            ),
        ),
        (
            "Tags > 'x'",
            (
                f"{UNSUPPORTED} operator '>' not supported for KeywordList type search attribute "
                "'Tags'"
            ),
        ),
        (
            "Number STARTS_WITH 5",
            (
                f"{UNSUPPORTED} operator 'STARTS_WITH' not supported for Int type search attribute "
                "'Number'"
            ),
        ),
        (
            "ExecutionStatus NOT STARTS_WITH 'Running'",
            f"{UNSUPPORTED} operator 'NOT STARTS_WITH' on search attribute 'ExecutionStatus'",
        ),
        *(
            (
                f"ExecutionDuration > '{text}'",
                f"{INVALID} invalid duration value for search attribute ExecutionDuration: {text}",
            )
            for text in ("soon", "", "-", "--1", "1:2", "00:60:00", "9" * 5_000)
        ),
        (
            f"Number IN ({', '.join(['1'] * (VALUES_MAX + 1))})",
            f"{UNSUPPORTED} more than {VALUES_MAX} values",
        ),
        (
            "GROUP BY StartTime",
            f"{UNSUPPORTED} 'GROUP BY' clause is not supported for search attribute StartTime",
        ),
        (
            "GROUP BY ExecutionStatus, WorkflowType",
            f"{UNSUPPORTED} 'GROUP BY' clause supports only a single field",
        ),
        (
            "(" * (NESTING_MAX + 1) + "Number = 1" + ")" * (NESTING_MAX + 1),
            f"{UNSUPPORTED} more than {NESTING_MAX} nested expressions",
        ),
        (
            "(Number = 1 AND (Flag = true OR " * 9 + "Number = 1" + "))" * 9,
            f"{UNSUPPORTED} more than {ALTERNATIONS_MAX} ANDs and ORs within each other",
        ),
        (
            " AND ".join(["Number = 1"] * (COMPARISONS_MAX + 1)),
            f"{UNSUPPORTED} more than {COMPARISONS_MAX} comparisons",
        ),
        (
            " " * (QUERY_CHARACTERS_MAX + 1),
            f"malformed SQL query: more than {QUERY_CHARACTERS_MAX} characters",
        ),
    ],
    ids=lambda value: value[:40],
)
def test_a_bad_query_is_refused(query: str, text: str) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        compile_query(query, CUSTOM)
    assert refusal.value.message.partition("\nat ")[0] == f"invalid query: {text}"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("Number = 1 AND Foo = 2", ["at column 16 of the query:", "^Foo"]),
        ("Number = 1 AND (Flag = true OR Number = 'x')", ["at column 32 of the query:", "^Number"]),
        ("Number = 1 AND Number = bar", ["at column 25 of the query:", "^bar"]),
        ("Number = 1 AND Number == 2", ["at column 24 of the query:", "^= 2"]),
        ("Number = 1 AND\n\tFoo IS NULL", ["at line 2, column 2 of the query:", "^Foo"]),
        ("Number = 1 ORDER BY Number, Tags", ["at column 29 of the query:", "^Tags"]),
        ("Number = 1 GROUP BY Number", ["at column 21 of the query:", "^Number"]),
        ("Number = 'open", ["at column 10 of the query:", "^'open"]),
        ("Number = ", ["at column 10 of the query:", "^"]),
        ("Number = 1 AND " * 99 + "Foo = 1", ["at column 1486 of the query:", "^Foo"]),
        ("Number IN (1, \x00)", ["at column 15 of the query:", "^ )"]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_refusal_points_at_the_place(query: str, pointer: list[str]) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        compile_query(query, CUSTOM)
    _, where, line, caret = refusal.value.message.split("\n")
    assert len(line) < 130
    assert [where, "^" + line[caret.index("^") :][: len(pointer[1]) - 1]] == pointer


PIECES = st.sampled_from(
    [
        *("WorkflowId", "Number", "Notes", "Tags", "ExecutionStatus", "Flag", "When", "`", "Foo"),
        *("=", "!=", "<", ">=", "(", ")", ",", "and", "OR", "not", "in", "between", "is", "null"),
        *("'a'", '"b', "5", "-1.5", "true", "'2024-01-01T00:00:00Z'", "starts_with", "group", "by"),
        *("order", "limit", "like", "f(", ";", "\\", "é", "9" * 400),
    ]
)


@given(st.lists(PIECES, max_size=12).map(" ".join) | st.text(max_size=60))
def test_any_text_is_answered_or_refused(query: str) -> None:
    try:
        compile_query(query, CUSTOM)
    except InvalidArgumentError as refusal:
        message = refusal.message
    else:
        return
    assert message.startswith("invalid query: ")
