"""Workflow rules pause activities that are about to start."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from temporalio.api.rules.v1 import WorkflowRuleSpec
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    CreateWorkflowRuleRequest,
    DeleteWorkflowRuleRequest,
    DescribeWorkflowExecutionRequest,
    ListWorkflowRulesRequest,
    TriggerWorkflowRuleRequest,
    UnpauseActivityRequest,
)
from temporalio.client import WorkflowHandle

from tests.sdk.python.harness import Harness, eventually, execution
from tests.sdk.python.programs.activities import Call, CallActivity, fail_until

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="session")]
Handle = WorkflowHandle[object, object]


def spec(harness: Harness, predicate: str) -> WorkflowRuleSpec:
    made = WorkflowRuleSpec(id=f"rule-{uuid.uuid4()}")
    made.visibility_query = f"WorkflowId STARTS_WITH '{harness.label}'"
    made.activity_start.predicate = predicate
    made.actions.add().activity_pause.SetInParent()
    return made


@asynccontextmanager
async def rule(harness: Harness, predicate: str) -> AsyncIterator[str]:
    service, namespace = harness.client.workflow_service, harness.client.namespace
    made = spec(harness, predicate)
    await service.create_workflow_rule(
        CreateWorkflowRuleRequest(
            namespace=namespace, spec=made, identity="operator", description="look first"
        )
    )
    listed = await service.list_workflow_rules(ListWorkflowRulesRequest(namespace=namespace))
    assert made in [known.spec for known in listed.rules]
    yield made.id
    await service.delete_workflow_rule(
        DeleteWorkflowRuleRequest(namespace=namespace, rule_id=made.id)
    )


async def pending(harness: Harness, handle: Handle) -> list[PendingActivityInfo]:
    described = await harness.client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=harness.client.namespace, execution=execution(handle)
        )
    )
    return list(described.pending_activities)


async def until_paused(harness: Harness, handle: Handle) -> PendingActivityInfo:
    found: list[PendingActivityInfo] = []

    async def is_so() -> bool:
        found[:] = [one for one in await pending(harness, handle) if one.paused]
        return bool(found)

    await eventually(is_so)
    return found[0]


async def unpause(harness: Harness, handle: Handle) -> None:
    await harness.client.workflow_service.unpause_activity(
        UnpauseActivityRequest(
            namespace=harness.client.namespace, execution=execution(handle), type="fail_until"
        )
    )


async def test_a_first_attempt_waits_for_an_operator(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=[fail_until]):
        async with rule(harness, "ActivityType = 'fail_until'") as rule_id:
            handle = await harness.start(CallActivity.run, Call("fail_until", [1]))
            activity = await until_paused(harness, handle)
            assert activity.pause_info.rule.rule_id == rule_id
            assert activity.pause_info.rule.identity == "operator"
            assert activity.pause_info.rule.reason == "look first"
            assert not activity.HasField("last_started_time")
        await unpause(harness, handle)
        assert await handle.result() == 1


async def test_a_failed_attempt_is_not_repeated_before_somebody_looks(harness: Harness) -> None:
    async with harness.worker(CallActivity, activities=[fail_until]):
        async with rule(harness, "Attempts = 2 AND ActivityState = 'Started'"):
            handle = await harness.start(CallActivity.run, Call("fail_until", [3]))
            activity = await until_paused(harness, handle)
            assert activity.attempt == 3
            assert activity.last_failure.message == "attempt 2"
        await unpause(harness, handle)
        assert await handle.result() == 3


async def test_a_rule_is_applied_to_a_run_that_is_there(harness: Harness) -> None:
    async with harness.worker(CallActivity):
        handle = await harness.start(CallActivity.run, Call("fail_until", [1]))

        async def is_scheduled() -> bool:
            return bool(await pending(harness, handle))

        await eventually(is_scheduled)
        for predicate, is_applied in (("ActivityId = 'no'", False), ("Attempts < 2", True)):
            answer = await harness.client.workflow_service.trigger_workflow_rule(
                TriggerWorkflowRuleRequest(
                    namespace=harness.client.namespace,
                    execution=execution(handle),
                    spec=spec(harness, predicate),
                )
            )
            assert answer.applied is is_applied
        await until_paused(harness, handle)
        await unpause(harness, handle)
    async with harness.worker(CallActivity, activities=[fail_until]):
        assert await handle.result() == 1
