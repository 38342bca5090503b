"""Resets: what a new run keeps of the old one, and what it hears again."""

from typing import Any

from tests.golden.stage import COMPLETE, Scene, payloads, timer

FIRST_COMPLETION = 4


async def _reset(scene: Scene, event_id: int = FIRST_COMPLETION, **fields: Any) -> None:
    answer = await scene.ask(
        "ResetWorkflowExecution",
        workflow_execution=scene.execution(run_id=fields.pop("run_id", "")),
        reason="once more",
        workflow_task_finish_event_id=event_id,
        request_id=f"{scene.label}reset",
        **fields,
    )
    scene.tell("w", answer.run_id)


async def reset_of_a_closed_run(scene: Scene) -> None:
    await scene.start(input=payloads("given"))
    await scene.step(COMPLETE)
    await _reset(scene)
    await scene.step(COMPLETE)


async def reset_of_a_running_one(scene: Scene) -> None:
    await scene.start()
    await scene.step(timer("t", 60))
    await scene.signal("wake")
    await scene.step(timer("u", 60))
    await _reset(scene, 8)
    await scene.step(COMPLETE)


async def reset_with_signals(scene: Scene) -> None:
    """Signals after the point are heard again, in their order."""
    await scene.start()
    await scene.step()
    for text in ("one", "two"):
        await scene.signal(text)
        await scene.step()
    await _reset(scene)
    await scene.step(COMPLETE)


async def reset_without_signals(scene: Scene) -> None:
    await scene.start()
    await scene.step()
    await scene.signal("left behind")
    await scene.step()
    await _reset(scene, reset_reapply_exclude_types=["RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL"])
    await scene.step(COMPLETE)


async def reset_with_a_held_back_signal(scene: Scene) -> None:
    await scene.start()
    await scene.step()
    await scene.signal("wake")
    await scene.task()
    await scene.signal("held back")
    await _reset(scene)
    await scene.step(COMPLETE)


async def reset_to_a_started_task(scene: Scene) -> None:
    await scene.start()
    await scene.step()
    await scene.signal("wake")
    await scene.step(COMPLETE)
    await _reset(scene, 7)
    await scene.step(COMPLETE)


async def reset_with_a_waiting_activity(scene: Scene) -> None:
    await scene.start()
    await scene.step(scene.activity())
    await scene.signal("wake")
    await scene.step()
    await _reset(scene, 8)
    await scene.step()
    await scene.complete_activity(await scene.activity_task())
    await scene.step(COMPLETE)


async def reset_with_a_started_activity(scene: Scene) -> None:
    """What a worker works on fails, for its token belongs to the run that ends."""
    await scene.start()
    await scene.step(scene.activity())
    await scene.activity_task()
    await scene.signal("wake")
    await scene.step()
    await _reset(scene, 8)
    await scene.step(COMPLETE)


async def reset_with_a_child(scene: Scene) -> None:
    """A child from before the point goes on as the child of the new run."""
    below = f"{scene.queue}-child"
    await scene.start()
    await scene.step(scene.child("child", queue=below))
    await scene.step()
    await scene.signal("wake")
    await scene.step()
    await _reset(scene, 12)
    await scene.step()
    await scene.complete(await scene.task(below), COMPLETE)
    await scene.step(COMPLETE)


async def reset_with_a_cancel_request(scene: Scene) -> None:
    await scene.start()
    await scene.step()
    await scene.cancel()
    await scene.step()
    await _reset(scene)
    await scene.step(COMPLETE)


async def reset_of_a_reset(scene: Scene) -> None:
    await scene.start()
    await scene.step(COMPLETE)
    await _reset(scene)
    await scene.step(COMPLETE)
    answer = await scene.ask(
        "ResetWorkflowExecution",
        workflow_execution=scene.execution(),
        reason="a third time",
        workflow_task_finish_event_id=FIRST_COMPLETION,
        request_id=f"{scene.label}again",
    )
    scene.tell("w", answer.run_id)
    await scene.step(COMPLETE)
