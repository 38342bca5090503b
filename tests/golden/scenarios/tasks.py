"""Workflow tasks: what they leave in the history when they fail, expire, or need not have been."""

import pytest
from temporalio.service import RPCError

from tests.golden.stage import (
    COMPLETE,
    Scene,
    command,
    pass_time,
    payloads,
    seconds,
    timer,
    together,
)


async def task_failed_and_repeated(scene: Scene) -> None:
    """Only the first failure is written; the attempts that follow are transient."""
    await scene.start()
    await scene.fail_task(await scene.task())
    await scene.fail_task(await scene.task())
    task = await scene.task()
    assert task.attempt == 3
    await scene.complete(task, COMPLETE)


async def task_shown_while_transient(scene: Scene) -> None:
    """An SDK sees the events of the attempt that is not written."""
    await scene.start()
    await scene.fail_task(await scene.task())
    await scene.fail_task(await scene.task())
    await scene.task()


async def task_transient_until_a_signal(scene: Scene) -> None:
    await scene.start()
    await scene.fail_task(await scene.task())
    await scene.fail_task(await scene.task())
    await scene.signal("now it is written")
    await scene.step(COMPLETE)


async def task_timed_out(scene: Scene) -> None:
    await scene.start(workflow_task_timeout=seconds(1))
    await scene.task()
    await scene.step(COMPLETE)


async def task_timed_out_with_a_signal(scene: Scene) -> None:
    await scene.start(workflow_task_timeout=seconds(1))
    await scene.task()
    await scene.signal("meanwhile")
    await scene.step(COMPLETE)


async def task_nondeterministic(scene: Scene) -> None:
    await scene.start()
    await scene.fail_task(
        await scene.task(), cause="WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR"
    )
    await scene.step(COMPLETE)


async def task_with_a_bad_command(scene: Scene) -> None:
    await scene.start()
    with pytest.raises(RPCError):
        await scene.step(command("cancel_timer", timer_id="unknown"))
    await scene.step(COMPLETE)


async def task_with_bad_attributes(scene: Scene) -> None:
    await scene.start()
    with pytest.raises(RPCError):
        await scene.step(command("start_timer", timer_id=""))
    await scene.step(COMPLETE)


async def task_with_a_timer_started_twice(scene: Scene) -> None:
    await scene.start()
    with pytest.raises(RPCError):
        await scene.step(timer("t", 20), timer("t", 20))
    await scene.step(COMPLETE)


async def unhandled_command(scene: Scene) -> None:
    """A run does not close over a signal that its worker has not seen."""
    await scene.start()
    task = await scene.task()
    await scene.signal("wait for me")
    with pytest.raises(RPCError):
        await scene.complete(task, COMPLETE)
    await scene.step(COMPLETE)


async def signals_held_back_in_order(scene: Scene) -> None:
    await scene.start()
    task = await scene.task()
    for text in ("one", "two", "three"):
        await scene.signal(text)
    await scene.complete(task)
    await scene.step(COMPLETE)


async def signals_before_the_first_task(scene: Scene) -> None:
    await scene.start()
    for text in ("one", "two"):
        await scene.signal(text)
    await scene.step(COMPLETE)


async def signal_held_back_when_the_task_fails(scene: Scene) -> None:
    await scene.start()
    task = await scene.task()
    await scene.signal("meanwhile")
    await scene.fail_task(task)
    await scene.step(COMPLETE)


async def signal_repeated_with_its_request_id(scene: Scene) -> None:
    await scene.start()
    for _ in range(2):
        await scene.signal("once", request_id="the same")
    await scene.step(COMPLETE)


async def task_prolonged(scene: Scene) -> None:
    """A completion without commands that asks for another task: a local activity takes long."""
    await scene.start()
    answer = await scene.complete(
        await scene.task(), force_create_new_workflow_task=True, return_new_workflow_task=True
    )
    await scene.complete(answer.workflow_task, COMPLETE)


async def sticky_task_waits_in_vain(scene: Scene) -> None:
    """Nobody polls the sticky queue: the task goes back to the normal one."""
    await scene.start()
    await scene.step(sticky_attributes=_sticky(scene, 1))
    await scene.signal("wake")
    await scene.step(COMPLETE)


async def sticky_task_taken(scene: Scene) -> None:
    await scene.start()
    await scene.step(sticky_attributes=_sticky(scene, 30))
    task, _ = await together(scene.task(is_sticky=True), _wake_later(scene))
    await scene.complete(task, COMPLETE)


async def sticky_task_failed(scene: Scene) -> None:
    """What follows a failure comes to the normal queue."""
    await scene.start()
    await scene.step(sticky_attributes=_sticky(scene, 30))
    task, _ = await together(scene.task(is_sticky=True), _wake_later(scene))
    await scene.fail_task(task)
    await scene.step(COMPLETE)


async def _wake_later(scene: Scene) -> None:
    """A worker must poll the sticky queue before anything is given to it."""
    await pass_time(1)
    await scene.signal("wake")


def _sticky(scene: Scene, span: float) -> dict[str, object]:
    return {
        "worker_task_queue": {"name": scene.sticky_queue, "kind": 2, "normal_name": scene.queue},
        "schedule_to_start_timeout": seconds(span),
    }


async def query_leaves_no_trace(scene: Scene) -> None:
    await scene.start()
    await scene.step()

    async def answer() -> None:
        task = await scene.task()
        await scene.ask(
            "RespondQueryTaskCompleted",
            task_token=task.task_token,
            completed_type="QUERY_RESULT_TYPE_ANSWERED",
            query_result=payloads("nothing new"),
        )

    query = {"query_type": "anything"}
    answered, _ = await together(
        scene.ask("QueryWorkflow", execution=scene.execution(), query=query), answer()
    )
    assert answered.query_result.payloads[0].data == b'"nothing new"'
    await scene.terminate()


async def terminated_while_a_task_is_started(scene: Scene) -> None:
    await scene.start()
    await scene.task()
    await scene.signal("held back")
    await scene.terminate(details=payloads("why"))


async def terminated_while_a_task_waits(scene: Scene) -> None:
    await scene.start()
    await scene.terminate()


async def timers_fired_and_canceled(scene: Scene) -> None:
    await scene.start()
    await scene.step(timer("short", 0.2), timer("long", 60))
    await scene.step(command("cancel_timer", timer_id="long"), COMPLETE)


async def timer_fired_while_a_task_is_started(scene: Scene) -> None:
    await scene.start()
    await scene.step(timer("t", 3))
    await scene.signal("wake")
    task = await scene.task()
    await pass_time(3.5)
    await scene.complete(task)
    await scene.step(COMPLETE)


async def timer_canceled_after_it_fired_unseen(scene: Scene) -> None:
    """The firing is held back, and the cancellation takes it away."""
    await scene.start()
    await scene.step(timer("t", 3))
    await scene.signal("wake")
    task = await scene.task()
    await pass_time(3.5)
    await scene.complete(task, command("cancel_timer", timer_id="t"), COMPLETE)


async def markers_memo_and_search_attributes(scene: Scene) -> None:
    await scene.start(
        memo={"fields": {"kept": payloads("old").payloads[0], "gone": payloads("old").payloads[0]}},
        search_attributes={"indexed_fields": {"GoldenKeyword": payloads("first").payloads[0]}},
    )
    await scene.step(
        command(
            "record_marker",
            marker_name="Version",
            details={"version": payloads("1")},
        ),
        command(
            "modify_workflow_properties",
            upserted_memo={"fields": {"new": payloads("n").payloads[0], "gone": {}}},
        ),
        command(
            "upsert_workflow_search_attributes",
            search_attributes={"indexed_fields": {"GoldenKeyword": payloads("second").payloads[0]}},
        ),
        timer("t", 0.1),
    )
    await scene.step(COMPLETE)
