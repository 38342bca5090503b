"""Compatible sets of build ids: the oldest way of versioning."""

from typing import Final

from temporalio.api.enums.v1 import TaskReachability
from temporalio.api.workflowservice.v1 import (
    GetWorkerBuildIdCompatibilityRequest,
    GetWorkerTaskReachabilityRequest,
    UpdateWorkerBuildIdCompatibilityRequest,
)

from indelible.cli.session import Session
from indelible.cli.values import Json
from indelible.cli.verbs.messages import short_name

_Request = UpdateWorkerBuildIdCompatibilityRequest
_REACHABILITY: Final = {
    "open": TaskReachability.TASK_REACHABILITY_OPEN_WORKFLOWS,
    "closed": TaskReachability.TASK_REACHABILITY_CLOSED_WORKFLOWS,
    "existing": TaskReachability.TASK_REACHABILITY_EXISTING_WORKFLOWS,
}


async def get(session: Session) -> None:
    """Show the compatible sets."""
    options, output = session.options, session.output
    answer = await session.workflows.get_worker_build_id_compatibility(
        GetWorkerBuildIdCompatibilityRequest(
            namespace=session.namespace,
            task_queue=options.task_queue,
            max_sets=options.max_sets or 0,
        )
    )
    sets = answer.major_version_sets
    rows: list[Json] = [
        {
            "buildIds": list(one.build_ids),
            "defaultForSet": one.build_ids[-1],
            "isDefaultSet": place == len(sets) - 1,
        }
        for place, one in enumerate(sets)
    ]
    output.document(rows or None)
    output.table(
        ("BuildIds", "DefaultForSet", "IsDefaultSet"),
        [
            (", ".join(one.build_ids), one.build_ids[-1], place == len(sets) - 1)
            for place, one in enumerate(sets)
        ],
    )


async def reachability(session: Session) -> None:
    """Tell which workflows may still need a build id."""
    options, output = session.options, session.output
    answer = await session.workflows.get_worker_task_reachability(
        GetWorkerTaskReachabilityRequest(
            namespace=session.namespace,
            build_ids=options.build_id,
            task_queues=options.task_queue,
            reachability=_REACHABILITY[options.reachability_type],
        )
    )
    found = [
        (
            one.build_id,
            queue.task_queue,
            [short_name(TaskReachability, number) for number in queue.reachability],
        )
        for one in answer.build_id_reachability
        for queue in one.task_queue_reachability
    ]
    rows: list[Json] = [
        {"buildId": build_id, "taskQueue": queue, "reachability": [*names]}
        for build_id, queue, names in found
    ]
    output.document(rows or None)
    output.table(
        ("BuildId", "TaskQueue", "Reachability"),
        [(build_id, queue, ", ".join(names)) for build_id, queue, names in found],
    )


async def add_default(session: Session) -> None:
    """Add a build id in a set of its own, the default one."""
    await _update(session, _request(session, add_new_build_id_in_new_default_set=_id(session)))


async def add_compatible(session: Session) -> None:
    """Add a build id to the set of another."""
    options = session.options
    version = _Request.AddNewCompatibleVersion(
        new_build_id=options.build_id,
        existing_compatible_build_id=options.existing_compatible_build_id,
        make_set_default=bool(options.set_as_default),
    )
    request = _request(session)
    request.add_new_compatible_build_id.CopyFrom(version)
    await _update(session, request)


async def promote_set(session: Session) -> None:
    """Make a set the default one."""
    await _update(session, _request(session, promote_set_by_build_id=_id(session)))


async def promote_id(session: Session) -> None:
    """Make a build id the default of its set."""
    await _update(session, _request(session, promote_build_id_within_set=_id(session)))


def _id(session: Session) -> str:
    return session.options.build_id


def _request(session: Session, **operation: str) -> _Request:
    request = _Request(namespace=session.namespace, task_queue=session.options.task_queue)
    for name, build_id in operation.items():
        setattr(request, name, build_id)
    return request


async def _update(session: Session, request: _Request) -> None:
    await session.workflows.update_worker_build_id_compatibility(request)
    session.output.say("Build ids changed")
