"""From typed words to values, and from values to text."""

import argparse
import io
import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.service import ServiceClient

from indelible.cli.completion_command import answers
from indelible.cli.main import main
from indelible.cli.output import Color, Output, wants_color
from indelible.cli.parsing import parsed_options
from indelible.cli.session import CommandFailedError, Session
from indelible.cli.tables.registry import command_at
from indelible.cli.values import (
    ValueRefusedError,
    duration,
    instant,
    json_pairs,
    shown_duration,
    shown_instant,
)
from indelible.cli.verbs.messages import plain_number, precise
from indelible.cli.verbs.payloads import failure_text, json_payload

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "span"),
    [
        ("30s", timedelta(seconds=30)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        ("1d2h", timedelta(hours=26)),
        ("250ms", timedelta(milliseconds=250)),
        ("-5s", timedelta(seconds=-5)),
        ("0", timedelta()),
    ],
)
def test_a_duration_is_read(written: str, span: timedelta) -> None:
    assert duration(written) == span


@pytest.mark.parametrize("written", ["", "5", "5x", "s", "1h ", "1 h", "5s5"])
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no duration"):
        duration(written)


@pytest.mark.parametrize("written", ["", "2030-01-02", "2030-01-02T03:04:05", "soon"])
def test_a_time_needs_its_zone(written: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no time"):
        instant(written)
    assert instant("2030-01-02T03:04:05Z") == NOW


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (timedelta(), "0s"),
        (timedelta(milliseconds=3), "3ms"),
        (timedelta(seconds=1.5), "1.5s"),
        (timedelta(seconds=60), "1m"),
        (timedelta(days=1, hours=2, seconds=3), "1d 2h 3s"),
        (timedelta(seconds=-1), "-1s"),
    ],
)
def test_a_duration_is_shown(span: timedelta, shown: str) -> None:
    assert shown_duration(span) == shown


@pytest.mark.parametrize(
    ("form", "time", "shown"),
    [
        ("relative", NOW, "now"),
        ("relative", NOW - timedelta(seconds=1), "1 second ago"),
        ("relative", NOW - timedelta(days=15), "2 weeks ago"),
        ("relative", NOW + timedelta(hours=5), "in 5 hours"),
        ("iso", NOW, "2030-01-02T03:04:05Z"),
        ("raw", NOW, "2030-01-02 03:04:05+00:00"),
    ],
)
def test_a_time_is_shown(form: str, time: datetime, shown: str) -> None:
    assert shown_instant(time, form, NOW) == shown


@pytest.mark.parametrize(
    ("nanos", "shown"),
    [
        (0, "1970-01-01T00:01:40Z"),
        (120_000_000, "1970-01-01T00:01:40.12Z"),
        (7, "1970-01-01T00:01:40.000000007Z"),
    ],
)
def test_a_time_of_a_record_has_no_zeros_at_its_end(nanos: int, shown: str) -> None:
    assert precise(Timestamp(seconds=100, nanos=nanos)) == shown


@pytest.mark.parametrize(
    ("word", "told"), [("a", "takes KEY=VALUE"), ("a=b", "must be JSON"), ("=", "must be JSON")]
)
def test_a_pair_that_cannot_be_read_is_refused(word: str, told: str) -> None:
    with pytest.raises(ValueRefusedError, match=re.escape(told)):
        json_pairs([word], "--memo")


# -------------------------------------------------------------------------------------- options
@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        (["--tls"], "tls", True),
        (["--tls=false"], "tls", False),
        ([], "tls", None),
        (["--limit=3"], "limit", 3),
        (["-q", "a"], "query", "a"),
        (["-oJSON"], "output", "json"),
        (["--command-timeout", "5s"], "command_timeout", timedelta(seconds=5)),
        (["--grpc-meta", "a=1", "--grpc-meta", "b=2"], "grpc_meta", ["a=1", "b=2"]),
    ],
)
def test_an_option_is_read(words: list[str], key: str, value: object) -> None:
    command = command_at(("workflow", "list"))
    assert command is not None
    assert getattr(parsed_options(command, words), key) == value


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["workflow", "list", "--lmit", "3"], "did you mean --limit?"),
        (["workflow", "list", "x"], '"x" is one word too many'),
        (["workflow", "list", "-o", "yaml"], "is not one of text, json, jsonl, none"),
        (["workflow", "lst"], "did you mean list?"),
        (["workflow", "update", "strt"], "did you mean start?"),
    ],
)
def test_a_mistake_is_named(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(words)
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert told in capsys.readouterr().err


def test_help_of_a_group_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workflow", "update", "--help"]) == 0
    assert "execute" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (["work"], ["workflow"]),
        (["workflow", "des"], ["describe"]),
        (["workflow", "update", "re"], ["result"]),
        (["workflow", "list", "--qu"], ["--query"]),
        (["workflow", "list", "--output", "js"], ["json", "jsonl"]),
        (["workflow", "list", "--query", ""], []),
        (["workflow", "list", "--query", "x", "--quer"], []),
        (["server", "start-"], ["start-dev"]),
        (["completion", ""], ["bash", "fish", "zsh"]),
        (["nothing", ""], ["workflow"]),
        (["workflow", "list", "--output=js"], ["--output=json", "--output=jsonl"]),
        (["workflow", "list", "--output", "=", "js"], ["json", "jsonl"]),
        (["workflow", "list", "--output", "="], ["text"]),
        (["config", "set", "--prop", "tls.serv"], ["tls.server_name"]),
        (["workflow", "list", "--profile", ""], ["shop", "till"]),
        (["workflow", "list", "--env", "p"], ["prod"]),
        (["workflow", "list", "--env-file", ""], []),
    ],
)
def test_words_are_completed(
    words: list[str], some: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, name, text in (
        ("TEMPORAL_CONFIG_FILE", "temporal.toml", "[profile.shop]\n[profile.till]\n"),
        ("TEMPORAL_ENV_FILE", "temporal.yaml", "env: {prod: {}, test: {}}\n"),
    ):
        (tmp_path / name).write_text(text)
        monkeypatch.setenv(variable, str(tmp_path / name))
    found = [word for word, _ in answers(words)]
    assert [word for word in some if word in found] == some
    assert some or not found


# --------------------------------------------------------------------------------------- output
class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("choice", "form", "make", "variable", "expected"),
    [
        ("auto", "text", _Terminal, "", True),
        ("auto", "text", io.StringIO, "", False),
        ("auto", "text", _Terminal, "1", False),
        ("always", "text", io.StringIO, "", True),
        ("never", "text", _Terminal, "", False),
        ("always", "json", _Terminal, "", False),
    ],
)
def test_colors_are_for_terminals(
    choice: str,
    form: str,
    make: Callable[[], io.StringIO],
    variable: str,
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", variable)
    assert wants_color(choice, form, make()) is expected


def test_columns_fit_whatever_the_colors() -> None:
    stream = io.StringIO()
    output = Output(now=NOW, stream=stream, is_colored=True)
    output.table(("A", "B"), [(output.colored("long", Color.RED), 1), ("x", 2)])
    lines = re.sub(r"\x1b\[\d+m", "", stream.getvalue()).splitlines()
    assert lines == ["  A     B", "  long  1", "  x     2"]


@pytest.mark.parametrize(
    ("typed", "is_confirmed"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("", False)]
)
def test_a_question_waits_for_a_yes(
    typed: str, is_confirmed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    stream = io.StringIO()
    options = argparse.Namespace(yes=None)
    session = Session(
        options=options,
        output=Output(now=NOW, stream=stream),
        namespace="default",
        identity="me",
        service=cast("ServiceClient", None),  # A question to the person asks no server.
    )
    if is_confirmed:
        session.confirm("Sure?")
    else:
        with pytest.raises(CommandFailedError, match="nothing was done"):
            session.confirm("Sure?")
    assert stream.getvalue() == "Sure? y/N "


def test_a_list_is_one_array() -> None:
    stream = io.StringIO()
    output = Output(form="json", now=NOW, stream=stream)
    with output.listing():
        output.document({"a": 1})
        output.document({"b": 2})
    assert stream.getvalue() == '[\n{\n  "a": 1\n},\n{\n  "b": 2\n}\n]\n'


@pytest.mark.parametrize(
    "value", [0.0, 2.0, -3.0, 0.1, 0.13333334, 1.1, 33.333332, 1e-7, 16777.217]
)
def test_a_number_of_32_bits_is_written_as_short_as_it_can_be(value: float) -> None:
    (single,) = struct.unpack("f", struct.pack("f", value))
    shown = plain_number(single)
    assert shown == value
    assert isinstance(shown, int) is value.is_integer()


_DRAWN = ["first", "second", "\x1b[31mthir\x1b[0md line", "fourth line", "fifth"]


@pytest.mark.parametrize(
    ("is_last", "lines"),
    [(False, ["\x1b[31mthir\x1b[0md …", "fourth…", "fifth"]), (True, _DRAWN)],
    ids=["will-go", "stays"],
)
def test_what_is_drawn_again_fits_the_terminal(
    is_last: bool, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "7")
    monkeypatch.setenv("LINES", "4")
    stream = _Terminal()
    output = Output(now=NOW, stream=stream)
    assert output.overwrite(_DRAWN, 2, is_last=is_last) == len(lines)
    assert stream.getvalue() == "\x1b[2A\x1b[J" + "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize(("make", "said"), [(_Terminal, "a b…"), (io.StringIO, "a b cd e")])
def test_what_is_said_of_an_event_fits_the_line(
    make: Callable[[], io.StringIO], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "10")
    assert Output(now=NOW, stream=make()).fitting("a\nb  cd\te", 6) == said


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        (
            json_payload({"message": "no more milk", "stack_trace": "till"}),
            "no more milk\n    till",
        ),
        (Payload(metadata={"encoding": b"binary/encrypted"}, data=b"?"), "Encoded failure"),
        (None, "Encoded failure"),
    ],
    ids=["decoded", "unreadable", "none"],
)
def test_a_failure_may_keep_its_words_in_a_payload(kept: Payload | None, told: str) -> None:
    failure = Failure(message="Encoded failure", encoded_attributes=kept)
    assert failure_text(failure) == told
