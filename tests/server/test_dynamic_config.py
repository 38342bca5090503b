"""Which values a key takes, and where they apply."""

from dataclasses import fields

import pytest

from indelible.base.instants import HOUR, MILLISECOND, MINUTE, SECOND
from indelible.base.limits import DEFAULT_LIMITS, Limits
from indelible.server.dynamic_config import (
    LIMIT_KEYS,
    ConstrainedValue,
    DynamicConfig,
    Value,
    parse_assignments,
)
from indelible.server.refusal import StartRefusedError


def config(*words: str) -> DynamicConfig:
    return DynamicConfig(parse_assignments(words))


def test_each_key_sets_a_field_of_its_own() -> None:
    names = [key.field for key in LIMIT_KEYS]
    assert len(set(names)) == len(names)
    assert set(names) <= {field.name for field in fields(Limits)}


@pytest.mark.parametrize(
    ("word", "field", "expected"),
    [
        ("limit.historyCount.suggestContinueAsNew=50", "history_events_suggest", 50),
        ("LIMIT.historycount.SUGGESTcontinueasnew=50", "history_events_suggest", 50),
        ("limit.blobSize.error=0", "blob_bytes_max", 0),
        ('history.defaultWorkflowTaskTimeout="3s"', "workflow_task_timeout_default", 3 * SECOND),
        ("history.defaultWorkflowTaskTimeout=3", "workflow_task_timeout_default", 3 * SECOND),
        (
            "history.defaultWorkflowTaskTimeout=0.5",
            "workflow_task_timeout_default",
            500 * MILLISECOND,
        ),
        (
            'system.namespaceMinRetentionLocal="1h30m"',
            "retention_min",
            HOUR + 30 * MINUTE,
        ),
        ('system.namespaceMinRetentionLocal="90"', "retention_min", 90 * SECOND),
    ],
)
def test_a_value_reaches_its_limit(word: str, field: str, expected: int) -> None:
    assert getattr(config(word).limits("any"), field) == expected


@pytest.mark.parametrize(
    "word",
    [
        "limit.blobSize.error=-1",
        "limit.blobSize.error=1.5",
        "limit.blobSize.error=true",
        'limit.blobSize.error="12"',
        'history.defaultWorkflowTaskTimeout="soon"',
        'history.defaultWorkflowTaskTimeout="1s later"',
        'history.defaultWorkflowTaskTimeout=""',
        "history.defaultWorkflowTaskTimeout=-1",
        "history.defaultWorkflowTaskTimeout=false",
        "history.defaultWorkflowTaskTimeout={}",
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_its_name(word: str) -> None:
    with pytest.raises(StartRefusedError, match=word.partition("=")[0]):
        config(word)


@pytest.mark.parametrize("word", ["limit.blobSize.error", "=1", "a.key=plain text"])
def test_a_word_that_is_no_assignment_is_refused(word: str) -> None:
    with pytest.raises(StartRefusedError):
        config(word)


def test_unknown_keys_are_kept_aside_whatever_their_value() -> None:
    found = config("frontend.enableServerVersionCheck=false", 'a.b={"deep": [1]}')
    assert found.unknown_keys == ["frontend.enableServerVersionCheck", "a.b"]
    assert found.limits("default") == DEFAULT_LIMITS


def test_the_last_of_two_words_wins() -> None:
    found = config("limit.blobSize.error=1", "limit.blobSize.error=2")
    assert found.limits("default").blob_bytes_max == 2


def test_a_namespace_has_its_own_value_and_shares_the_rest() -> None:
    def values(everywhere: Value, here: Value) -> list[ConstrainedValue]:
        return [ConstrainedValue(value=everywhere), ConstrainedValue(value=here, namespace="n")]

    found = DynamicConfig(
        {
            "limit.blobSize.error": values(10, 20),
            "limit.memoSize.error": [ConstrainedValue(value=30)],
        }
    )
    own, shared = found.limits("n"), found.limits("other")
    assert (own.blob_bytes_max, own.memo_bytes_max) == (20, 30)
    assert (shared.blob_bytes_max, shared.memo_bytes_max) == (10, 30)
