"""The closed lists of the engine are complete: events, deltas, commands, records (style rule 4)."""

import ast
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from temporalio.api import history
from temporalio.api.enums.v1 import CommandType, EventType

from indelible.engine import workflow
from indelible.engine.workflow import deltas, history_events
from indelible.engine.workflow.appliers import APPLIERS, DELTA_APPLIERS
from indelible.engine.workflow.commands.registry import CLOSING_COMMANDS, COMMANDS
from indelible.engine.workflow.expirations.firing import fire_due
from indelible.engine.workflow.history_events import ATTRIBUTES, DEFERRED, WORKFLOW_CLOSINGS
from indelible.engine.workflow.state import (
    RECORD_TYPES,
    ActivityRecord,
    DispatchRef,
    ExecutionRecord,
    MutableState,
    Record,
    RecordKind,
    WorkflowTaskRecord,
)
from tests.engine.workflow.run import SEED

ENGINE: Final = Path(workflow.__file__ or "").parent


def _names_in(path: Path) -> set[str]:
    """Return all names that a module uses or imports."""
    tree = ast.parse(path.read_text())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return names


def _built_event_types() -> set[int]:
    """Return the types of all events that some decision builds, by their attributes classes."""
    by_name = {kind.__name__: event_type for kind, (event_type, _) in ATTRIBUTES.items()}
    deciding = [
        path
        for folder in ("rules", "commands", "requests", "expirations")
        for path in sorted((ENGINE / folder).glob("*.py"))
    ]
    names = set[str]().union(*(_names_in(path) for path in deciding))
    return {event_type for name, event_type in by_name.items() if name in names}


def test_every_event_that_is_built_has_an_applier() -> None:
    built = _built_event_types()
    assert len(built) > 30, "the search for built events finds them"
    assert built <= set(APPLIERS)


def test_every_applier_is_for_an_event_that_exists() -> None:
    assert set(APPLIERS) <= {event_type for event_type, _ in ATTRIBUTES.values()}


def test_every_event_type_of_the_api_has_its_attributes() -> None:
    known = {event_type for event_type, _ in ATTRIBUTES.values()}
    assert known == set(EventType.values()) - {EventType.EVENT_TYPE_UNSPECIFIED}
    assert all(kind.__module__.startswith(history.__name__) for kind in ATTRIBUTES)


def test_events_are_held_back_or_end_a_run_but_not_both() -> None:
    assert not DEFERRED & WORKFLOW_CLOSINGS
    assert history_events.CLOSINGS <= DEFERRED


def test_every_delta_has_an_applier() -> None:
    assert set(DELTA_APPLIERS) == set(deltas.Delta.__subclasses__())


def test_every_command_of_the_api_has_a_rule() -> None:
    assert set(COMMANDS) == set(CommandType.values()) - {CommandType.COMMAND_TYPE_UNSPECIFIED}
    assert set(COMMANDS) >= CLOSING_COMMANDS


def test_every_kind_of_record_has_a_table_and_a_type() -> None:
    state = MutableState(SEED)
    assert [table.kind for table in state.tables()] == sorted(RecordKind)
    assert set(RECORD_TYPES) == set(RecordKind)


STORED: Final = [*RECORD_TYPES.values(), ExecutionRecord, WorkflowTaskRecord, DispatchRef]


@pytest.mark.parametrize("kind", dict.fromkeys(STORED))
def test_every_record_survives_the_store(kind: type[Record]) -> None:
    record = _filled(kind)
    stored = msgspec.msgpack.encode(record)
    assert msgspec.msgpack.decode(stored, type=kind) == record
    assert msgspec.msgpack.encode(msgspec.msgpack.decode(stored, type=kind)) == stored


@pytest.mark.parametrize("kind", dict.fromkeys(STORED))
def test_fields_that_may_come_later_have_defaults(kind: type[Record]) -> None:
    required = _required(kind)
    oldest = msgspec.msgpack.encode(required)
    assert msgspec.msgpack.decode(oldest, type=kind) == kind(**required)


def _filled(kind: type[Any]) -> Any:
    """Return a record none of whose fields has its default."""
    return kind(**{field.name: _example(field.type) for field in msgspec.structs.fields(kind)})


PLAIN_EXAMPLES: Final[dict[type, Any]] = {
    msgspec.inspect.IntType: 7,
    msgspec.inspect.StrType: "text",
    msgspec.inspect.BytesType: b"bytes",
    msgspec.inspect.BoolType: True,
}


def _example(annotation: object) -> Any:
    """Return a value of a field's type that is nobody's default."""
    node = msgspec.inspect.type_info(annotation)
    match node:
        case msgspec.inspect.EnumType(cls=cls):
            return list(cls)[-1]
        case msgspec.inspect.StructType(cls=cls):
            return _filled(cls)
        case msgspec.inspect.UnionType(types=types):
            structs = [one for one in types if isinstance(one, msgspec.inspect.StructType)]
            return _filled(structs[0].cls)
        case msgspec.inspect.DictType(value_type=msgspec.inspect.BytesType()):
            return {"name": b"bytes"}
        case msgspec.inspect.DictType():
            return {"name": (7, 7)}
        case _:
            return PLAIN_EXAMPLES[type(node)]


def test_a_record_says_what_changed_of_it_and_nothing_else() -> None:
    """Defaults are not stored: a record of a hundred fields costs what is in it."""
    record = ActivityRecord(**_required(ActivityRecord))
    assert len(msgspec.msgpack.encode(record)) < len(
        msgspec.msgpack.encode(_filled(ActivityRecord))
    )


def _required(kind: type[Record]) -> dict[str, Any]:
    return {f.name: _example(f.type) for f in msgspec.structs.fields(kind) if f.required}


def test_every_kind_of_deadline_is_fired_or_left_to_the_caller() -> None:
    assert "assert_never" in _names_in(ENGINE / "expirations" / "firing.py")
    assert fire_due.__doc__
