"""Predicates of workflow rules: what holds of which facts, and how a bad one is refused."""

import pytest

from indelible.base.errors import InvalidArgumentError
from indelible.base.facts import Fact
from indelible.base.workflow_rules import ACTIVITY_FACTS
from indelible.engine.visibility.predicates import compile_predicate

NEW_YEAR = 1_704_067_200_000_000_000
FACTS: dict[str, Fact] = {
    "ActivityId": "a",
    "ActivityType": "ChargeCard",
    "ActivityState": "Scheduled",
    "ActivityStatus": "Scheduled",
    "Attempts": 3,
    "ActivityAttempt": 3,
    "BackoffInterval": 10,
    "LastFailure": "card declined",
    "TaskQueue": "cards",
    "StartedTime": NEW_YEAR,
}
FIRST_ATTEMPT: dict[str, Fact] = FACTS | {
    "Attempts": 1,
    "BackoffInterval": None,
    "LastFailure": None,
    "StartedTime": None,
}


@pytest.mark.parametrize(
    "text",
    [
        "ActivityType = 'ChargeCard'",
        '`ActivityType` = "ChargeCard"',
        "ActivityType != 'Other'",
        "ActivityType STARTS_WITH 'Charge'",
        "ActivityType NOT STARTS_WITH 'Other'",
        "ActivityType IN ('Other', 'ChargeCard')",
        "ActivityId = 'a' AND TaskQueue = 'cards'",
        "ActivityId = 'b' OR TaskQueue = 'cards'",
        "ActivityId = 'b' OR (Attempts > 2 AND NOT ActivityState = 'Started')",
        "ActivityStatus = 'Scheduled'",
        "Attempts = 3",
        "Attempts != 2",
        "Attempts >= 3",
        "Attempts <= 3",
        "Attempts < 4",
        "ActivityAttempt BETWEEN 3 AND 5",
        "BackoffInterval > 9",
        "LastFailure CONTAINS 'decline'",
        "LastFailure NOT CONTAINS 'timeout'",
        "StartedTime >= '2024-01-01T00:00:00Z'",
        "StartedTime BETWEEN '2023-12-31T00:00:00Z' AND '2024-01-01T00:00:00Z'",
        f"StartedTime = {NEW_YEAR}",
        "LastFailure IS NOT NULL",
    ],
)
def test_it_holds(text: str) -> None:
    assert compile_predicate(text, ACTIVITY_FACTS)(FACTS)


@pytest.mark.parametrize(
    "text",
    [
        "ActivityType = 'chargecard'",
        "ActivityType != 'ChargeCard'",
        "ActivityType NOT STARTS_WITH 'Charge'",
        "ActivityId = 'b' AND TaskQueue = 'cards'",
        "ActivityId = 'b' OR TaskQueue = 'b'",
        "NOT (ActivityId = 'a' OR Attempts > 9)",
        "Attempts NOT BETWEEN 3 AND 5",
        "StartedTime > '2024-01-01T00:00:00Z'",
        "LastFailure NOT CONTAINS 'card'",
    ],
)
def test_it_does_not_hold(text: str) -> None:
    assert not compile_predicate(text, ACTIVITY_FACTS)(FACTS)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("BackoffInterval < 10", False),
        ("BackoffInterval >= 10", False),
        ("NOT BackoffInterval >= 10", False),
        ("BackoffInterval >= 10 OR Attempts = 1", True),
        ("NOT (BackoffInterval >= 10 AND Attempts = 2)", True),
        ("LastFailure NOT CONTAINS 'card'", False),
        ("LastFailure IS NULL AND StartedTime IS NULL", True),
    ],
)
def test_of_what_is_not_known_neither_a_condition_nor_its_opposite_holds(
    text: str, *, holds: bool
) -> None:
    assert compile_predicate(text, ACTIVITY_FACTS)(FIRST_ATTEMPT) is holds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a condition is missing"),
        ("ActivityKind = 'a'", "'ActivityKind' is not one of ActivityId, ActivityType"),
        ("ActivityType", "incomplete expression"),
        ("ActivityType = ", "syntax error"),
        ("ActivityType = ''", "ActivityType cannot be empty"),
        ("ActivityType = 3", "ActivityType is a text, not 3"),
        ("ActivityType > 'a'", "operator '>' on ActivityType"),
        ("ActivityType LIKE 'a'", "operator 'LIKE' on ActivityType"),
        ("ActivityState STARTS_WITH 'a'", "operator 'STARTS_WITH' on ActivityState"),
        ("Attempts = 'two'", "Attempts is a whole number, not 'two'"),
        ("Attempts = 2.5", "Attempts is a whole number, not '2.5'"),
        ("Attempts CONTAINS 2", "operator 'CONTAINS' on Attempts"),
        ("StartedTime > 'noon'", "unable to parse datetime 'noon'"),
        ("Attempts > 1 ORDER BY Attempts", "a clause beside the condition"),
        ("where ActivityId = 'a'", "syntax error"),
    ],
)
def test_a_text_that_means_nothing_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        compile_predicate(text, ACTIVITY_FACTS)
    assert words in refusal.value.message


def test_the_refusal_shows_the_place() -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        compile_predicate("ActivityId = 'a' AND Colour = 'red'", ACTIVITY_FACTS)
    assert "at column 22 of the query" in refusal.value.message
