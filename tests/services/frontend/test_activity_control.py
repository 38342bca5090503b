"""Commands about one activity: what they ask of history, and how a mistake is refused."""

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from msgspec.structs import replace
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import Priority, WorkflowExecution
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import StatusCode
from indelible.base.limits import DEFAULT_LIMITS
from tests.services.frontend.world import RUN_ID, UNHURRIED, World

RUN = WorkflowExecution(workflow_id="w", run_id=RUN_ID)
REQUESTS = (
    api.PauseActivityExecutionRequest,
    api.UnpauseActivityExecutionRequest,
    api.ResetActivityExecutionRequest,
    api.UpdateActivityExecutionOptionsRequest,
)
OPTIONS = ActivityOptions(priority=Priority(priority_key=2))
MASK = FieldMask(paths=["priority"])


@pytest.mark.parametrize(
    ("given", "name", "asked"),
    [
        (
            api.PauseActivityExecutionRequest(reason="lunch", request_id="once"),
            "pause_activity",
            api.PauseActivityRequest(reason="lunch", request_id="once"),
        ),
        (
            api.UnpauseActivityExecutionRequest(jitter=Duration(seconds=3)),
            "unpause_activity",
            api.UnpauseActivityRequest(jitter=Duration(seconds=3)),
        ),
        (
            api.ResetActivityExecutionRequest(
                reset_heartbeat=True, keep_paused=True, restore_original_options=True
            ),
            "reset_activity",
            api.ResetActivityRequest(
                reset_heartbeat=True, keep_paused=True, restore_original_options=True
            ),
        ),
        (
            api.UpdateActivityExecutionOptionsRequest(activity_options=OPTIONS, update_mask=MASK),
            "update_activity_options",
            api.UpdateActivityOptionsRequest(activity_options=OPTIONS, update_mask=MASK),
        ),
        (
            api.UpdateActivityExecutionOptionsRequest(restore_original=True),
            "update_activity_options",
            api.UpdateActivityOptionsRequest(restore_original=True),
        ),
    ],
)
async def test_history_is_asked_for_the_activity_of_the_run(
    world: World, given: Message, name: str, asked: Message
) -> None:
    given.MergeFrom(
        type(given)(
            namespace="default", workflow_id="w", run_id=RUN_ID, activity_id="a", identity="me"
        )
    )
    asked.MergeFrom(type(asked)(execution=RUN, id="a", identity="me"))
    response = getattr(api, type(given).__name__.replace("Request", "Response"))
    await world.call(given, response)
    assert world.history.calls == [(name, asked)]


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"activity_id": ""}, "activity ID is required"),
        (
            {"activity_id": "a" * (DEFAULT_LIMITS.id_bytes_max + 1)},
            "activity ID exceeds length limit. Length=1001 Limit=1000",
        ),
        (
            {"identity": "a" * (DEFAULT_LIMITS.id_bytes_max + 1)},
            "identity exceeds length limit. Length=1001 Limit=1000",
        ),
        (
            {"request_id": "a" * (DEFAULT_LIMITS.id_bytes_max + 1)},
            "request ID exceeds length limit. Length=1001 Limit=1000",
        ),
        ({"run_id": "no"}, "invalid run id: must be a valid UUID"),
    ],
)
async def test_a_bad_request_is_refused(
    world: World, kind: type[Message], fields: dict[str, str], text: str
) -> None:
    known = {"namespace": "default", "workflow_id": "w", "activity_id": "a"}
    refusal = await world.refusal(kind(**{**known, **fields}))
    assert (refusal.code, refusal.message) == (StatusCode.INVALID_ARGUMENT, text)
    assert not world.history.calls


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "ActivityOptions are not provided"),
        ({"activity_options": OPTIONS}, "UpdateMask is not provided"),
        (
            {"activity_options": OPTIONS, "update_mask": FieldMask()},
            "UpdateMask must specify at least one path",
        ),
        (
            {"restore_original": True, "update_mask": MASK},
            "Both UpdateMask and RestoreOriginal are provided",
        ),
    ],
)
async def test_options_need_a_mask(world: World, fields: dict[str, object], text: str) -> None:
    request = api.UpdateActivityExecutionOptionsRequest(
        namespace="default",
        workflow_id="w",
        activity_id="a",
        **fields,  # pyright: ignore[reportArgumentType]
    )
    refusal = await world.refusal(request)
    assert (refusal.code, refusal.message) == (StatusCode.INVALID_ARGUMENT, text)


async def test_a_reason_has_a_bound(world: World) -> None:
    request = api.PauseActivityExecutionRequest(
        namespace="default", workflow_id="w", activity_id="a", reason="r" * (2 * 1024 * 1024)
    )
    await world.call(request, api.PauseActivityExecutionResponse)
    request.reason += "r"
    refusal = await world.refusal(request)
    assert refusal.message == "reason exceeds length limit"


@pytest.mark.parametrize(
    "given",
    [
        api.PauseActivityExecutionRequest(reason="lunch"),
        api.UnpauseActivityExecutionRequest(jitter=Duration(seconds=3)),
        api.ResetActivityExecutionRequest(reset_heartbeat=True, keep_paused=True),
        api.UpdateActivityExecutionOptionsRequest(
            activity_options=ActivityOptions(start_delay=Duration(seconds=1)),
            update_mask=FieldMask(paths=["start_delay"]),
        ),
        api.UpdateActivityExecutionOptionsRequest(restore_original=True),
    ],
)
async def test_without_a_workflow_history_is_asked_for_the_activity_itself(
    world: World, given: Message
) -> None:
    given.MergeFrom(type(given)(namespace="default", activity_id="a", run_id=RUN_ID))
    response = getattr(api, type(given).__name__.replace("Request", "Response"))
    await world.call(given, response)
    (asked,) = world.history.commands
    request_id = getattr(asked, "request_id")  # noqa: B009 - each of the messages has one
    assert request_id
    given.MergeFrom(type(given)(request_id=request_id))
    assert asked == given
    assert not world.history.calls


@pytest.mark.parametrize("kind", REQUESTS)
async def test_commands_of_standalone_activities_can_be_switched_off(kind: type[Message]) -> None:
    world = await World(limits=replace(UNHURRIED, standalone_activity_commands=False)).load()
    refusal = await world.refusal(kind(namespace="default", activity_id="a"))
    assert refusal.code is StatusCode.UNIMPLEMENTED
    assert refusal.message == "Standalone activity operator commands are disabled"


@pytest.mark.parametrize(
    ("kind", "fields", "text"),
    [
        (
            api.UnpauseActivityExecutionRequest,
            {"jitter": Duration(seconds=-1)},
            "invalid jitter: negative duration",
        ),
        (
            api.ResetActivityExecutionRequest,
            {"jitter": Duration(seconds=1, nanos=-1)},
            "invalid jitter: duration has seconds and nanos with different signs",
        ),
        (
            api.UpdateActivityExecutionOptionsRequest,
            {"activity_options": OPTIONS, "update_mask": FieldMask(paths=["priority.none"])},
            'unsupported update_mask path: "priority.none"',
        ),
        (
            api.UpdateActivityExecutionOptionsRequest,
            {"activity_options": OPTIONS, "update_mask": FieldMask(paths=["task_queue.name"])},
            "taskQueue is not set",
        ),
    ],
)
@pytest.mark.parametrize("workflow_id", ["", "w"])
async def test_what_makes_no_sense_is_refused(
    world: World, kind: type[Message], fields: dict[str, object], text: str, workflow_id: str
) -> None:
    known = {"namespace": "default", "activity_id": "a", "workflow_id": workflow_id}
    refusal = await world.refusal(kind(**known, **fields))
    assert (refusal.code, refusal.message) == (StatusCode.INVALID_ARGUMENT, text)
    assert not world.history.commands
    assert not world.history.calls
