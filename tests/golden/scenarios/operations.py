"""Nexus operations, and what else the SDK's worker does by itself."""

from typing import Any

import pytest
from temporalio.api.nexus.v1 import EndpointSpec
from temporalio.client import WorkflowFailureError
from temporalio.worker import Worker

from tests.golden.programs import Caller, DeskHandler, LocalActivity, Patched, Work, shout
from tests.golden.stage import COMPLETE, Scene, command, payloads, seconds


async def _endpoint(scene: Scene) -> str:
    spec = EndpointSpec(name=scene.id("endpoint"))
    spec.target.worker.namespace = scene.client.namespace
    spec.target.worker.task_queue = scene.queue
    await scene.operate("CreateNexusEndpoint", spec=spec)
    return spec.name


def _worker(scene: Scene) -> Worker:
    return scene.worker(Caller, Work, nexus_service_handlers=[DeskHandler()])


async def _call(scene: Scene, operation: str, *, is_canceled: bool = False) -> Any:
    return await scene.run(Caller.run, await _endpoint(scene), operation, "you", is_canceled)


async def nexus_answered_at_once(scene: Scene) -> None:
    async with _worker(scene):
        handle = await _call(scene, "greet")
        assert await handle.result() == "hello you"


async def nexus_run_by_a_workflow(scene: Scene) -> None:
    async with _worker(scene):
        handle = await _call(scene, "work")
        await scene.until("NEXUS_OPERATION_STARTED")
        await scene.until("WORKFLOW_TASK_COMPLETED", count=2)
        await scene.client.get_workflow_handle(scene.id("work")).signal(Work.finish)
        assert await handle.result() == "worked on you"
    scene.tell("work", "")


async def nexus_refused(scene: Scene) -> None:
    async with _worker(scene):
        handle = await _call(scene, "refuse")
        with pytest.raises(WorkflowFailureError):
            await handle.result()


async def nexus_canceled(scene: Scene) -> None:
    async with _worker(scene):
        handle = await _call(scene, "work", is_canceled=True)
        await scene.until("NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED")
        await scene.until("WORKFLOW_TASK_COMPLETED", count=3)
        work = scene.client.get_workflow_handle(scene.id("work"))
        await scene.until("WORKFLOW_EXECUTION_CANCEL_REQUESTED", "work")
        await scene.until("WORKFLOW_TASK_COMPLETED", "work", count=2)
        await work.signal(Work.finish)
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    scene.tell("work", "")


def _operation(scene: Scene, endpoint: str, **fields: Any) -> Any:
    return command(
        "schedule_nexus_operation",
        endpoint=endpoint,
        service="Desk",
        operation="greet",
        input=payloads("you").payloads[0],
        **fields,
    )


async def nexus_nobody_answers(scene: Scene) -> None:
    endpoint = await _endpoint(scene)
    await scene.start()
    await scene.step(_operation(scene, endpoint, schedule_to_close_timeout=seconds(1)))
    await scene.step(COMPLETE)


async def nexus_started_and_never_ended(scene: Scene) -> None:
    endpoint = await _endpoint(scene)
    await scene.start()
    await scene.step(_operation(scene, endpoint, schedule_to_close_timeout=seconds(3)))
    task = await scene.ask("PollNexusTaskQueue", task_queue={"name": scene.queue})
    await scene.ask(
        "RespondNexusTaskCompleted",
        task_token=task.task_token,
        response={"start_operation": {"async_success": {"operation_token": "token"}}},
    )
    await scene.step()
    await scene.step(COMPLETE)


async def nexus_cancel_request_delivered(scene: Scene) -> None:
    """The request to cancel waits for the start, and goes to the worker then."""
    endpoint = await _endpoint(scene)
    await scene.start()
    await scene.step(
        _operation(scene, endpoint),
        command("request_cancel_nexus_operation", scheduled_event_id=5),
    )
    for response in (
        {"start_operation": {"async_success": {"operation_token": "token"}}},
        {"cancel_operation": {}},
    ):
        task = await scene.ask("PollNexusTaskQueue", task_queue={"name": scene.queue})
        await scene.ask("RespondNexusTaskCompleted", task_token=task.task_token, response=response)
        await scene.step()
    await scene.terminate()


async def sdk_local_activity(scene: Scene) -> None:
    async with scene.worker(LocalActivity, activities=[shout]):
        handle = await scene.run(LocalActivity.run)
        assert await handle.result() == "LOCAL"


async def sdk_versions(scene: Scene) -> None:
    async with scene.worker(Patched):
        handle = await scene.run(Patched.run)
        assert await handle.result()
