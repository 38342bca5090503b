"""Other executions that a command names: their namespaces and ids."""

import re
from typing import Final

from indelible.base.errors import namespace_not_found
from indelible.base.ids import NamespaceId
from indelible.engine.workflow.commands.outcome import CommandContext
from indelible.engine.workflow.transition import Transition

CROSS_NAMESPACE_FAULT: Final = "cross namespace commands are not allowed"

_UUID: Final = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.ASCII | re.IGNORECASE
)


def target_namespace(step: Transition, context: CommandContext, name: str) -> NamespaceId:
    """Return the id of the namespace that a command names; empty means the run's own.

    Raises `NotFoundError` for an unknown one: the worker is told, and its workflow task goes on.
    """
    if not name or name == step.settings.namespace_name:
        return step.execution.namespace_id
    found = context.find_namespace(name)
    if found is None:
        raise namespace_not_found(name)
    return found


def namespace_fault(step: Transition, target: NamespaceId) -> str | None:
    """Return why a command must not reach into that namespace, or None."""
    return None if target == step.execution.namespace_id else CROSS_NAMESPACE_FAULT


def is_uuid(text: str) -> bool:
    """Whether a text can be the id of a run."""
    return _UUID.fullmatch(text) is not None
