"""Workflow rules come and go, and in which words a mistake is refused."""

import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.rules.v1 import WorkflowRuleSpec
from temporalio.api.workflowservice import v1 as api

from indelible.base.errors import StatusCode
from indelible.base.instants import HOUR, Instant, timestamp
from indelible.base.limits import Limits
from tests.services.frontend.world import START, World

LONG = "x" * 1_001
NAMED = WorkflowExecution(workflow_id="w")


def spec(rule_id: str = "hold", predicate: str = "ActivityType = 'Work'") -> WorkflowRuleSpec:
    made = WorkflowRuleSpec(id=rule_id)
    made.activity_start.predicate = predicate
    made.actions.add().activity_pause.SetInParent()
    return made


def create(
    made: WorkflowRuleSpec | None = None, *, request_id: str = "", force_scan: bool = False
) -> api.CreateWorkflowRuleRequest:
    return api.CreateWorkflowRuleRequest(
        namespace="default",
        spec=made,
        request_id=request_id,
        force_scan=force_scan,
        identity="operator",
        description="look first",
    )


async def created(world: World, made: WorkflowRuleSpec) -> None:
    await world.call(create(made), api.CreateWorkflowRuleResponse)


async def listed(world: World) -> list[str]:
    request = api.ListWorkflowRulesRequest(namespace="default")
    answer = await world.call(request, api.ListWorkflowRulesResponse)
    return [rule.spec.id for rule in answer.rules]


def in_hours(hours: int) -> Instant:
    return Instant(START + hours * HOUR)


def expiring(rule_id: str, hours: int) -> WorkflowRuleSpec:
    made = spec(rule_id)
    made.expiration_time.CopyFrom(timestamp(in_hours(hours)))
    return made


async def test_a_rule_is_kept_shown_listed_and_deleted(world: World) -> None:
    answer = await world.call(create(spec()), api.CreateWorkflowRuleResponse)
    assert answer.rule.spec == spec()
    assert answer.rule.created_by_identity == "operator"
    assert answer.rule.description == "look first"
    assert answer.rule.HasField("create_time")
    assert not answer.job_id
    await created(world, spec("another"))
    described = await world.call(
        api.DescribeWorkflowRuleRequest(namespace="default", rule_id="hold"),
        api.DescribeWorkflowRuleResponse,
    )
    assert described.rule == answer.rule
    assert await listed(world) == ["hold", "another"]
    await world.call(
        api.DeleteWorkflowRuleRequest(namespace="default", rule_id="hold"),
        api.DeleteWorkflowRuleResponse,
    )
    assert await listed(world) == ["another"]


async def test_rules_outlive_the_node(world: World) -> None:
    await created(world, spec())
    await world.registry.load(now=START)
    assert await listed(world) == ["hold"]


async def test_a_repeated_request_makes_one_rule(world: World) -> None:
    request = create(spec(), request_id="once")
    first = await world.call(request, api.CreateWorkflowRuleResponse)
    again = await world.call(request, api.CreateWorkflowRuleResponse)
    assert first == again
    assert await listed(world) == ["hold"]


async def test_where_there_is_no_room_the_rule_goes_that_expired_first(world: World) -> None:
    for number in range(8):
        await created(world, spec(f"rule-{number}"))
    await created(world, expiring("late", 2))
    await created(world, expiring("early", 1))
    refusal = await world.refusal(create(spec("one more")))
    assert refusal.message == "Workflow Rule limit exceeded. Max: 10"
    world.clock.time = in_hours(3)
    await created(world, spec("one more"))
    assert "early" not in await listed(world)
    assert "late" in await listed(world)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (create(), "Rule Specification is not set."),
        (create(WorkflowRuleSpec()), "Workflow Rule ID is not set."),
        (create(spec(LONG)), "Workflow Rule Id length exceeds limit."),
        (create(spec(predicate="Colour = 'red'")), "Workflow Rule predicate: invalid query"),
        (
            create(WorkflowRuleSpec(id="a", visibility_query="RunId = 'a'")),
            "Workflow Rule visibility query: invalid query",
        ),
        (api.DescribeWorkflowRuleRequest(namespace="default"), "Workflow Rule ID is not set."),
        (
            api.DescribeWorkflowRuleRequest(namespace="default", rule_id="a"),
            "Workflow Rule with this ID not Found.",
        ),
        (api.DeleteWorkflowRuleRequest(namespace="default"), "Workflow Rule ID is not set."),
        (
            api.DeleteWorkflowRuleRequest(namespace="default", rule_id="a"),
            "Workflow Rule with this ID not Found.",
        ),
        (api.TriggerWorkflowRuleRequest(namespace="default"), "Execution is not set on request."),
        (
            api.TriggerWorkflowRuleRequest(namespace="default", execution=NAMED),
            "Workflow Rule ID is not set.",
        ),
        (
            api.TriggerWorkflowRuleRequest(namespace="default", execution=NAMED, id="a"),
            "Workflow Rule with this ID not Found.",
        ),
    ],
)
async def test_a_mistake_is_refused(world: World, request_: Message, words: str) -> None:
    refusal = await world.refusal(request_)
    assert refusal.code is StatusCode.INVALID_ARGUMENT
    assert refusal.message.startswith(words)


async def test_an_id_is_used_once(world: World) -> None:
    await created(world, spec())
    refusal = await world.refusal(create(spec(), request_id="another"))
    assert refusal.message == "Workflow Rule with this ID already exists."


async def test_a_scan_is_taken_and_nothing_is_scanned(world: World) -> None:
    request = create(spec(), force_scan=True)
    answer = await world.call(request, api.CreateWorkflowRuleResponse)
    assert answer.rule.spec == spec()
    assert world.history.calls == []


async def test_a_rule_is_triggered_by_its_id_or_as_it_is(world: World) -> None:
    await created(world, spec())
    for request in (
        api.TriggerWorkflowRuleRequest(namespace="default", execution=NAMED, id="hold"),
        api.TriggerWorkflowRuleRequest(namespace="default", execution=NAMED, spec=spec("other")),
    ):
        answer = await world.call(request, api.TriggerWorkflowRuleResponse)
        assert answer.applied


async def test_a_namespace_may_have_no_rules_at_all() -> None:
    world = await World(limits=Limits(workflow_rules=False)).load()
    for request in (
        create(spec()),
        api.DescribeWorkflowRuleRequest(namespace="default", rule_id="a"),
        api.DeleteWorkflowRuleRequest(namespace="default", rule_id="a"),
        api.ListWorkflowRulesRequest(namespace="default"),
        api.TriggerWorkflowRuleRequest(namespace="default", execution=NAMED),
    ):
        refusal = await world.refusal(request)
        assert refusal.code is StatusCode.UNIMPLEMENTED
        assert "not supported" in refusal.message
