"""Children and other workflows: how they start, end, and hear from each other."""

from temporalio.api.command.v1 import Command

from tests.golden.stage import COMPLETE, Scene, command, failure, payloads, seconds

FAIL = command("fail_workflow_execution", failure=failure("child trouble"))
TERMINATE, ABANDON, REQUEST_CANCEL = (
    f"PARENT_CLOSE_POLICY_{name}" for name in ("TERMINATE", "ABANDON", "REQUEST_CANCEL")
)


async def _parent_of(scene: Scene, *ends: Command, **fields: object) -> None:
    """A parent with one child, which ends by these commands; the parent completes then."""
    await scene.start()
    await scene.step(scene.child("child", queue=f"{scene.queue}-child", **fields))
    await scene.step()
    await scene.complete(await scene.task(f"{scene.queue}-child"), *ends)
    await scene.step(COMPLETE)


async def child_completed(scene: Scene) -> None:
    await _parent_of(scene, COMPLETE, input=payloads("given"))


async def child_canceled_itself(scene: Scene) -> None:
    await _parent_of(scene, command("cancel_workflow_execution", details=payloads("why not")))


async def child_timed_out(scene: Scene) -> None:
    await scene.start()
    await scene.step(
        scene.child("child", queue=f"{scene.queue}-child", workflow_run_timeout=seconds(1))
    )
    await scene.step()
    await scene.step(COMPLETE)


async def child_terminated(scene: Scene) -> None:
    await scene.start()
    await scene.step(scene.child("child", queue=f"{scene.queue}-child"))
    await scene.step()
    await scene.terminate("child")
    await scene.step(COMPLETE)


async def child_failure_chain(scene: Scene) -> None:
    """The grandchild fails, and every failure goes one floor up."""
    below, deeper = f"{scene.queue}-child", f"{scene.queue}-grandchild"
    await scene.start()
    await scene.step(scene.child("child", queue=below))
    await scene.step()
    await scene.complete(await scene.task(below), scene.child("grandchild", queue=deeper))
    await scene.complete(await scene.task(below))
    await scene.complete(await scene.task(deeper), FAIL)
    task = await scene.task(below)
    told = task.history.events[-4].child_workflow_execution_failed_event_attributes.failure
    await scene.complete(task, command("fail_workflow_execution", failure=told))
    await scene.step(FAIL)


async def child_retried(scene: Scene) -> None:
    await scene.start()
    below = f"{scene.queue}-child"
    policy = {"initial_interval": seconds(0.1), "maximum_attempts": 2}
    await scene.step(scene.child("child", queue=below, retry_policy=policy))
    await scene.step()
    await scene.complete(await scene.task(below), FAIL)
    await scene.complete(await scene.task(below), COMPLETE)
    await scene.step(COMPLETE)


async def child_continued_as_new(scene: Scene) -> None:
    await scene.start()
    below = f"{scene.queue}-child"
    await scene.step(scene.child("child", queue=below))
    await scene.step()
    again = command(
        "continue_as_new_workflow_execution",
        workflow_type={"name": "golden"},
        task_queue={"name": below},
    )
    await scene.complete(await scene.task(below), again)
    await scene.complete(await scene.task(below), COMPLETE)
    await scene.step(COMPLETE)


async def child_already_started(scene: Scene) -> None:
    await scene.start("child", task_queue={"name": f"{scene.queue}-child"})
    await scene.start()
    await scene.step(scene.child("child"))
    await scene.step(COMPLETE)
    await scene.terminate("child")


async def child_canceled_by_its_parent(scene: Scene) -> None:
    below = f"{scene.queue}-child"
    await scene.start()
    await scene.step(scene.child("child", queue=below))
    await scene.step()
    await scene.signal("cancel the child")
    await scene.step(
        command(
            "request_cancel_external_workflow_execution",
            namespace=scene.client.namespace,
            workflow_id=scene.id("child"),
            child_workflow_only=True,
            reason="no longer needed",
        )
    )
    await scene.step()
    await scene.complete(await scene.task(below), command("cancel_workflow_execution"))
    await scene.step(COMPLETE)


async def _closed_over(scene: Scene, policy: str) -> None:
    """The parent completes while its child is open."""
    await scene.start()
    below = f"{scene.queue}-child"
    await scene.step(scene.child("child", queue=below, parent_close_policy=policy))
    await scene.complete(await scene.task(below))
    await scene.step(COMPLETE)


async def parent_close_terminates(scene: Scene) -> None:
    await _closed_over(scene, TERMINATE)
    await scene.until("WORKFLOW_EXECUTION_TERMINATED", "child")


async def parent_close_cancels(scene: Scene) -> None:
    await _closed_over(scene, REQUEST_CANCEL)
    await scene.until("WORKFLOW_EXECUTION_CANCEL_REQUESTED", "child")
    await scene.complete(
        await scene.task(f"{scene.queue}-child"), command("cancel_workflow_execution")
    )


async def parent_close_abandons(scene: Scene) -> None:
    await _closed_over(scene, ABANDON)
    await scene.signal("still there", "child")
    await scene.complete(await scene.task(f"{scene.queue}-child"), COMPLETE)


def _signal(scene: Scene, name: str, **fields: object) -> Command:
    return command(
        "signal_external_workflow_execution",
        namespace=scene.client.namespace,
        execution=scene.execution(name),
        signal_name="note",
        input=payloads("from afar"),
        control="c",
        **fields,
    )


def _cancel(scene: Scene, name: str) -> Command:
    return command(
        "request_cancel_external_workflow_execution",
        namespace=scene.client.namespace,
        workflow_id=scene.id(name),
        control="c",
        reason="please",
    )


async def external_signal_delivered(scene: Scene) -> None:
    await scene.start("other", task_queue={"name": f"{scene.queue}-other"})
    await scene.start()
    await scene.step(_signal(scene, "other"))
    await scene.step(COMPLETE)
    await scene.terminate("other")


async def external_signal_to_nobody(scene: Scene) -> None:
    await scene.start()
    await scene.step(_signal(scene, "nobody"))
    await scene.step(COMPLETE)


async def external_signal_to_itself(scene: Scene) -> None:
    await scene.start()
    await scene.step(_signal(scene, "w"))
    await scene.step(COMPLETE)


async def external_signal_to_a_closed_workflow(scene: Scene) -> None:
    await scene.start("other", task_queue={"name": f"{scene.queue}-other"})
    await scene.terminate("other")
    await scene.start()
    await scene.step(_signal(scene, "other"))
    await scene.step(COMPLETE)


async def external_cancel_delivered(scene: Scene) -> None:
    await scene.start("other", task_queue={"name": f"{scene.queue}-other"})
    await scene.start()
    await scene.step(_cancel(scene, "other"))
    await scene.step(COMPLETE)
    await scene.terminate("other")


async def external_cancel_of_nobody(scene: Scene) -> None:
    await scene.start()
    await scene.step(_cancel(scene, "nobody"))
    await scene.step(COMPLETE)
