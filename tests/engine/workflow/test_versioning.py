"""Versions of the workers in the life of a run: pins, moves, overrides, inheritance."""

import json
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import ActivityType, Payload
from temporalio.api.deployment.v1 import WorkerDeploymentOptions
from temporalio.api.enums.v1 import (
    ContinueAsNewVersioningBehavior,
    VersioningBehavior,
    WorkerVersioningMode,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionOptionsRequest

from indelible.base.versions import Version, version_message
from indelible.engine.workflow.description import describe_workflow
from indelible.engine.workflow.requests.start_activity_task import start_activity_task
from indelible.engine.workflow.requests.start_workflow_task import TaskStart, start_workflow_task
from indelible.engine.workflow.requests.update_workflow_options import update_workflow_options
from indelible.engine.workflow.rules.versioning import version_of_run
from indelible.engine.workflow.tasks import ActivityTaskDispatch, WorkflowTaskDispatch
from tests.engine.workflow.chain import Chain, command, complete, span, timer

ONE, TWO = Version("d", "1"), Version("d", "2")
PINNED = VersioningBehavior.VERSIONING_BEHAVIOR_PINNED
AUTO = VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE
USE_RAMPING = (
    ContinueAsNewVersioningBehavior.CONTINUE_AS_NEW_VERSIONING_BEHAVIOR_USE_RAMPING_VERSION
)


@dataclass
class Routing:
    """Everything goes to one version; all versions poll these queues."""

    current: Version | None = ONE
    queues: list[str] = field(default_factory=lambda: ["main"])
    redirects: dict[str, str] = field(default_factory=dict[str, str])

    def target(self, queue_name: str, workflow_id: str) -> tuple[Version | None, int]:
        return self.current, 7

    def redirected(self, queue_name: str, version: Version) -> Version:
        build_id = self.redirects.get(version.build_id, version.build_id)
        return Version(version.deployment_name, build_id)

    def has_queue(
        self, version: Version, queue_name: str, *, is_workflow_queue: bool = True
    ) -> bool:
        return queue_name in self.queues


def chain_of(routing: Routing) -> Chain:
    chain = Chain(routing=routing)
    chain.start()
    return chain


def task_of(chain: Chain) -> WorkflowTaskDispatch:
    found = [one for one in chain.current.queued.values() if isinstance(one, WorkflowTaskDispatch)]
    assert len(found) == 1
    return found[0]


def poll(chain: Chain, version: Version | None) -> TaskStart:
    task = task_of(chain)
    outcome = chain.take(
        lambda step: start_workflow_task(
            step, task, request_id="r", identity="w", build_id="", version=version
        )
    )
    if outcome is TaskStart.STARTED:
        chain.remember_token()
    return outcome


def options(version: Version) -> WorkerDeploymentOptions:
    return WorkerDeploymentOptions(
        deployment_name=version.deployment_name,
        build_id=version.build_id,
        worker_versioning_mode=WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED,
    )


def work(chain: Chain, version: Version, behavior: Any, *commands: Any, **more: Any) -> None:
    assert poll(chain, version) is TaskStart.STARTED
    chain.respond(
        *commands, deployment_options=options(version), versioning_behavior=behavior, **more
    )


def override(chain: Chain, version: Version | None) -> None:
    given = WorkflowExecutionOptions()
    if version is not None:
        given.versioning_override.pinned.behavior = (
            VersioningOverride.PINNED_OVERRIDE_BEHAVIOR_PINNED
        )
        given.versioning_override.pinned.version.CopyFrom(version_message(version))
    request = UpdateWorkflowExecutionOptionsRequest(
        workflow_execution_options=given, update_mask=FieldMask(paths=["versioning_override"])
    )
    chain.take(lambda step: update_workflow_options(step, request))


def activity(queue: str = "main") -> Any:
    return command(
        "schedule_activity_task",
        activity_id="a",
        activity_type=ActivityType(name="A"),
        task_queue=TaskQueue(name=queue),
        start_to_close_timeout=span(10),
    )


def activity_task(chain: Chain) -> ActivityTaskDispatch:
    found = [one for one in chain.current.queued.values() if isinstance(one, ActivityTaskDispatch)]
    assert len(found) == 1
    return found[0]


def searchable(chain: Chain) -> dict[str, Any]:
    return {
        name: json.loads(Payload.FromString(value).data)
        for name, value in chain.current.state.search_attributes.items()
    }


def test_the_first_task_moves_a_run_to_the_version_of_its_worker() -> None:
    chain = chain_of(Routing())
    assert task_of(chain).queue_name == "main"
    poll(chain, ONE)
    info = describe_workflow(chain.current.state, chain.now).workflow_execution_info.versioning_info
    assert info.version_transition.deployment_version.build_id == "1"
    chain.respond(timer(), deployment_options=options(ONE), versioning_behavior=PINNED)
    described = describe_workflow(chain.current.state, chain.now).workflow_execution_info
    assert described.worker_deployment_name == "d"
    info = described.versioning_info
    assert (info.behavior, info.deployment_version.build_id) == (PINNED, "1")
    assert (info.HasField("version_transition"), info.revision_number) == (False, 7)
    completed = chain.current.event("WorkflowTaskCompleted")
    assert (completed.versioning_behavior, completed.deployment_version.build_id) == (PINNED, "1")
    assert searchable(chain) == {
        "BuildIds": ["pinned:d:1"],
        "TemporalWorkerDeployment": "d",
        "TemporalWorkerDeploymentVersion": "d:1",
        "TemporalWorkflowVersioningBehavior": "Pinned",
        "TemporalUsedWorkerDeploymentVersions": ["d:1"],
    }


def test_tasks_of_a_pinned_run_lie_in_the_queue_of_its_version() -> None:
    chain = chain_of(Routing())
    work(chain, ONE, PINNED, activity())
    assert activity_task(chain).queue_name == "/_sys/main/vd:1"
    chain.signal()
    assert task_of(chain).queue_name == "/_sys/main/vd:1"


def test_an_activity_of_a_queue_that_the_version_does_not_poll_is_routed_by_itself() -> None:
    chain = chain_of(Routing())
    work(chain, ONE, PINNED, activity("elsewhere"))
    assert activity_task(chain).queue_name == "elsewhere"


def test_an_unpinned_run_leaves_a_worker_that_is_not_meant_to_have_it_any_more() -> None:
    routing = Routing()
    chain = chain_of(routing)
    work(chain, ONE, AUTO, timer(), sticky="cache")
    routing.current = TWO
    chain.signal()
    assert task_of(chain).queue_name == "cache"
    assert poll(chain, ONE) is TaskStart.MOVED
    assert task_of(chain).queue_name == "main"
    work(chain, TWO, AUTO)
    assert version_of_run(chain.current.state.execution).version == TWO
    assert searchable(chain)["TemporalUsedWorkerDeploymentVersions"] == ["d:1", "d:2"]


def test_a_pinned_run_is_told_of_a_newer_version_and_stays() -> None:
    routing = Routing()
    chain = chain_of(routing)
    work(chain, ONE, PINNED, timer(), sticky="cache")
    routing.current = TWO
    chain.signal()
    assert poll(chain, ONE) is TaskStart.STARTED
    assert chain.current.event("WorkflowTaskStarted").target_worker_deployment_version_changed


def test_activities_wait_while_their_run_moves() -> None:
    routing = Routing()
    chain = chain_of(routing)
    work(chain, ONE, AUTO, activity())
    routing.current = TWO
    task = activity_task(chain)

    def start() -> Any:
        return chain.take(
            lambda step: start_activity_task(step, task, identity="w", request_id="r", version=TWO)
        )

    assert start() is None
    assert start() is None
    work(chain, TWO, AUTO)
    assert activity_task(chain).task_id > task.task_id
    task = activity_task(chain)
    assert start() is not None


def test_an_override_pins_a_run_at_once() -> None:
    chain = chain_of(Routing())
    work(chain, ONE, AUTO, activity(), sticky="cache")
    chain.signal()
    override(chain, TWO)
    assert task_of(chain).queue_name == "/_sys/main/vd:2"
    assert activity_task(chain).queue_name == "/_sys/main/vd:2"
    assert searchable(chain)["TemporalWorkflowVersioningBehavior"] == "Pinned"
    assert poll(chain, ONE) is TaskStart.MOVED
    override(chain, None)
    assert task_of(chain).queue_name == "main"


def test_an_override_that_is_unset_cannot_be_searched_for_any_more() -> None:
    chain = chain_of(Routing(current=None))
    request = UpdateWorkflowExecutionOptionsRequest(
        workflow_execution_options=WorkflowExecutionOptions(
            versioning_override=VersioningOverride(auto_upgrade=True)
        ),
        update_mask=FieldMask(paths=["versioning_override"]),
    )
    chain.take(lambda step: update_workflow_options(step, request))
    assert searchable(chain)["TemporalWorkflowVersioningBehavior"] == "AutoUpgrade"
    override(chain, None)
    assert searchable(chain) == {"BuildIds": ["unversioned"]}


def continue_as_new(**attributes: Any) -> Any:
    return command("continue_as_new_workflow_execution", **attributes)


def test_a_pinned_run_hands_its_version_on() -> None:
    chain = chain_of(Routing(current=TWO))
    chain.at(10)
    poll(chain, ONE)
    chain.respond(continue_as_new(), deployment_options=options(ONE), versioning_behavior=PINNED)
    assert version_of_run(chain.current.state.execution).pinned == ONE
    assert task_of(chain).queue_name == "/_sys/main/vd:1"


def test_a_pinned_run_may_ask_for_the_ramping_version_for_the_next() -> None:
    chain = chain_of(Routing())
    chain.at(10)
    work(chain, ONE, PINNED, continue_as_new(initial_versioning_behavior=USE_RAMPING))
    first = task_of(chain)
    assert (first.queue_name, first.is_ramp_preferred) == ("main", True)
    assert version_of_run(chain.current.state.execution).behavior == AUTO
    work(chain, TWO, PINNED, timer())
    chain.signal()
    assert not task_of(chain).is_ramp_preferred


def test_a_run_without_versions_shows_none() -> None:
    chain = chain_of(Routing(current=None))
    poll(chain, None)
    chain.respond(complete())
    described = describe_workflow(chain.current.state, chain.now).workflow_execution_info
    assert not described.HasField("versioning_info")
    assert not described.worker_deployment_name
    assert searchable(chain) == {}
