"""Queries for standalone activities: words of their own over the columns that all rows have."""

import pytest

from indelible.base.errors import InvalidArgumentError
from indelible.engine.visibility.filters import Comparison
from indelible.engine.visibility.query import ACTIVITIES, compile_query


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ActivityId = 'a'", ("workflow_id", "=", "a")),
        ("ActivityType != 't'", ("workflow_type", "!=", "t")),
        ("TaskQueue = 'q'", ("task_queue", "=", "q")),
        ("ExecutionStatus = 'TimedOut'", ("status", "=", 6)),
        ("ExecutionStatus = 'ACTIVITY_EXECUTION_STATUS_PAUSED'", ("status", "=", 7)),
        ("CloseTime IS NULL", ("close_time", "is null", None)),
    ],
)
def test_activities_have_words_of_their_own(
    query: str, expected: tuple[str, str, str | int | None]
) -> None:
    field, operator, value = expected
    assert compile_query(query, {}, ACTIVITIES).comparisons == (
        Comparison(field=field, is_search_attribute=False, operator=operator, value=value),
    )


def test_a_status_that_only_workflows_have_is_none() -> None:
    with pytest.raises(InvalidArgumentError, match="invalid ExecutionStatus value"):
        compile_query("ExecutionStatus = 'ContinuedAsNew'", {}, ACTIVITIES)


def test_workflows_do_not_know_the_words_of_activities() -> None:
    with pytest.raises(InvalidArgumentError, match="'ActivityId' is not a valid search attribute"):
        compile_query("ActivityId = 'a'", {})
