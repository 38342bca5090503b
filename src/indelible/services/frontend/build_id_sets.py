"""Requests about the first generation of worker versioning: build-id sets of task queues.

Owns the answers, and what can be reached: new runs through the default of a queue, existing ones as
far as they can be searched for. The rules are `engine.deployment.build_id_sets`'s.
"""

from collections.abc import Sequence
from typing import Final

from google.protobuf.message import Message
from temporalio.api.enums.v1 import TaskReachability
from temporalio.api.taskqueue.v1 import BuildIdReachability, TaskQueueReachability
from temporalio.api.workflowservice.v1 import (
    GetWorkerBuildIdCompatibilityRequest,
    GetWorkerBuildIdCompatibilityResponse,
    GetWorkerTaskReachabilityRequest,
    GetWorkerTaskReachabilityResponse,
    UpdateWorkerBuildIdCompatibilityRequest,
    UpdateWorkerBuildIdCompatibilityResponse,
)

from indelible.base.errors import FailedPreconditionError, InvalidArgumentError
from indelible.base.ids import NamespaceId
from indelible.engine.deployment.build_id_sets import (
    QUEUES_PER_BUILD_ID_MAX,
    set_messages,
    update_sets,
)
from indelible.engine.namespace.record import Namespace
from indelible.ports.rpc import Call
from indelible.ports.stores import VisibilityStore
from indelible.services.build_id_sets import BuildIdSetRegistry
from indelible.services.frontend.routes import Routes, namespace_route
from indelible.services.frontend.runs_of_versions import (
    CLOSED,
    OPEN,
    UNVERSIONED_ENTRY,
    has_runs,
)
from indelible.services.frontend.validation import check_queue_name, check_worker_build_id

BUILD_IDS_ASKED_MAX: Final = 5
QUEUES_LOOKED_AT_MAX: Final = 20
_R: Final = TaskReachability
_STATES: Final = {
    _R.TASK_REACHABILITY_OPEN_WORKFLOWS: OPEN,
    _R.TASK_REACHABILITY_CLOSED_WORKFLOWS: CLOSED,
}


class BuildIdSetHandlers:
    """Answers the requests about build-id sets."""

    def __init__(self, *, sets: BuildIdSetRegistry, visibility: VisibilityStore) -> None:
        self._sets = sets
        self._visibility = visibility

    def routes(self) -> Routes:
        """Return the handlers by the name of their RPC."""
        return {
            "UpdateWorkerBuildIdCompatibility": namespace_route(
                UpdateWorkerBuildIdCompatibilityRequest, self._update
            ),
            "GetWorkerBuildIdCompatibility": namespace_route(
                GetWorkerBuildIdCompatibilityRequest, self._get
            ),
            "GetWorkerTaskReachability": namespace_route(
                GetWorkerTaskReachabilityRequest, self._reachability
            ),
        }

    async def _update(
        self, request: UpdateWorkerBuildIdCompatibilityRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_queue(request.task_queue)
        build_id = _new_build_id(request)
        queues = self._sets.queues_with(namespace.id, build_id) if build_id else ()
        if request.task_queue not in queues and len(queues) >= QUEUES_PER_BUILD_ID_MAX:
            raise FailedPreconditionError(
                "exceeded max task queues allowed to be mapped to a single build ID: "
                f"{QUEUES_PER_BUILD_ID_MAX}"
            )
        await self._sets.change(
            namespace.id, request.task_queue, lambda newest: update_sets(newest, request)
        )
        return UpdateWorkerBuildIdCompatibilityResponse()

    async def _get(
        self, request: GetWorkerBuildIdCompatibilityRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_queue(request.task_queue)
        sets = self._sets.of_queue(namespace.id, request.task_queue)
        return GetWorkerBuildIdCompatibilityResponse(
            major_version_sets=set_messages(sets, request.max_sets)
        )

    async def _reachability(
        self, request: GetWorkerTaskReachabilityRequest, namespace: Namespace, _call: Call
    ) -> Message:
        _check_question(request)
        return GetWorkerTaskReachabilityResponse(
            build_id_reachability=[
                await self._of_build_id(namespace.id, build_id, request)
                for build_id in request.build_ids
            ]
        )

    async def _of_build_id(
        self, namespace_id: NamespaceId, build_id: str, request: GetWorkerTaskReachabilityRequest
    ) -> BuildIdReachability:
        queues: Sequence[str] = request.task_queues
        if not queues:
            queues = self._sets.queues_with(namespace_id, build_id)
        reached = [
            await self._of_queue(namespace_id, build_id, queue, request.reachability)
            for queue in queues[:QUEUES_LOOKED_AT_MAX]
        ]
        skipped = [
            TaskQueueReachability(task_queue=queue, reachability=[_R.TASK_REACHABILITY_UNSPECIFIED])
            for queue in queues[QUEUES_LOOKED_AT_MAX:]
        ]
        return BuildIdReachability(build_id=build_id, task_queue_reachability=[*reached, *skipped])

    async def _of_queue(
        self,
        namespace_id: NamespaceId,
        build_id: str,
        queue_name: str,
        asked: "TaskReachability.ValueType",
    ) -> TaskQueueReachability:
        """Look at one queue. What a set has worked on is for the default of the set."""
        sets = self._sets.of_queue(namespace_id, queue_name)
        found = TaskQueueReachability(task_queue=queue_name)
        if build_id:
            members = next((one for one in sets if one[-1] == build_id), None)
            if members is None:
                return found
            entries = [f"versioned:{one}" for one in members]
            is_default = members == sets[-1]
        else:
            entries, is_default = [UNVERSIONED_ENTRY], not sets
        if is_default:
            found.reachability.append(_R.TASK_REACHABILITY_NEW_WORKFLOWS)
        if asked == _R.TASK_REACHABILITY_NEW_WORKFLOWS:
            return found
        if await has_runs(
            self._visibility,
            namespace_id,
            queue_name,
            entries=entries,
            with_fresh=is_default and asked != _R.TASK_REACHABILITY_CLOSED_WORKFLOWS,
            state=_STATES.get(asked),
        ):
            found.reachability.append(asked or _R.TASK_REACHABILITY_EXISTING_WORKFLOWS)
        return found


def _check_queue(name: str) -> None:
    if not name:
        raise InvalidArgumentError("`task_queue` to be set")


def _new_build_id(request: UpdateWorkerBuildIdCompatibilityRequest) -> str:
    return (
        request.add_new_build_id_in_new_default_set
        or request.add_new_compatible_build_id.new_build_id
    )


def _check_question(request: GetWorkerTaskReachabilityRequest) -> None:
    if not request.build_ids:
        raise InvalidArgumentError(
            "Must query at least one build ID (or empty string for unversioned worker)"
        )
    if len(request.build_ids) > BUILD_IDS_ASKED_MAX:
        raise InvalidArgumentError(
            f"Too many build ids queried at once, limit: {BUILD_IDS_ASKED_MAX}"
        )
    for build_id in request.build_ids:
        check_worker_build_id(build_id)
    if "" in request.build_ids and not request.task_queues:
        raise InvalidArgumentError(
            "Cannot get reachability of an unversioned worker without specifying at least one "
            "task queue (empty build ID is interpereted as unversioned)"
        )
    for queue_name in request.task_queues:
        check_queue_name(queue_name)
    if request.reachability not in _R.values():
        raise InvalidArgumentError(f"Unsupported reachability type: {request.reachability}")
