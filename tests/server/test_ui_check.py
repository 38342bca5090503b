"""The check of the official Web UI: its judgement, and the names in its table."""

import pytest

from scripts.ui_check.comparing import Observation, judged, normal_lines
from scripts.ui_check.deliberate import unmeant
from scripts.ui_check.drives import drives
from scripts.ui_check.listening import Heard
from scripts.ui_check.pages import pages

UUID = "0123abcd-0123-4abc-8abc-0123456789ab"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"run {UUID}", ["run <id>"]),
        ("Start\n\nNov 28, 2026, 5:12:49.91 PM UTC", ["Start", "<time>"]),
        ("2026-11-28T05:12:49.91Z", ["<time>"]),
        ("23s 634ms", ["<span>"]),
        ("1.92 KB", ["<size>"]),
        ("683e6cf...13820d2 ui", ["<id> ui"]),
        ("18 new events loaded", []),
        ("History Size Bytes\n1782\n1782", ["History Size Bytes", "<number>", "1782"]),
        ("12986@host-418b68138c4", ["<identity>"]),
        ("Attempt  2 / 7", ["Attempt 2 / 7"]),
    ],
)
def test_chance_is_taken_out_of_a_page_and_nothing_else(text: str, expected: list[str]) -> None:
    assert list(normal_lines(text)) == expected


def observation(*, errors: str = "", broken: str = "", lines: str = "") -> Observation:
    return Observation(
        name="page",
        broken=broken,
        errors=frozenset(errors.split()),
        lines=tuple(lines.split()),
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "faults"),
    [
        (observation(), None, []),
        (observation(lines="a"), None, []),
        (observation(errors="x"), None, ["x"]),
        (observation(broken="b"), None, ["b"]),
        (observation(errors="expected"), None, []),
        (observation(errors="x"), observation(errors="x"), []),
        (observation(), observation(errors="x"), []),
        (observation(errors="x"), observation(errors="y"), ["x"]),
        (observation(lines="a b"), observation(lines="b a"), []),
        (
            observation(lines="a b"),
            observation(lines="b c"),
            ["only ours:      a", "only reference: c"],
        ),
    ],
)
def test_a_fault_is_what_the_reference_does_not_say(
    ours: Observation, theirs: Observation | None, faults: list[str]
) -> None:
    assert list(judged(ours, theirs, expected=("expected",)).faults) == faults


@pytest.mark.parametrize(
    ("act", "fault", "is_left"),
    [
        ("schedule", "only reference: 1 year", False),
        ("edit a schedule", "only ours:      None", False),
        ("schedule", "only reference: 2 years", True),
        ("schedules", "only reference: 1 year", True),
    ],
)
def test_what_is_meant_is_no_fault(act: str, fault: str, is_left: bool) -> None:
    assert list(unmeant(act, [fault])) == ([fault] if is_left else [])


def told(method: str, **params: object) -> tuple[str, dict[str, object]]:
    return method, params


ASKED = told(
    "Network.requestWillBeSent",
    requestId="1",
    request={"method": "POST", "url": f"http://127.0.0.1:1/api/v1/w/{UUID}?a=b"},
)
ANSWERED = told(
    "Network.responseReceived",
    requestId="1",
    response={"status": 404, "url": f"http://127.0.0.1:1/api/v1/w/{UUID}?a=b"},
)


async def test_what_a_page_says_has_the_same_name_on_every_server() -> None:
    heard = Heard()
    for method, params in (
        ASKED,
        ANSWERED,
        told("Runtime.consoleAPICalled", type="error", args=[{"value": f"lost {UUID}"}]),
        told("Runtime.consoleAPICalled", type="log", args=[{"value": "well"}]),
        told("Log.entryAdded", entry={"level": "error", "text": "Failed to load resource: x"}),
    ):
        heard.listen(method, params)
    assert heard.is_waiting
    heard.listen("Network.loadingFinished", {"requestId": "1"})
    assert not heard.is_waiting
    assert heard.refused == {"404 POST /api/v1/w/<id>"}
    assert heard.errors == {"lost <id>"}


def test_every_line_of_the_table_has_its_own_name() -> None:
    names = [act.name for act in (*pages(), *drives())]
    assert len(set(names)) == len(names)
