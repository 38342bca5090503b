"""Markers, memo and search attributes (semantics 4.7, 8.4, 16)."""

from collections.abc import Mapping
from typing import Any, Final

import pytest
from temporalio.api.command.v1 import (
    Command,
    ModifyWorkflowPropertiesCommandAttributes,
    UpsertWorkflowSearchAttributesCommandAttributes,
)
from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.enums.v1 import CommandType

from indelible.base.limits import Limits
from tests.engine.workflow.run import Run
from tests.engine.workflow.transcript import Script, check

LONG: Final = "x" * 1001


def test_a_marker_is_written_and_means_nothing() -> None:
    check(
        """
        0 begin
        0 complete
        * marker Version change=1
        * marker SideEffect
          4 WorkflowTaskCompleted
          5 MarkerRecorded Version
          6 MarkerRecorded SideEffect
          < main workflow 2
        """
    )


def test_upserts_merge_name_by_name() -> None:
    run = Script()
    run.play("0 begin")
    run.play("0 complete", "* memo a=1 b=2", "* search-attributes x=1 y=2", "* timer t 1")
    run.play("1 fire")
    run.play("1 work")
    run.play("1 complete", "* memo b=3 c=4 a=null", "* search-attributes y=[] x=[1]")
    assert _shown(run.run.state.memo) == {"b": "3", "c": "4"}
    assert _shown(run.run.state.search_attributes) == {"x": "[1]"}


def test_a_null_payload_of_another_encoding_removes_too() -> None:
    run = Script()
    run.play("0 begin")
    run.play("0 complete", "* memo a=1 b=2", "* timer t 1")
    run.play("1 fire")
    run.play("1 work")
    command = Command(
        command_type=CommandType.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES,
        modify_workflow_properties_command_attributes=ModifyWorkflowPropertiesCommandAttributes(),
    )
    fields = command.modify_workflow_properties_command_attributes.upserted_memo.fields
    fields["a"].metadata["encoding"] = b"binary/null"
    assert run.run.complete_task([command]) is None
    assert _shown(run.run.state.memo) == {"b": "2"}


def _shown(fields: Mapping[str, bytes]) -> dict[str, str]:
    return {name: Payload.FromString(raw).data.decode() for name, raw in fields.items()}


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("marker", "BAD_RECORD_MARKER_ATTRIBUTES: MarkerName is not set on RecordMarkerCommand."),
        (
            f"marker {LONG}",
            (
                "BAD_RECORD_MARKER_ATTRIBUTES: "
                "MarkerName on RecordMarkerCommand exceeds length limit. "
                f"MarkerName={LONG} Length=1001 Limit=1000"
            ),
        ),
        (
            f"marker m details={LONG}",
            (
                "BAD_RECORD_MARKER_ATTRIBUTES and terminate: "
                "RecordMarkerCommandAttributes.Details exceeds size limit."
            ),
        ),
        (
            "search-attributes",
            (
                "BAD_SEARCH_ATTRIBUTES: "
                "IndexedFields is not set on UpsertWorkflowSearchAttributesCommand."
            ),
        ),
        (
            "search-attributes known=1 unknown=2",
            "BAD_SEARCH_ATTRIBUTES: search attribute unknown is not defined",
        ),
        (
            "search-attributes a=1 b=2 c=3 d=4",
            "BAD_SEARCH_ATTRIBUTES: number of search attributes 4 exceeds limit 3",
        ),
        (
            "search-attributes a=1 b=12345678901",
            (
                "BAD_SEARCH_ATTRIBUTES and terminate: "
                "search attribute b value size 11 exceeds size limit 10"
            ),
        ),
        (
            "search-attributes a=1234567890 b=1234567890",
            (
                "BAD_SEARCH_ATTRIBUTES and terminate: "
                "total size of search attributes 86 exceeds size limit 80"
            ),
        ),
        (
            f"search-attributes a={LONG}",
            (
                "BAD_SEARCH_ATTRIBUTES and terminate: "
                "UpsertWorkflowSearchAttributesCommandAttributes exceeds size limit."
            ),
        ),
        (
            "memo",
            (
                "BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES: "
                "UpsertedMemo.Fields is not set on ModifyWorkflowPropertiesCommand."
            ),
        ),
        (
            "memo a=1234567890 b=1234567890",
            (
                "BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES and terminate: "
                "ModifyWorkflowPropertiesCommandAttributes. Memo exceeds size limit."
            ),
        ),
        (
            f"memo a={LONG}",
            (
                "BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES and terminate: "
                "ModifyWorkflowPropertiesCommandAttributes exceeds size limit."
            ),
        ),
    ],
)
def test_commands_that_are_refused(command: str, answer: str) -> None:
    run = Script(
        Limits(
            blob_bytes_max=100,
            memo_bytes_max=80,
            search_attribute_keys_max=3,
            search_attribute_value_bytes_max=10,
            search_attributes_bytes_max=80,
        )
    )
    run.run.unknown_attributes = ["unknown"]
    run.play("0 begin")
    assert run.play("0 complete", f"* {command}")[-1] == f"! {answer}"


def test_what_was_merged_before_counts() -> None:
    run = Script(Limits(search_attribute_keys_max=2, memo_bytes_max=80))
    run.play("0 begin")
    run.play("0 complete", "* memo a=1234567890", "* search-attributes a=1 b=2", "* timer t 0")
    run.play("0 fire")
    run.play("0 work")
    answer = run.play("0 complete", "* search-attributes a=null c=3")
    assert not answer[-1].startswith("!")
    run.play("1 signal s")
    run.play("1 work")
    answer = run.play("1 complete", "* memo b=1234567890")
    assert answer[-1].endswith("Memo exceeds size limit.")


def _command(kind: str, **attributes: Any) -> Command:
    name = f"COMMAND_TYPE_{kind.upper()}"
    return Command(command_type=CommandType.Value(name), **attributes)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            _command("record_marker"),
            "RecordMarkerCommandAttributes is not set on RecordMarkerCommand.",
        ),
        (
            _command("start_timer"),
            "StartTimerCommandAttributes is not set on StartTimerCommand.",
        ),
        (
            _command("cancel_timer"),
            "CancelTimerCommandAttributes is not set on CancelTimerCommand.",
        ),
        (
            _command("request_cancel_activity_task"),
            (
                "RequestCancelActivityTaskCommandAttributes is not set on "
                "RequestCancelActivityTaskCommand."
            ),
        ),
        (
            _command("upsert_workflow_search_attributes"),
            (
                "UpsertWorkflowSearchAttributesCommandAttributes is not set on "
                "UpsertWorkflowSearchAttributesCommand."
            ),
        ),
        (
            _command(
                "upsert_workflow_search_attributes",
                upsert_workflow_search_attributes_command_attributes=(
                    UpsertWorkflowSearchAttributesCommandAttributes()
                ),
            ),
            "SearchAttributes is not set on UpsertWorkflowSearchAttributesCommand.",
        ),
        (
            _command("modify_workflow_properties"),
            (
                "ModifyWorkflowPropertiesCommandAttributes is not set on "
                "ModifyWorkflowPropertiesCommand."
            ),
        ),
        (
            _command(
                "modify_workflow_properties",
                modify_workflow_properties_command_attributes=(
                    ModifyWorkflowPropertiesCommandAttributes()
                ),
            ),
            "UpsertedMemo is not set on ModifyWorkflowPropertiesCommand.",
        ),
    ],
)
def test_commands_without_attributes_are_refused(command: Command, message: str) -> None:
    run = Run()
    run.start()
    run.start_task()
    refusal = run.complete_task([command])
    assert refusal is not None
    assert refusal.message == message


def test_the_notes_of_a_command_reach_its_event() -> None:
    run = Run()
    run.start()
    run.start_task()
    command = Command(
        command_type=CommandType.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
        upsert_workflow_search_attributes_command_attributes=(
            UpsertWorkflowSearchAttributesCommandAttributes(
                search_attributes=SearchAttributes(indexed_fields={"a": Payload(data=b"1")})
            )
        ),
    )
    command.user_metadata.summary.data = b"why"
    command.event_group_markers.add()
    run.complete_task([command])
    event = run.history[-1]
    assert event.user_metadata == command.user_metadata
    assert list(event.event_group_markers) == list(command.event_group_markers)
    assert (
        event.upsert_workflow_search_attributes_event_attributes.workflow_task_completed_event_id
        == 4
    )
