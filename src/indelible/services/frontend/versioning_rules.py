"""Requests about the versioning rules of task queues.

Owns their answers. The rules are `engine.deployment.versioning_rules`'s.
"""

from google.protobuf.message import Message
from temporalio.api.workflowservice.v1 import (
    GetWorkerVersioningRulesRequest,
    GetWorkerVersioningRulesResponse,
    UpdateWorkerVersioningRulesRequest,
    UpdateWorkerVersioningRulesResponse,
)

from indelible.base.errors import InvalidArgumentError
from indelible.base.ids import NamespaceId, QueueKey, QueueType
from indelible.base.versions import Version, versioned_queue_name
from indelible.engine.deployment.versioning_rules import (
    COMMIT_POLLER_SEEN,
    assignment_messages,
    redirect_messages,
    update_rules,
)
from indelible.engine.namespace.record import Namespace
from indelible.ports.clock import Clock
from indelible.ports.rpc import Call
from indelible.services.build_id_sets import BuildIdSetRegistry
from indelible.services.frontend.backends import Matching
from indelible.services.frontend.id_lengths import build_id_bytes_max
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.validation import check_queue_name, exceeds
from indelible.services.versioning_rules import VersioningRuleRegistry


class VersioningRuleHandlers:
    """Answers the requests about versioning rules."""

    def __init__(
        self,
        *,
        rules: VersioningRuleRegistry,
        sets: BuildIdSetRegistry,
        matching: Matching,
        clock: Clock,
    ) -> None:
        self._rules = rules
        self._sets = sets
        self._matching = matching
        self._clock = clock

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "UpdateWorkerVersioningRules": namespace_route(
                UpdateWorkerVersioningRulesRequest, self._update
            ),
            "GetWorkerVersioningRules": namespace_route(GetWorkerVersioningRulesRequest, self._get),
        }

    async def _update(
        self, request: UpdateWorkerVersioningRulesRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_build_ids(request)
        check_queue_name(request.task_queue)
        sets = self._sets.of_queue(namespace.id, request.task_queue)
        committed = request.commit_build_id.target_build_id
        changed = await self._rules.change(
            namespace.id,
            request.task_queue,
            lambda newest: update_rules(
                newest,
                request,
                set_members=[build_id for one in sets for build_id in one],
                has_recent_poller=self._is_polled(namespace.id, request.task_queue, committed),
                now=self._clock.now(),
            ),
        )
        return UpdateWorkerVersioningRulesResponse(
            assignment_rules=assignment_messages(changed),
            compatible_redirect_rules=redirect_messages(changed),
            conflict_token=changed.conflict_token,
        )

    async def _get(
        self, request: GetWorkerVersioningRulesRequest, namespace: Namespace, _call: Call
    ) -> Message:
        check_queue_name(request.task_queue)
        rules = self._rules.of_queue(namespace.id, request.task_queue)
        return GetWorkerVersioningRulesResponse(
            assignment_rules=assignment_messages(rules),
            compatible_redirect_rules=redirect_messages(rules),
            conflict_token=rules.conflict_token,
        )

    def _is_polled(self, namespace_id: NamespaceId, queue_name: str, build_id: str) -> bool:
        name = versioned_queue_name(queue_name, Version("", build_id))
        return any(
            self._matching.has_recent_poller(QueueKey(namespace_id, kind, name), COMMIT_POLLER_SEEN)
            for kind in (QueueType.WORKFLOW, QueueType.ACTIVITY)
        )


def _check_build_ids(request: UpdateWorkerVersioningRulesRequest) -> None:
    named = (
        request.insert_assignment_rule.rule.target_build_id,
        request.replace_assignment_rule.rule.target_build_id,
        request.add_compatible_redirect_rule.rule.target_build_id,
        request.add_compatible_redirect_rule.rule.source_build_id,
        request.replace_compatible_redirect_rule.rule.target_build_id,
        request.replace_compatible_redirect_rule.rule.source_build_id,
        request.delete_compatible_redirect_rule.source_build_id,
        request.commit_build_id.target_build_id,
    )
    for build_id in named:
        if exceeds(build_id, build_id_bytes_max()):
            raise InvalidArgumentError(
                f"BuildId must be <= {build_id_bytes_max()} characters, was {len(build_id)}"
            )
