"""Requests about workflow rules (semantics 15.2).

Owns their validation. The namespace keeps the rules; `services.workflow_rules` reads their texts,
and steps of runs apply them.
"""

from collections.abc import Callable
from typing import Final, Protocol

from google.protobuf.message import Message
from temporalio.api.rules.v1 import WorkflowRule as RuleMessage
from temporalio.api.workflowservice.v1 import (
    CreateWorkflowRuleRequest,
    CreateWorkflowRuleResponse,
    DeleteWorkflowRuleRequest,
    DeleteWorkflowRuleResponse,
    DescribeWorkflowRuleRequest,
    DescribeWorkflowRuleResponse,
    ListWorkflowRulesRequest,
    ListWorkflowRulesResponse,
    TriggerWorkflowRuleRequest,
    TriggerWorkflowRuleResponse,
)

from indelible.base.errors import InvalidArgumentError, UnimplementedError
from indelible.base.limits import Limits
from indelible.base.workflow_rules import WorkflowRule
from indelible.engine.namespace.record import Namespace
from indelible.engine.namespace.workflow_rules import (
    create_rule,
    delete_rule,
    find_rule,
    list_rules,
)
from indelible.ports.clock import Clock
from indelible.ports.rpc import Call
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.validation import check_execution, check_length
from indelible.services.namespaces import NamespaceRegistry
from indelible.services.workflow_rules import compile_rule

_NO_ID: Final = "Workflow Rule ID is not set."


class RuleTriggers(Protocol):
    """The part of history that applies a rule; durable when it returns."""

    async def trigger_workflow_rule(
        self, namespace: Namespace, request: TriggerWorkflowRuleRequest, rule: WorkflowRule
    ) -> bool:
        """Apply a rule to a run; return whether it was about anything there."""
        ...


class WorkflowRuleHandlers:
    """Answers the requests about workflow rules."""

    def __init__(
        self,
        *,
        registry: NamespaceRegistry,
        triggers: RuleTriggers,
        clock: Clock,
        limits_of: Callable[[str], Limits],
    ) -> None:
        self._registry = registry
        self._triggers = triggers
        self._clock = clock
        self._limits_of = limits_of

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "CreateWorkflowRule": namespace_route(CreateWorkflowRuleRequest, self._create),
            "DescribeWorkflowRule": namespace_route(DescribeWorkflowRuleRequest, self._describe),
            "DeleteWorkflowRule": namespace_route(DeleteWorkflowRuleRequest, self._delete),
            "ListWorkflowRules": namespace_route(ListWorkflowRulesRequest, self._list),
            "TriggerWorkflowRule": namespace_route(TriggerWorkflowRuleRequest, self._trigger),
        }

    async def _create(
        self, request: CreateWorkflowRuleRequest, namespace: Namespace, call: Call
    ) -> Message:
        limits = self._enabled(namespace, call)
        if not request.HasField("spec"):
            raise InvalidArgumentError("Rule Specification is not set.")
        if not request.spec.id:
            raise InvalidArgumentError(_NO_ID)
        check_length(request.spec.id, "Workflow Rule Id")
        # The reference (1.32) takes `force_scan` and scans nothing: a rule is about what starts
        # from now on. It also keeps a text that means nothing, and logs so at each activity.
        compile_rule(RuleMessage(spec=request.spec))
        changed = await self._registry.change(
            namespace.id,
            lambda newest: create_rule(
                newest, request, now=self._clock.now(), rules_max=limits.workflow_rules_max
            ),
        )
        return CreateWorkflowRuleResponse(rule=find_rule(changed, request.spec.id))

    async def _describe(
        self, request: DescribeWorkflowRuleRequest, namespace: Namespace, call: Call
    ) -> Message:
        self._enabled(namespace, call)
        _check_id(request.rule_id)
        return DescribeWorkflowRuleResponse(rule=find_rule(namespace, request.rule_id))

    async def _delete(
        self, request: DeleteWorkflowRuleRequest, namespace: Namespace, call: Call
    ) -> Message:
        self._enabled(namespace, call)
        _check_id(request.rule_id)
        await self._registry.change(
            namespace.id,
            lambda newest: delete_rule(newest, request.rule_id, now=self._clock.now()),
        )
        return DeleteWorkflowRuleResponse()

    async def _list(
        self, _request: ListWorkflowRulesRequest, namespace: Namespace, call: Call
    ) -> Message:
        self._enabled(namespace, call)
        return ListWorkflowRulesResponse(rules=list_rules(namespace))

    async def _trigger(
        self, request: TriggerWorkflowRuleRequest, namespace: Namespace, call: Call
    ) -> Message:
        self._enabled(namespace, call)
        check_execution(request.execution, is_set=request.HasField("execution"))
        applied = await self._triggers.trigger_workflow_rule(
            namespace, request, _rule_of(request, namespace)
        )
        return TriggerWorkflowRuleResponse(applied=applied)

    def _enabled(self, namespace: Namespace, call: Call) -> Limits:
        limits = self._limits_of(namespace.name)
        if not limits.workflow_rules:
            raise UnimplementedError(f"method {call.method} not supported")
        return limits


def _rule_of(request: TriggerWorkflowRuleRequest, namespace: Namespace) -> WorkflowRule:
    if request.HasField("spec"):
        made_here = RuleMessage(spec=request.spec, created_by_identity=request.identity)
        return compile_rule(made_here)
    _check_id(request.id)
    return compile_rule(find_rule(namespace, request.id))


def _check_id(rule_id: str) -> None:
    if not rule_id:
        raise InvalidArgumentError(_NO_ID)
