"""Workflow rules as steps apply them.

Owns the way from the rule that a namespace keeps to the one that a step asks: its texts are read
once.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from temporalio.api.rules.v1 import WorkflowRule as RuleMessage

from indelible.base.errors import InvalidArgumentError
from indelible.base.facts import FactKind, Predicate, always, never
from indelible.base.instants import NEVER, instant
from indelible.base.workflow_rules import ACTIVITY_FACTS, RUN_FACTS, WorkflowRule
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.predicates import compile_predicate

_RULES_KEPT_MAX: Final = 1_000


def rules_in(namespace: Namespace) -> Sequence[WorkflowRule]:
    """Return the rules of a namespace, oldest first."""
    if not namespace.workflow_rules:  # As nearly everywhere, and this is asked at each step.
        return ()
    return [_stored_rule(known.rule) for known in namespace.workflow_rules.values()]


def compile_rule(rule: RuleMessage) -> WorkflowRule:
    """Return what a rule means; raise `InvalidArgumentError` if its texts mean nothing.

    Without a trigger, or with one that asks for nothing, it is about no activity.
    """
    spec = rule.spec
    predicate = spec.activity_start.predicate.strip()
    query = spec.visibility_query.strip()
    return WorkflowRule(
        id=spec.id,
        identity=rule.created_by_identity,
        description=rule.description,
        expires_at=instant(spec.expiration_time) if spec.HasField("expiration_time") else NEVER,
        is_about_run=_predicate("visibility query", query, RUN_FACTS) if query else always,
        is_about_activity=(
            _predicate("predicate", predicate, ACTIVITY_FACTS)
            if predicate and any(action.HasField("activity_pause") for action in spec.actions)
            else never
        ),
    )


@lru_cache(maxsize=_RULES_KEPT_MAX)
def _stored_rule(rule: bytes) -> WorkflowRule:
    return compile_rule(RuleMessage.FromString(rule))


def _predicate(name: str, text: str, kinds: Mapping[str, FactKind]) -> Predicate:
    try:
        return compile_predicate(text, kinds)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"Workflow Rule {name}: {error.message}") from error
