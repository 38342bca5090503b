"""How workflow rules come into a namespace and leave it (semantics 15.2).

Owns what the namespace keeps of them, and how many there may be. What a rule means, and whether its
text means anything, is decided elsewhere.
"""

from typing import Final

import msgspec
from temporalio.api.rules.v1 import WorkflowRule
from temporalio.api.workflowservice.v1 import CreateWorkflowRuleRequest

from indelible.base.errors import InvalidArgumentError
from indelible.base.instants import Instant, instant, timestamp
from indelible.engine.namespace.record import Namespace, RuleRecord

_NOT_FOUND: Final = "Workflow Rule with this ID not Found."


def create_rule(
    namespace: Namespace, request: CreateWorkflowRuleRequest, *, now: Instant, rules_max: int
) -> Namespace:
    """Return the namespace with a rule more; the same object if the request is a repeated one.

    Where there is no room, the rule that expired first makes some.
    """
    rule_id = request.spec.id
    known = namespace.workflow_rules.get(rule_id)
    if known is not None and request.request_id and known.request_id == request.request_id:
        return namespace
    rules = dict(namespace.workflow_rules)
    if len(rules) >= rules_max:
        _forget_an_expired_one(rules, now)
    if len(rules) >= rules_max:
        raise InvalidArgumentError(f"Workflow Rule limit exceeded. Max: {rules_max}")
    if rule_id in rules:
        raise InvalidArgumentError("Workflow Rule with this ID already exists.")
    rule = WorkflowRule(
        create_time=timestamp(now),
        spec=request.spec,
        created_by_identity=request.identity,
        description=request.description,
    )
    rules[rule_id] = RuleRecord(rule=rule.SerializeToString(), request_id=request.request_id)
    return msgspec.structs.replace(namespace, workflow_rules=rules, updated_at=now)


def delete_rule(namespace: Namespace, rule_id: str, *, now: Instant) -> Namespace:
    """Return the namespace without a rule. What it has paused stays paused."""
    if rule_id not in namespace.workflow_rules:
        raise InvalidArgumentError(_NOT_FOUND)
    rest = {name: rule for name, rule in namespace.workflow_rules.items() if name != rule_id}
    return msgspec.structs.replace(namespace, workflow_rules=rest, updated_at=now)


def find_rule(namespace: Namespace, rule_id: str) -> WorkflowRule:
    """Return a rule; raise `InvalidArgumentError` if there is none of that id."""
    known = namespace.workflow_rules.get(rule_id)
    if known is None:
        raise InvalidArgumentError(_NOT_FOUND)
    return WorkflowRule.FromString(known.rule)


def list_rules(namespace: Namespace) -> list[WorkflowRule]:
    """Return all rules, oldest first."""
    return [WorkflowRule.FromString(known.rule) for known in namespace.workflow_rules.values()]


def _forget_an_expired_one(rules: dict[str, RuleRecord], now: Instant) -> None:
    """The reference (1.32) forgets the rule that expires first even if it has not yet."""
    expired: list[tuple[Instant, str]] = []
    for rule_id, known in rules.items():
        spec = WorkflowRule.FromString(known.rule).spec
        if spec.HasField("expiration_time") and instant(spec.expiration_time) < now:
            expired.append((instant(spec.expiration_time), rule_id))
    if expired:
        del rules[min(expired)[1]]
