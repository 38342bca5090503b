"""Updates, by a worker's hand and by the SDK's."""

from typing import Any, Final

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from temporalio.api.protocol.v1 import Message as ProtocolMessage
from temporalio.api.update.v1 import Acceptance, Outcome, Rejection, Response
from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateStage
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from tests.golden.programs import Counter
from tests.golden.stage import (
    COMPLETE,
    Scene,
    command,
    failure,
    pass_time,
    payloads,
    timer,
    together,
)

COMPLETED: Final = "UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED"
ACCEPTED: Final = "UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED"


def _update(scene: Scene, update_id: str = "u", stage: str = COMPLETED) -> Any:
    return scene.ask(
        "UpdateWorkflowExecution",
        workflow_execution=scene.execution(),
        wait_policy={"lifecycle_stage": stage},
        request={
            "meta": {"update_id": update_id, "identity": "asker"},
            "input": {"name": "add", "args": payloads("one")},
        },
    )


def _said(asked: Any, suffix: str, body: Message) -> ProtocolMessage:
    packed = AnyMessage()
    packed.Pack(body)
    return ProtocolMessage(
        id=f"{asked.protocol_instance_id}/{suffix}",
        protocol_instance_id=asked.protocol_instance_id,
        body=packed,
    )


def _acceptance(asked: Any) -> ProtocolMessage:
    return _said(
        asked,
        "accept",
        Acceptance(
            accepted_request_message_id=asked.id,
            accepted_request_sequencing_event_id=asked.event_id,
        ),
    )


def _answer(asked: Any, outcome: Outcome) -> ProtocolMessage:
    response = Response(outcome=outcome)
    response.meta.update_id = asked.protocol_instance_id
    return _said(asked, "complete", response)


def _rejection(asked: Any) -> ProtocolMessage:
    return _said(
        asked,
        "reject",
        Rejection(
            rejected_request_message_id=asked.id,
            rejected_request_sequencing_event_id=asked.event_id,
            failure=failure("not like this"),
        ),
    )


async def _answered(scene: Scene, *commands: Any, is_accepted_only: bool = False) -> Any:
    task = await scene.task()
    (asked,) = task.messages
    said = [_acceptance(asked)]
    if not is_accepted_only:
        said.append(_answer(asked, Outcome(success=payloads("two"))))
    spoken = [command("protocol_message", message_id=one.id) for one in said]
    await scene.complete(task, *spoken, *commands, messages=said)
    return asked


async def _until_admitted(scene: Scene) -> None:
    reference = {"workflow_execution": scene.execution(), "update_id": "u"}
    while True:
        try:
            await scene.ask("PollWorkflowExecutionUpdate", update_ref=reference, wait_policy={})
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            await pass_time(0.05)
        else:
            return


async def update_completed(scene: Scene) -> None:
    await scene.start()
    await scene.step()
    await together(_update(scene), _answered(scene))
    await scene.terminate()


async def update_completed_in_the_first_task(scene: Scene) -> None:
    async def answer() -> None:
        await _until_admitted(scene)
        await _answered(scene, COMPLETE)

    await scene.start()
    await together(_update(scene), answer())


async def update_rejected(scene: Scene) -> None:
    """Neither the update nor the task that brought it leaves a trace."""

    async def reject() -> None:
        task = await scene.task()
        await scene.complete(task, messages=[_rejection(task.messages[0])])

    await scene.start()
    await scene.step()
    await together(_update(scene), reject())
    await scene.terminate()


async def update_rejected_beside_a_command(scene: Scene) -> None:
    """A task that did something else as well is written."""

    async def reject() -> None:
        task = await scene.task()
        await scene.complete(task, timer("t", 60), messages=[_rejection(task.messages[0])])

    await scene.start()
    await scene.step()
    await together(_update(scene), reject())
    await scene.terminate()


async def update_answered_later(scene: Scene) -> None:
    await scene.start()
    await scene.step()
    _, asked = await together(
        _update(scene, stage=ACCEPTED), _answered(scene, timer("t", 0.2), is_accepted_only=True)
    )
    task = await scene.task()
    answer = _answer(asked, Outcome(failure=failure("in vain")))
    await scene.complete(
        task, command("protocol_message", message_id=answer.id), COMPLETE, messages=[answer]
    )


async def update_open_when_its_workflow_ends(scene: Scene) -> None:
    await scene.start()
    await scene.step()
    await together(
        _update(scene, stage=ACCEPTED), _answered(scene, timer("t", 0.2), is_accepted_only=True)
    )
    await scene.step(COMPLETE)


async def update_repeated(scene: Scene) -> None:
    await scene.start()
    await scene.step()
    await together(_update(scene), _answered(scene))
    again = await _update(scene)
    assert again.outcome.success == payloads("two")
    await scene.terminate()


async def update_with_a_signal_beside_it(scene: Scene) -> None:
    """A signal makes a normal task of the one that brings the update."""

    async def signal_first() -> None:
        task = await scene.task()
        await scene.signal("meanwhile")
        (asked,) = task.messages
        said = [_acceptance(asked), _answer(asked, Outcome(success=payloads("two")))]
        await scene.complete(task, messages=said)

    await scene.start()
    await scene.step()
    await together(_update(scene), signal_first())
    await scene.step(COMPLETE)


async def update_whose_task_failed(scene: Scene) -> None:
    async def fail_first() -> None:
        await scene.fail_task(await scene.task())
        await _answered(scene)

    await scene.start()
    await scene.step()
    await together(_update(scene), fail_first())
    await scene.terminate()


async def sdk_reset_with_an_update(scene: Scene) -> None:
    """An update that was accepted after the point is admitted again, and done again."""
    async with scene.worker(Counter):
        handle = await scene.run(Counter.run)
        await scene.until("WORKFLOW_TASK_COMPLETED")
        assert await handle.execute_update(Counter.add, 1, id="one") == 1
        answer = await scene.ask(
            "ResetWorkflowExecution",
            workflow_execution=scene.execution(),
            reason="once more",
            workflow_task_finish_event_id=4,
            request_id=f"{scene.label}reset",
        )
        scene.tell("w", answer.run_id)
        again = scene.client.get_workflow_handle(scene.id("w"), run_id=answer.run_id)
        await scene.until("WORKFLOW_EXECUTION_UPDATE_COMPLETED", run_id=answer.run_id)
        await again.signal(Counter.finish)
        assert await again.result() == 1


async def sdk_updates(scene: Scene) -> None:
    """Answered, refused by the validator, and failed."""
    async with scene.worker(Counter):
        handle = await scene.run(Counter.run)
        await scene.until("WORKFLOW_TASK_COMPLETED")
        assert await handle.execute_update(Counter.add, 1, id="one") == 1
        with pytest.raises(Exception, match="Workflow update failed"):
            await handle.execute_update(Counter.add, -1, id="refused")
        with pytest.raises(Exception, match="Workflow update failed"):
            await handle.execute_update(Counter.break_off, id="broken")
        await handle.signal(Counter.finish)
        assert await handle.result() == 1


async def sdk_update_with_start(scene: Scene) -> None:
    async with scene.worker(Counter):
        operation = WithStartWorkflowOperation(
            Counter.run,
            id=scene.id("w"),
            task_queue=scene.queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        update = await scene.client.start_update_with_start_workflow(
            Counter.add,
            5,
            id="five",
            wait_for_stage=WorkflowUpdateStage.COMPLETED,
            start_workflow_operation=operation,
        )
        assert await update.result() == 5
        handle = await operation.workflow_handle()
        scene.tell("w", handle.result_run_id or "")
        await handle.signal(Counter.finish)
        await handle.result()
