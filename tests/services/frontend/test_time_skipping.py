"""Configurations of time skipping: what is refused, in which words, and what is filled in."""

from collections.abc import Callable

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from msgspec.structs import replace
from temporalio.api.batch.v1 import BatchOperationUpdateWorkflowExecutionOptions
from temporalio.api.common.v1 import FastForwardConfig, TimeSkippingConfig, WorkflowExecution
from temporalio.api.workflow.v1 import PostResetOperation, WorkflowExecutionOptions
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import StatusCode
from tests.services.frontend.test_starting import merge, signal_with_start, start
from tests.services.frontend.world import UNHURRIED, World

ALLOWED = replace(UNHURRIED, time_skipping=True, time_skips_per_session=7)
DAY = Duration(seconds=86_400)
MASK = FieldMask(paths=["time_skipping_config"])
EXECUTION = WorkflowExecution(workflow_id="w")
BAD = [
    (
        TimeSkippingConfig(enabled=True, fast_forward_config=FastForwardConfig(id="f")),
        "Time skipping config invalid: fast_forward duration must be positive",
    ),
    (
        TimeSkippingConfig(
            enabled=True, fast_forward_config=FastForwardConfig(id=" ", duration=DAY)
        ),
        "Time skipping config invalid: fast_forward_id must be set",
    ),
    (
        TimeSkippingConfig(fast_forward_config=FastForwardConfig(id="f", duration=DAY)),
        "time_skipping_config: cannot set fast_forward when enabled is false",
    ),
]


def _change(config: TimeSkippingConfig) -> Message:
    return api.UpdateWorkflowExecutionOptionsRequest(
        namespace="default",
        workflow_execution=EXECUTION,
        workflow_execution_options=WorkflowExecutionOptions(time_skipping_config=config),
        update_mask=MASK,
    )


def _reset(config: TimeSkippingConfig) -> Message:
    change = PostResetOperation.UpdateWorkflowOptions(
        workflow_execution_options=WorkflowExecutionOptions(time_skipping_config=config),
        update_mask=MASK,
    )
    return api.ResetWorkflowExecutionRequest(
        namespace="default",
        workflow_execution=EXECUTION,
        request_id="r",
        post_reset_operations=[PostResetOperation(update_workflow_options=change)],
    )


def _batch(config: TimeSkippingConfig) -> Message:
    return api.StartBatchOperationRequest(
        namespace="default",
        job_id="job",
        reason="because",
        executions=[EXECUTION],
        update_workflow_options_operation=BatchOperationUpdateWorkflowExecutionOptions(
            workflow_execution_options=WorkflowExecutionOptions(time_skipping_config=config),
            update_mask=MASK,
        ),
    )


WAYS: dict[str, Callable[[TimeSkippingConfig], Message]] = {
    "start": lambda config: start(merge(time_skipping_config=config)),
    "signal with start": lambda config: signal_with_start(merge(time_skipping_config=config)),
    "options": _change,
    "reset": _reset,
    "batch": _batch,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("config", "words"), BAD, ids=["span", "id", "off"])
async def test_a_bad_configuration_is_refused(
    way: Callable[[TimeSkippingConfig], Message], config: TimeSkippingConfig, words: str
) -> None:
    world = await World(limits=ALLOWED).load()
    error = await world.refusal(way(config))
    assert (error.code, error.message) == (StatusCode.INVALID_ARGUMENT, words)
    assert world.history.calls == []


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_where_it_is_not_enabled_it_is_not_ignored(
    way: Callable[[TimeSkippingConfig], Message],
) -> None:
    world = await World().load()
    error = await world.refusal(way(TimeSkippingConfig(enabled=True)))
    assert error.code is StatusCode.UNIMPLEMENTED
    assert world.history.calls == []


@pytest.mark.parametrize(("given", "completed"), [(0, 7), (300, 300)])
async def test_the_bound_of_jumps_is_filled_in(given: int, completed: int) -> None:
    world = await World(limits=ALLOWED).load()
    config = TimeSkippingConfig(enabled=True, max_session_skip_count=given)
    await world.call(start(merge(time_skipping_config=config)), api.StartWorkflowExecutionResponse)
    _, asked = world.history.calls[-1]
    assert isinstance(asked, api.StartWorkflowExecutionRequest)
    assert asked.time_skipping_config.max_session_skip_count == completed


@pytest.mark.parametrize(
    ("execution", "name", "words"),
    [
        ({}, "f", "Can't load workflow execution.  WorkflowId not set."),
        ({"workflow_id": "w", "run_id": "x"}, "f", "RunId is not valid UUID."),
        ({"workflow_id": "w"}, " ", "Time skipping config invalid: fast_forward_id must be set"),
    ],
)
async def test_a_bad_wait_for_a_fast_forward_is_refused(
    execution: dict[str, str], name: str, words: str
) -> None:
    request = api.PollWorkflowExecutionTimeSkippingRequest(
        namespace="default",
        workflow_execution=WorkflowExecution(**execution),
        fast_forward_id=name,
    )
    error = await (await World(limits=ALLOWED).load()).refusal(request)
    assert (error.code, error.message) == (StatusCode.INVALID_ARGUMENT, words)
