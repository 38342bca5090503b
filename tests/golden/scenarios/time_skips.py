"""Runs whose time is skipped: where the jumps lie in a history, and what they end."""

from collections.abc import Mapping
from typing import Any, Final

from tests.golden.stage import COMPLETE, Scene, seconds, timer

HOUR: Final = 3_600.0
DAY: Final = 24 * HOUR
SKIPPING: Final[Mapping[str, Any]] = {"enabled": True}
_SKIPPED: Final = "WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED"


def _forward(name: str, span: float) -> dict[str, Any]:
    return {"enabled": True, "fast_forward_config": {"id": name, "duration": seconds(span)}}


async def _configure(scene: Scene, config: Mapping[str, Any] | None, name: str = "w") -> None:
    await scene.ask(
        "UpdateWorkflowExecutionOptions",
        workflow_execution=scene.execution(name),
        workflow_execution_options={} if config is None else {"time_skipping_config": config},
        update_mask={"paths": ["time_skipping_config"]},
    )


async def time_skipped_to_timers(scene: Scene) -> None:
    """One jump for each."""
    await scene.start(time_skipping_config=SKIPPING)
    await scene.step(timer("long", 30 * DAY), timer("short", DAY))
    await scene.step()
    await scene.step(COMPLETE)


async def time_skipped_over_retries(scene: Scene) -> None:
    """An activity that waits for its next attempt does not hold time."""
    await scene.start(time_skipping_config=SKIPPING)
    policy = {"initial_interval": seconds(HOUR), "maximum_attempts": 2}
    await scene.step(scene.activity(retry_policy=policy))
    await scene.fail_activity(await scene.activity_task())
    await scene.complete_activity(await scene.activity_task())
    await scene.step(COMPLETE)


async def time_skipped_to_the_run_timeout(scene: Scene) -> None:
    """A run that waits for nothing else jumps to its own end."""
    await scene.start(time_skipping_config=SKIPPING, workflow_run_timeout=seconds(30 * DAY))
    await scene.step()
    await scene.until("WORKFLOW_EXECUTION_TIMED_OUT")


async def time_skipped_over_a_start_delay(scene: Scene) -> None:
    """The first jump comes before the first workflow task."""
    await scene.start(time_skipping_config=SKIPPING, workflow_start_delay=seconds(DAY))
    await scene.step(COMPLETE)


async def time_skips_are_bounded(scene: Scene) -> None:
    """After its last jump, time is real."""
    await scene.start(time_skipping_config={"enabled": True, "max_session_skip_count": 1})
    await scene.step(timer("a", DAY), timer("b", 2 * DAY))
    await scene.step()
    await scene.terminate()


async def time_skipped_by_parent_and_child(scene: Scene) -> None:
    """A child begins in the time of its parent, and skips its own."""
    await scene.start(time_skipping_config=_forward("f", 9 * DAY))
    await scene.step(timer("a", DAY))
    await scene.step(scene.child("c"))
    await scene.until("CHILD_WORKFLOW_EXECUTION_STARTED")
    child, parent = await scene.task(), await scene.task()
    if child.workflow_execution.workflow_id != scene.id("c"):
        child, parent = parent, child
    await scene.complete(parent)
    await scene.complete(child, timer("b", DAY))
    await scene.step(COMPLETE)
    await scene.step(COMPLETE)


async def child_without_its_parents_time_skipping(scene: Scene) -> None:
    """The configuration stays with the parent; the time does not."""
    await scene.start(time_skipping_config={"enabled": True, "disable_propagation": True})
    await scene.step(timer("a", DAY))
    await scene.step(scene.child("c", queue=f"{scene.queue}-of-child"))
    await scene.until("CHILD_WORKFLOW_EXECUTION_STARTED")
    await scene.step()
    await scene.complete(await scene.task(f"{scene.queue}-of-child"), COMPLETE)
    await scene.step(COMPLETE)


async def fast_forward_by_options(scene: Scene) -> None:
    """The jump comes when the activity is done, and is the last.

    If it came with the change itself, the reference would write the configuration as it is after
    the jump.
    """
    await scene.start()
    await scene.step(scene.activity(), timer("a", 10 * DAY))
    task = await scene.activity_task()
    await _configure(scene, _forward("f", DAY))
    await scene.complete_activity(task)
    await scene.step()
    await scene.until(_SKIPPED)
    await scene.signal("after it")
    await scene.step()
    await scene.terminate()


async def fast_forward_while_a_task_is_started(scene: Scene) -> None:
    """Its end comes in real time, and waits for the end of the task."""
    await scene.start(time_skipping_config=_forward("f", 1))
    task = await scene.task()
    await scene.ask(
        "PollWorkflowExecutionTimeSkipping",
        workflow_execution=scene.execution(),
        fast_forward_id="f",
    )
    await scene.complete(task, timer("a", DAY))
    await scene.terminate()


async def time_skipping_switched_off(scene: Scene) -> None:
    """Without a configuration time is real."""
    await scene.start(time_skipping_config=SKIPPING)
    task = await scene.task()
    await _configure(scene, None)
    await scene.complete(task, timer("a", DAY))
    await scene.signal("none was skipped")
    await scene.step()
    await _configure(scene, SKIPPING)
    await scene.step(COMPLETE)
