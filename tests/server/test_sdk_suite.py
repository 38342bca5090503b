"""What the script makes of records and names; running it needs the SDK's suite."""

import json
from pathlib import Path

import pytest

from scripts.sdk_suite.names import dotted_name, node_id, read_names
from scripts.sdk_suite.outcomes import Outcome, Run, read_page, summarize


@pytest.mark.parametrize(
    ("node", "dotted"),
    [
        ("tests/test_a.py::test_x", "tests.test_a::test_x"),
        ("tests/in/test_a.py::TestX::test_x", "tests.in.test_a.TestX::test_x"),
        ("tests/test_a.py::test_x[a::b-/c.py]", "tests.test_a::test_x[a::b-/c.py]"),
        ("tests/test_a.py::TestX::test_x[T::y]", "tests.test_a.TestX::test_x[T::y]"),
    ],
)
def test_names_translate_both_ways(tmp_path: Path, node: str, dotted: str) -> None:
    for path in ("tests/test_a.py", "tests/in/test_a.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert dotted_name(node) == dotted
    assert node_id(dotted, tmp_path) == node
    assert node_id(node, tmp_path) == node


def test_a_name_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"tests\.gone::test_x"):
        node_id("tests.gone::test_x", tmp_path)


def test_a_list_may_hold_comments(tmp_path: Path) -> None:
    path = tmp_path / "names"
    path.write_text("# those that hang\n\n tests.a::test_x[# 1] \n")
    assert read_names(path) == ["tests.a::test_x[# 1]"]


def run_of(tmp_path: Path, *entries: tuple[str, str, str], expected: str = "") -> Run:
    record = tmp_path / "record.jsonl"
    lines = (
        json.dumps({"test": f"tests/a.py::{test}", "event": event, "outcome": outcome, "text": "E"})
        for test, event, outcome in entries
    )
    record.write_text("\n".join(lines))
    run = Run()
    run.expect(f"tests/a.py::{test}" for test in expected.split())
    run.read(record)
    return run


def passed(test: str) -> list[tuple[str, str, str]]:
    phases = [("start", ""), ("setup", "passed"), ("call", "passed"), ("teardown", "passed")]
    return [(test, event, outcome) for event, outcome in phases]


@pytest.mark.parametrize(
    ("entries", "outcome"),
    [
        (passed("x"), Outcome.PASSED),
        ([], Outcome.MISSING),
        (passed("x")[:1], Outcome.UNFINISHED),
        (passed("x")[:3], Outcome.UNFINISHED),
        ([("x", "start", ""), ("x", "setup", "failed")], Outcome.FAILED),
        ([*passed("x")[:2], ("x", "call", "failed"), ("x", "teardown", "passed")], Outcome.FAILED),
        ([*passed("x")[:3], ("x", "teardown", "failed")], Outcome.FAILED),
        (
            [("x", "start", ""), ("x", "setup", "skipped"), ("x", "teardown", "passed")],
            Outcome.SKIPPED,
        ),
    ],
)
def test_outcome_of_a_record(
    tmp_path: Path, entries: list[tuple[str, str, str]], outcome: Outcome
) -> None:
    run = run_of(tmp_path, *entries, expected="x")
    assert run.outcomes == {"tests.a::x": outcome}


def test_runs_are_compared_with_the_page(tmp_path: Path) -> None:
    first = run_of(
        tmp_path,
        *passed("fine"),
        *passed("wavers"),
        *passed("healed"),
        ("broken", "call", "failed"),
        ("known", "call", "failed"),
        expected="missing",
    )
    second = run_of(
        tmp_path,
        *passed("fine"),
        *passed("healed"),
        ("broken", "start", ""),
        ("wavers", "call", "failed"),
        ("known", "call", "failed"),
        expected="missing",
    )
    page = tmp_path / "page.md"
    page.write_text(
        "`tests.a::broken` is told about, but not in a table.\n\n"
        "| test | reason |\n| --- | --- |\n"
        "| `tests.a::known` | the client's own |\n| `tests.a::healed` | was slow |\n"
    )
    summary = summarize([first, second], read_page(page))
    assert summary.differences == ["tests.a::broken", "tests.a::missing"]
    assert summary.flakes == ["tests.a::wavers"]
    assert summary.excused == ["tests.a::known"]
    assert summary.obsolete == ["tests.a::healed"]
    assert not summary.is_clean
    assert summary.counts[1]["unfinished"] == 1


def test_a_clean_summary_needs_every_pass(tmp_path: Path) -> None:
    runs = [run_of(tmp_path, *passed("fine")) for _ in range(2)]
    assert summarize(runs, frozenset()).is_clean
    runs.append(run_of(tmp_path, expected="fine"))
    assert not summarize(runs, frozenset({"tests.a::fine"})).is_clean
