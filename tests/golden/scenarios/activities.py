"""Activities of workflows: every way in which one can end."""

from tests.golden.stage import COMPLETE, Scene, command, failure, pass_time, payloads, seconds

RETRIES = {"initial_interval": seconds(0.1), "backoff_coefficient": 1.0, "maximum_attempts": 3}


async def activity_completed(scene: Scene) -> None:
    await scene.start()
    await scene.step(scene.activity())
    await scene.complete_activity(await scene.activity_task())
    await scene.step(COMPLETE)


async def activity_retried(scene: Scene) -> None:
    await scene.start()
    await scene.step(scene.activity(retry_policy=RETRIES))
    for _ in range(2):
        await scene.fail_activity(await scene.activity_task())
    await scene.complete_activity(await scene.activity_task())
    await scene.step(COMPLETE)


async def activity_retries_exhausted(scene: Scene) -> None:
    await scene.start()
    await scene.step(scene.activity(retry_policy=RETRIES))
    for _ in range(3):
        await scene.fail_activity(await scene.activity_task())
    await scene.step(COMPLETE)


async def activity_failed_for_good(scene: Scene) -> None:
    await scene.start()
    await scene.step(scene.activity(retry_policy=RETRIES))
    await scene.fail_activity(await scene.activity_task(), is_final=True)
    await scene.step(COMPLETE)


async def activity_error_type_not_retried(scene: Scene) -> None:
    await scene.start()
    policy = {**RETRIES, "non_retryable_error_types": ["Trouble"]}
    await scene.step(scene.activity(retry_policy=policy))
    await scene.fail_activity(await scene.activity_task())
    await scene.step(COMPLETE)


async def activity_start_to_close_timeout(scene: Scene) -> None:
    await scene.start()
    await scene.step(scene.activity(start_to_close_timeout=seconds(1)))
    await scene.activity_task()
    await scene.step(COMPLETE)


async def activity_schedule_to_start_timeout(scene: Scene) -> None:
    await scene.start()
    await scene.step(
        scene.activity(schedule_to_start_timeout=seconds(1), retry_policy={"maximum_attempts": 0})
    )
    await scene.step(COMPLETE)


async def activity_schedule_to_close_timeout(scene: Scene) -> None:
    """It fails, and the next attempt would begin too late."""
    await scene.start()
    await scene.step(
        scene.activity(
            schedule_to_close_timeout=seconds(8),
            start_to_close_timeout=seconds(8),
            retry_policy={"initial_interval": seconds(20)},
        )
    )
    await scene.fail_activity(await scene.activity_task())
    await scene.step(COMPLETE)


async def activity_timed_out_while_it_works(scene: Scene) -> None:
    await scene.start()
    await scene.step(
        scene.activity(schedule_to_close_timeout=seconds(1), start_to_close_timeout=seconds(1))
    )
    await scene.activity_task()
    await scene.step(COMPLETE)


async def activity_heartbeat_timeout(scene: Scene) -> None:
    await scene.start()
    await scene.step(scene.activity(heartbeat_timeout=seconds(1)))
    task = await scene.activity_task()
    await scene.ask(
        "RecordActivityTaskHeartbeat", task_token=task.task_token, details=payloads("half")
    )
    await scene.step(COMPLETE)


async def activity_canceled_by_its_worker(scene: Scene) -> None:
    await scene.start()
    await scene.step(scene.activity())
    task = await scene.activity_task()
    await scene.signal("stop it")
    await scene.step(command("request_cancel_activity_task", scheduled_event_id=5))
    beat = await scene.ask("RecordActivityTaskHeartbeat", task_token=task.task_token)
    assert beat.cancel_requested
    await scene.ask(
        "RespondActivityTaskCanceled", task_token=task.task_token, details=payloads("stopped")
    )
    await scene.step(COMPLETE)


async def activity_canceled_before_its_start(scene: Scene) -> None:
    await scene.start()
    await scene.step(scene.activity())
    await scene.signal("stop it")
    await scene.step(command("request_cancel_activity_task", scheduled_event_id=5))
    await scene.step(COMPLETE)


async def activity_completed_although_canceled(scene: Scene) -> None:
    await scene.start()
    await scene.step(scene.activity())
    task = await scene.activity_task()
    await scene.signal("stop it")
    await scene.step(command("request_cancel_activity_task", scheduled_event_id=5))
    await scene.complete_activity(task)
    await scene.step(COMPLETE)


async def activity_completed_by_id_unstarted(scene: Scene) -> None:
    await scene.start()
    await scene.step(scene.activity())
    await scene.ask(
        "RespondActivityTaskCompletedById",
        workflow_id=scene.id("w"),
        activity_id="a",
        result=payloads("from outside"),
    )
    await scene.step(COMPLETE)


async def activity_failed_by_id(scene: Scene) -> None:
    await scene.start()
    await scene.step(scene.activity())
    await scene.activity_task()
    await scene.ask(
        "RespondActivityTaskFailedById",
        workflow_id=scene.id("w"),
        activity_id="a",
        failure=failure("from outside"),
    )
    await scene.step(COMPLETE)


async def activity_eager(scene: Scene) -> None:
    """The task comes with the answer to the completion that scheduled it."""
    await scene.start()
    answer = await scene.complete(await scene.task(), scene.activity(request_eager_execution=True))
    (eager,) = answer.activity_tasks
    await scene.complete_activity(eager)
    await scene.step(COMPLETE)


async def activity_in_a_closed_workflow(scene: Scene) -> None:
    await scene.start()
    await scene.step(scene.activity())
    await scene.activity_task()
    await scene.signal("end now")
    await scene.step(COMPLETE)


async def activity_canceled_as_it_is_scheduled(scene: Scene) -> None:
    await scene.start()
    await scene.step(
        scene.activity(), command("request_cancel_activity_task", scheduled_event_id=5)
    )
    await scene.step(COMPLETE)


async def activities_end_while_a_task_is_started(scene: Scene) -> None:
    """What ends meanwhile is held back, and comes behind the signals."""
    await scene.start()
    await scene.step(scene.activity("a"), scene.activity("b"))
    first, second = await scene.activity_task(), await scene.activity_task()
    await scene.signal("wake")
    task = await scene.task()
    await scene.complete_activity(second if first.activity_id == "a" else first)
    await scene.signal("late")
    await scene.complete_activity(first if first.activity_id == "a" else second)
    await scene.complete(task)
    await scene.step(COMPLETE)


async def activity_paused_and_unpaused(scene: Scene) -> None:
    await scene.start()
    await scene.step(scene.activity())
    await scene.ask("PauseActivity", execution=scene.execution(), id="a", reason="wait")
    await scene.ask("UnpauseActivity", execution=scene.execution(), id="a")
    await scene.complete_activity(await scene.activity_task())
    await scene.step(COMPLETE)


async def activity_options_changed(scene: Scene) -> None:
    """Changes of a pending activity stay out of the history, but for what the start says."""
    await scene.start()
    await scene.step(scene.activity(retry_policy=RETRIES))
    await scene.fail_activity(await scene.activity_task())
    await scene.ask(
        "UpdateActivityOptions",
        execution=scene.execution(),
        id="a",
        activity_options={"start_to_close_timeout": seconds(7)},
        update_mask={"paths": ["start_to_close_timeout"]},
    )
    await scene.complete_activity(await scene.activity_task())
    await scene.step(COMPLETE)


async def activity_reset(scene: Scene) -> None:
    await scene.start()
    policy = {**RETRIES, "initial_interval": seconds(20)}
    await scene.step(scene.activity(retry_policy=policy))
    await scene.fail_activity(await scene.activity_task())
    await scene.ask("ResetActivity", execution=scene.execution(), id="a")
    task = await scene.activity_task()
    assert task.attempt == 1
    await scene.complete_activity(task)
    await scene.step(COMPLETE)


async def activity_without_a_policy(scene: Scene) -> None:
    """What a worker leaves out is filled in, and told."""
    await scene.start()
    await scene.step(
        scene.activity(
            start_to_close_timeout=None, schedule_to_close_timeout=seconds(30), retry_policy=None
        )
    )
    await scene.fail_activity(await scene.activity_task())
    await pass_time(0.1)
    await scene.complete_activity(await scene.activity_task())
    await scene.step(COMPLETE)
