"""Lists and counts: pages, rows as clients see them, and the two older lists."""

import json
from collections.abc import Sequence

import pytest
from google.protobuf.duration_pb2 import Duration as DurationMessage
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from msgspec.structs import replace
from temporalio.api.common.v1 import (
    Memo,
    Payload,
    SearchAttributes,
    WorkflowExecution,
    WorkflowType,
)
from temporalio.api.enums.v1 import IndexedValueType, WorkflowExecutionStatus
from temporalio.api.filter.v1 import StartTimeFilter, StatusFilter
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    AddSearchAttributesResponse,
)
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import InvalidArgumentError, StatusCode
from indelible.base.ids import Archetype, RunId, ShardId, WorkflowId, WorkflowKey
from indelible.base.instants import NEVER, SECOND, Instant
from indelible.base.limits import VISIBILITY_GROUPS_MAX
from indelible.engine.visibility.ordering import SortKey
from indelible.engine.visibility.record import VisibilityRecord
from indelible.engine.visibility.search_attributes import KEYWORD, indexed_values
from indelible.ports.stores import Commit, ExecutionWrite
from indelible.services.frontend.visibility_pages import count_rows
from indelible.store.memory import MemoryStore
from tests.services.frontend.world import DEFAULT, UNHURRIED, World
from tests.stores.builders import key, own, put, visible, where, write

RUNNING, COMPLETED, FAILED, PAUSED = 1, 2, 3, 8
YEAR_ONE = -62_135_596_800
CUSTOMER = Payload(metadata={"encoding": b"json/plain"}, data=b'"c"').SerializeToString()
MEMO = Memo(fields={"m": Payload(data=b"x")})


def at(second: int) -> Instant:
    return Instant(second * SECOND)


def row(
    name: str,
    *,
    status: int = RUNNING,
    started: int = 1,
    closed: int = 0,
    fields: dict[str, bytes] | None = None,
    parent: str = "",
) -> VisibilityRecord:
    return VisibilityRecord(
        archetype=Archetype.WORKFLOW,
        namespace_id=DEFAULT,
        workflow_id=name,
        run_id=RunId(f"run-{name}"),
        workflow_type="Type",
        task_queue="queue",
        status=status,
        start_time=at(started),
        execution_time=at(started + 1),
        close_time=at(closed) if closed else NEVER,
        history_length=7 if closed else 0,
        history_size_bytes=70 if closed else 0,
        state_transition_count=3 if closed else 0,
        parent_workflow_id=parent,
        parent_run_id=f"run-{parent}" if parent else "",
        root_workflow_id=parent or name,
        root_run_id=f"run-{parent or name}",
        memo=MEMO.SerializeToString(),
        search_attributes=fields or {},
        indexed_values=indexed_values(fields or {}, {"Customer": KEYWORD}),
    )


def bad_status(status: int) -> StatusFilter:
    return StatusFilter(status=WorkflowExecutionStatus.ValueType(status))


async def show(world: World, rows: Sequence[VisibilityRecord]) -> None:
    await world.call(
        AddSearchAttributesRequest(
            namespace="default",
            search_attributes={"Customer": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD},
        ),
        AddSearchAttributesResponse,
    )
    shard = ShardId(1)
    range_id = await world.store.acquire_shard(shard, owner="test")
    writes = [
        ExecutionWrite(
            key=WorkflowKey(DEFAULT, WorkflowId(one.workflow_id), one.run_id),
            expected_version=0,
            version=1,
            is_open=one.close_time == NEVER,
            wake_at=NEVER,
            record=b"",
            visibility=one,
        )
        for one in rows
    ]
    await world.store.commit(Commit(shard_id=shard, range_id=range_id, executions=writes))


ROWS = [
    row("open", started=5),
    row("child", started=4, parent="open"),
    row("done", status=COMPLETED, started=1, closed=9, fields={"Customer": CUSTOMER}),
    row("lost", status=FAILED, started=2, closed=8),
]


@pytest.fixture
async def shown(world: World) -> World:
    await show(world, ROWS)
    return world


async def found(world: World, query: str) -> list[WorkflowExecutionInfo]:
    answer = await world.call(
        api.ListWorkflowExecutionsRequest(namespace="default", query=query),
        api.ListWorkflowExecutionsResponse,
    )
    return list(answer.executions)


def names(executions: Sequence[WorkflowExecutionInfo]) -> list[str]:
    return [one.execution.workflow_id for one in executions]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["open", "child", "done", "lost"]),
        ("ExecutionStatus = 'Running'", ["open", "child"]),
        ("ExecutionStatus != 'Running'", ["done", "lost"]),
        ("CloseTime IS NULL", ["open", "child"]),
        ("CloseTime IS NOT NULL", ["done", "lost"]),
        ("CloseTime < '1970-01-01T00:00:09Z'", ["lost"]),
        ("StartTime BETWEEN '1970-01-01T00:00:02Z' AND '1970-01-01T00:00:04Z'", ["child", "lost"]),
        ("Customer = 'c'", ["done"]),
        ("ParentWorkflowId = 'open'", ["child"]),
        ("ParentWorkflowId IS NOT NULL AND WorkflowId STARTS_WITH 'c'", ["child"]),
        ("RootWorkflowId = 'open'", ["open", "child"]),
        ("HistoryLength >= 0", ["done", "lost"]),
        ("WorkflowId = 'done' OR WorkflowId = 'lost'", ["done", "lost"]),
        ("TaskQueue = 'another'", []),
    ],
)
async def test_a_query_finds_what_it_asks_for(
    shown: World, query: str, expected: list[str]
) -> None:
    assert names(await found(shown, query)) == expected


async def test_a_closed_row_tells_everything(shown: World) -> None:
    (execution,) = await found(shown, "WorkflowId = 'done'")
    typed = Payload(metadata={"encoding": b"json/plain", "type": b"Keyword"}, data=b'"c"')
    assert execution == WorkflowExecutionInfo(
        execution=WorkflowExecution(workflow_id="done", run_id="run-done"),
        type=WorkflowType(name="Type"),
        start_time=Timestamp(seconds=1),
        execution_time=Timestamp(seconds=2),
        close_time=Timestamp(seconds=9),
        execution_duration=DurationMessage(seconds=7),
        status=COMPLETED,  # pyright: ignore[reportArgumentType]
        history_length=7,
        history_size_bytes=70,
        state_transition_count=3,
        task_queue="queue",
        memo=MEMO,
        search_attributes=SearchAttributes(indexed_fields={"Customer": typed}),
        root_execution=WorkflowExecution(workflow_id="done", run_id="run-done"),
    )


async def test_an_open_row_tells_what_is_known(shown: World) -> None:
    (execution,) = await found(shown, "WorkflowId = 'child'")
    assert execution.parent_execution.run_id == "run-open"
    assert execution.root_execution.run_id == "run-open"
    for field in ("close_time", "execution_duration"):
        assert not execution.HasField(field)
    assert execution.history_length == 0


async def test_pages_follow_each_other_and_a_full_last_page_has_a_token(shown: World) -> None:
    token, pages = b"", list[list[str]]()
    while True:
        answer = await shown.call(
            api.ScanWorkflowExecutionsRequest(
                namespace="default", page_size=2, next_page_token=token
            ),
            api.ScanWorkflowExecutionsResponse,
        )
        pages.append(names(answer.executions))
        token = answer.next_page_token
        if not token:
            break
    assert pages == [["open", "child"], ["done", "lost"], []]


@pytest.mark.parametrize(("asked", "expected"), [(0, 2), (1, 1), (3, 2), (-1, 2)])
async def test_an_operator_bounds_the_pages(asked: int, expected: int) -> None:
    world = await World(limits=replace(UNHURRIED, visibility_page_rows_max=2)).load()
    await show(world, ROWS)
    answer = await world.call(
        api.ListWorkflowExecutionsRequest(namespace="default", page_size=asked),
        api.ListWorkflowExecutionsResponse,
    )
    assert len(answer.executions) == expected
    assert answer.next_page_token


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ORDER BY WorkflowId", ["child", "done", "lost", "open"]),
        ("ORDER BY WorkflowId DESC", ["open", "lost", "done", "child"]),
        ("WorkflowId > 'd' ORDER BY CloseTime, WorkflowId", None),
    ],
)
async def test_pages_keep_the_order_that_was_asked_for(
    shown: World, query: str, expected: list[str] | None
) -> None:
    async def page(size: int, token: bytes = b"") -> api.ListWorkflowExecutionsResponse:
        return await shown.call(
            api.ListWorkflowExecutionsRequest(
                namespace="default", query=query, page_size=size, next_page_token=token
            ),
            api.ListWorkflowExecutionsResponse,
        )

    whole = names((await page(9)).executions)
    assert expected is None or whole == expected
    answer, listed = await page(1), list[str]()
    while answer.executions:
        listed += names(answer.executions)
        answer = await page(1, answer.next_page_token)
    assert listed == whole


async def test_a_token_leads_on_in_its_own_list_only(shown: World) -> None:
    first = await shown.call(
        api.ListWorkflowExecutionsRequest(
            namespace="default", query="WorkflowId > 'a'", page_size=1
        ),
        api.ListWorkflowExecutionsResponse,
    )
    with pytest.raises(InvalidArgumentError, match="it belongs to another query"):
        await shown.call(
            api.ListWorkflowExecutionsRequest(
                namespace="default",
                query="WorkflowId > 'b'",
                next_page_token=first.next_page_token,
            ),
            api.ListWorkflowExecutionsResponse,
        )


async def test_counts(shown: World) -> None:
    async def count(query: str) -> api.CountWorkflowExecutionsResponse:
        return await shown.call(
            api.CountWorkflowExecutionsRequest(namespace="default", query=query),
            api.CountWorkflowExecutionsResponse,
        )

    assert (await count("")).count == 4
    assert (await count("CloseTime IS NULL")).count == 2
    grouped = await count("GROUP BY ExecutionStatus")
    assert grouped.count == 4
    groups = {group.group_values[0].data: group.count for group in grouped.groups}
    assert groups == {b'"Running"': 2, b'"Completed"': 1, b'"Failed"': 1}
    assert (await count("WorkflowId = 'nope' GROUP BY ExecutionStatus")).groups == []
    by_parent = await count("CloseTime IS NULL GROUP BY ParentWorkflowId")
    assert by_parent.count == 2
    assert [group.count for group in by_parent.groups] == [1, 1]
    named, nothing = (group.group_values[0] for group in by_parent.groups)
    assert json.loads(named.data)
    assert dict(nothing.metadata) == {"encoding": b"binary/null", "type": b"Keyword"}


async def test_a_count_has_a_bounded_number_of_groups() -> None:
    store = MemoryStore()
    shard = await own(store)
    keys = [key(f"w{number}", f"r{number}") for number in range(VISIBILITY_GROUPS_MAX + 1)]
    by_id = SortKey(field="workflow_id", is_search_attribute=False)
    await put(store, shard, *(write(of, visibility=visible(of)) for of in keys[1:]))
    counts = await count_rows(store, where(), group_by=by_id, status_names={})
    assert len(counts.groups) == counts.total == VISIBILITY_GROUPS_MAX
    await put(store, shard, write(keys[0], visibility=visible(keys[0])))
    with pytest.raises(InvalidArgumentError, match="with more than 1000 groups"):
        await count_rows(store, where(), group_by=by_id, status_names={})


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, ["open", "child"]),
        ({"execution_filter": {"workflow_id": "open"}}, ["open"]),
        ({"type_filter": {"name": "Another"}}, []),
        ({"start_time_filter": {"earliest_time": Timestamp(seconds=5)}}, ["open"]),
        ({"start_time_filter": {"latest_time": Timestamp(seconds=4)}}, ["child"]),
        # The epoch is a time; the beginning of year 1 is what Go's clients send for none.
        ({"start_time_filter": {"latest_time": Timestamp()}}, []),
        ({"start_time_filter": {"latest_time": Timestamp(seconds=YEAR_ONE)}}, ["open", "child"]),
        ({"start_time_filter": {"earliest_time": Timestamp(seconds=YEAR_ONE)}}, ["open", "child"]),
    ],
)
async def test_the_list_of_open_runs(
    shown: World, how: dict[str, object], expected: list[str]
) -> None:
    request = api.ListOpenWorkflowExecutionsRequest(
        namespace="default",
        **how,  # pyright: ignore[reportArgumentType]
    )
    answer = await shown.call(request, api.ListOpenWorkflowExecutionsResponse)
    assert names(answer.executions) == expected


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, ["done", "lost"]),
        ({"execution_filter": {"workflow_id": "lost"}}, ["lost"]),
        ({"type_filter": {"name": "Type"}}, ["done", "lost"]),
        ({"status_filter": {"status": FAILED}}, ["lost"]),
        # The time of the close, whatever the filter is called (trap 61).
        ({"start_time_filter": {"earliest_time": Timestamp(seconds=9)}}, ["done"]),
        ({"start_time_filter": {"latest_time": Timestamp(seconds=2**40)}}, ["done", "lost"]),
    ],
)
async def test_the_list_of_closed_runs(
    shown: World, how: dict[str, object], expected: list[str]
) -> None:
    request = api.ListClosedWorkflowExecutionsRequest(
        namespace="default",
        **how,  # pyright: ignore[reportArgumentType]
    )
    answer = await shown.call(request, api.ListClosedWorkflowExecutionsResponse)
    assert names(answer.executions) == expected


async def test_a_paused_run_is_listed_as_the_reference_lists_it(world: World) -> None:
    await show(world, [row("paused", status=PAUSED), row("open"), row("done", status=2, closed=3)])
    closed = await world.call(
        api.ListClosedWorkflowExecutionsRequest(namespace="default"),
        api.ListClosedWorkflowExecutionsResponse,
    )
    opened = await world.call(
        api.ListOpenWorkflowExecutionsRequest(namespace="default"),
        api.ListOpenWorkflowExecutionsResponse,
    )
    assert names(closed.executions) == ["paused", "done"]
    assert names(opened.executions) == ["open"]


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (
            api.ListWorkflowExecutionsRequest(query="GROUP BY ExecutionStatus"),
            "invalid query: operation is not supported: 'GROUP BY' clause",
        ),
        (api.ListWorkflowExecutionsRequest(next_page_token=b"junk"), "Invalid NextPageToken."),
        (
            api.ListWorkflowExecutionsRequest(next_page_token=b"\x93\xff\x01\xa1r"),
            "Invalid NextPageToken.",
        ),
        (
            api.CountWorkflowExecutionsRequest(query="GROUP BY StartTime"),
            (
                "invalid query: operation is not supported: 'GROUP BY' clause is not supported for "
                "search attribute StartTime"
            ),
        ),
        (
            api.ListArchivedWorkflowExecutionsRequest(),
            "Cluster is not configured for visibility archival.",
        ),
        (
            api.ListArchivedWorkflowExecutionsRequest(page_size=10_001),
            "PageSize is larger than allowed 10000.",
        ),
        (
            api.ListClosedWorkflowExecutionsRequest(status_filter=bad_status(RUNNING)),
            "StatusFilter must be specified and must be not Running.",
        ),
        (
            api.ListClosedWorkflowExecutionsRequest(status_filter=bad_status(99)),
            "StatusFilter must be specified and must be not Running.",
        ),
        (
            api.ListOpenWorkflowExecutionsRequest(
                start_time_filter=StartTimeFilter(
                    earliest_time=Timestamp(seconds=2), latest_time=Timestamp(seconds=1)
                )
            ),
            "EarliestTime in StartTimeFilter should not be larger than LatestTime.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_bad_request_is_refused(world: World, request_: Message, text: str) -> None:
    request_.MergeFrom(type(request_)(namespace="default"))
    error = await world.refusal(request_)
    words = error.message.partition("\nat ")[0]
    assert (error.code, words) == (StatusCode.INVALID_ARGUMENT, text)


DIVIDED = Payload(metadata={"encoding": b"json/plain"}, data=b'"own"').SerializeToString()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["listed"]),
        ("WorkflowType = 'Type'", ["listed"]),
        ("TemporalNamespaceDivision IS NULL", ["listed"]),
        ("TemporalNamespaceDivision = 'own'", ["own"]),
        ("NamespaceDivision IS NOT NULL", ["own"]),
        ("WorkflowId = 'own'", []),
        ("WorkflowId = 'own' AND TemporalNamespaceDivision != 'other'", ["own"]),
        ("TemporalNamespaceDivision = 'own' OR WorkflowId = 'listed'", ["own", "listed"]),
    ],
)
async def test_executions_with_a_division_are_listed_for_whoever_names_it(
    world: World, query: str, names: list[str]
) -> None:
    own_row = row("own", started=2, fields={"TemporalNamespaceDivision": DIVIDED})
    await show(world, [row("listed"), own_row])
    request = api.ListWorkflowExecutionsRequest(namespace="default", query=query)
    found = await world.call(request, api.ListWorkflowExecutionsResponse)
    assert [one.execution.workflow_id for one in found.executions] == names
    counting = api.CountWorkflowExecutionsRequest(namespace="default", query=query)
    counted = await world.call(counting, api.CountWorkflowExecutionsResponse)
    assert counted.count == len(names)


async def test_counts_by_division_name_it(world: World) -> None:
    own_row = row("own", fields={"TemporalNamespaceDivision": DIVIDED})
    await show(world, [row("listed"), own_row])
    request = api.CountWorkflowExecutionsRequest(
        namespace="default", query="GROUP BY TemporalNamespaceDivision"
    )
    assert (await world.call(request, api.CountWorkflowExecutionsResponse)).count == 2
    opened = api.ListOpenWorkflowExecutionsRequest(namespace="default")
    listed = await world.call(opened, api.ListOpenWorkflowExecutionsResponse)
    assert [one.execution.workflow_id for one in listed.executions] == ["listed"]
