"""The file of dynamic configuration: its form, and what a change of it does."""

import os
from pathlib import Path

import pytest

from indelible.base.ids import QueueType
from indelible.base.limits import DEFAULT_LIMITS
from indelible.server.dynamic_config import Constraints, DynamicConfig
from indelible.server.dynamic_config_file import BrokenFileError, DynamicConfigFile, parse_file
from indelible.server.refusal import StartRefusedError

KEY = "limit.blobSize.error"


def only_constraints(text: str) -> Constraints:
    content = f"{KEY}:\n  - value: 1\n    constraints: {text}\n"
    (value,) = parse_file(content.encode())[KEY]
    assert not value.fault, value.fault
    return value.constraints


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", Constraints()),
        ("", Constraints()),
        ("{namespace: n}", Constraints(namespace="n")),
        ("{NameSpace: n}", Constraints(namespace="n")),
        (
            "{namespace: n, taskQueueName: q, taskType: Activity}",
            Constraints(namespace="n", queue="q", queue_type=QueueType.ACTIVITY),
        ),
        ("{taskType: 1}", Constraints(queue_type=QueueType.WORKFLOW)),
    ],
)
def test_constraints(text: str, expected: Constraints) -> None:
    assert only_constraints(text) == expected


@pytest.mark.parametrize(
    "text",
    ["{shardId: 3}", "{namespace: 3}", "{taskType: Cron}", "{taskType: 0}", "{taskType: true}"],
)
def test_constraints_that_mean_nothing_here_spoil_their_value_alone(text: str) -> None:
    content = f"{KEY}:\n  - value: 1\n    constraints: {text}\nlimit.memoSize.error: [value: 2]\n"
    config = DynamicConfig()
    assert len(config.read_file(parse_file(content.encode()))) == 1
    assert config.limits("n").blob_bytes_max == DEFAULT_LIMITS.blob_bytes_max
    assert config.limits("n").memo_bytes_max == 2


@pytest.mark.parametrize(
    "content",
    [
        "- a list",
        "just a word",
        f"{KEY}: 5",
        f"{KEY}: [5]",
        f"{KEY}: [worth: 5]",
        f"{KEY}: [{{value: 5, constraint: {{}}}}]",
        "5: []",
        "{",
        "a: *nobody",
        "\x00",
    ],
)
def test_a_file_of_another_form_is_broken(content: str) -> None:
    with pytest.raises(BrokenFileError):
        parse_file(content.encode())


def test_an_empty_file_sets_nothing() -> None:
    assert parse_file(b"# nothing yet\n") == {}
    assert parse_file(f"{KEY}:\n".encode()) == {KEY: []}


class Edited:
    """A file whose every change can be told from the last one."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "dynamic.yaml"
        self.config = DynamicConfig()
        self._tick = 1_700_000_000

    def write(self, content: str) -> None:
        self.path.write_text(content)
        self._tick += 1
        os.utime(self.path, (self._tick, self._tick))

    @property
    def blob_bytes_max(self) -> int:
        return self.config.limits("default").blob_bytes_max


def test_a_change_is_read_and_a_broken_one_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edited = Edited(tmp_path)
    edited.write(f"{KEY}: [value: 5]")
    file = DynamicConfigFile(edited.path, edited.config)
    file.load()
    assert edited.blob_bytes_max == 5
    for content, expected in [
        (f"{KEY}: [value: 6]", 6),
        (f"{KEY}: [value: six]", 6),
        ("{", 6),
        (f"{KEY}: [value: 7]", 7),
        ("", DEFAULT_LIMITS.blob_bytes_max),
    ]:
        edited.write(content)
        file.refresh()
        assert edited.blob_bytes_max == expected, content


def test_a_file_that_goes_away_leaves_everything_as_it_was(tmp_path: Path) -> None:
    edited = Edited(tmp_path)
    edited.write(f"{KEY}: [value: 5]")
    file = DynamicConfigFile(edited.path, edited.config)
    file.load()
    edited.path.unlink()
    file.refresh()
    file.refresh()
    assert edited.blob_bytes_max == 5


@pytest.mark.parametrize("content", [None, "{"])
def test_a_server_does_not_start_with_a_file_that_it_cannot_read(
    tmp_path: Path, content: str | None
) -> None:
    edited = Edited(tmp_path)
    if content is not None:
        edited.write(content)
    with pytest.raises(StartRefusedError, match=r"dynamic\.yaml"):
        DynamicConfigFile(edited.path, edited.config).load()
