"""Runs as a whole: how they start, close, repeat and go on under another run id."""

import pytest
from temporalio.service import RPCError

from tests.golden.stage import COMPLETE, Scene, command, failure, payloads, seconds

FAIL = command("fail_workflow_execution", failure=failure("meant to"))


async def completed_at_once(scene: Scene) -> None:
    await scene.start(
        input=payloads("given"),
        header={"fields": {"trace": payloads("t").payloads[0]}},
        user_metadata={"summary": payloads("what it is").payloads[0]},
        priority={"priority_key": 3, "fairness_key": "tenant", "fairness_weight": 2.0},
    )
    await scene.step(COMPLETE)


async def failed_at_once(scene: Scene) -> None:
    await scene.start()
    await scene.step(FAIL)


async def canceled(scene: Scene) -> None:
    await scene.start()
    await scene.step()
    await scene.cancel(reason="no more")
    await scene.step(command("cancel_workflow_execution", details=payloads("as asked")))


async def canceled_before_the_first_task(scene: Scene) -> None:
    await scene.start()
    await scene.cancel()
    await scene.step(command("cancel_workflow_execution"))


async def cancel_ignored(scene: Scene) -> None:
    await scene.start()
    await scene.cancel()
    await scene.step(COMPLETE)


async def cancel_repeated(scene: Scene) -> None:
    await scene.start()
    await scene.step()
    await scene.cancel(request_id="the same")
    await scene.cancel(request_id="the same")
    await scene.cancel(request_id="another")
    await scene.step(COMPLETE)


async def continued_as_new(scene: Scene) -> None:
    await scene.start(memo={"fields": {"kept": payloads("memo").payloads[0]}})
    await scene.step(
        command(
            "continue_as_new_workflow_execution",
            workflow_type={"name": "golden"},
            task_queue={"name": scene.queue},
            input=payloads("second"),
        )
    )
    await scene.step(COMPLETE)


async def continued_with_a_delay(scene: Scene) -> None:
    await scene.start()
    await scene.step(
        command(
            "continue_as_new_workflow_execution",
            workflow_type={"name": "another"},
            task_queue={"name": scene.queue},
            backoff_start_interval=seconds(2),
            workflow_run_timeout=seconds(100),
        )
    )
    await scene.step(COMPLETE)


async def workflow_retried(scene: Scene) -> None:
    await scene.start(
        input=payloads("given"),
        retry_policy={"initial_interval": seconds(1), "maximum_attempts": 2},
    )
    await scene.step(FAIL)
    await scene.step(FAIL)


async def workflow_failed_for_good(scene: Scene) -> None:
    await scene.start(retry_policy={"initial_interval": seconds(1), "maximum_attempts": 2})
    final = command("fail_workflow_execution", failure=failure("meant to", is_final=True))
    await scene.step(final)


async def run_timed_out(scene: Scene) -> None:
    await scene.start(workflow_run_timeout=seconds(1))
    await scene.until("WORKFLOW_EXECUTION_TIMED_OUT")


async def run_timed_out_and_retried(scene: Scene) -> None:
    run_id = await scene.start(
        workflow_run_timeout=seconds(1),
        retry_policy={"initial_interval": seconds(1), "maximum_attempts": 2},
    )
    await scene.until("WORKFLOW_EXECUTION_TIMED_OUT", run_id=run_id)
    await scene.step(COMPLETE)


async def run_timed_out_during_a_task(scene: Scene) -> None:
    await scene.start(workflow_run_timeout=seconds(1))
    await scene.task()
    await scene.until("WORKFLOW_EXECUTION_TIMED_OUT")


async def execution_timed_out(scene: Scene) -> None:
    """No retry goes beyond the time of the whole execution."""
    await scene.start(
        workflow_execution_timeout=seconds(1),
        retry_policy={"initial_interval": seconds(1), "maximum_attempts": 5},
    )
    await scene.until("WORKFLOW_EXECUTION_TIMED_OUT")


async def cron(scene: Scene) -> None:
    await scene.start(cron_schedule="@every 1s")
    await scene.step(COMPLETE)
    await scene.step(FAIL)
    task = await scene.task()
    await scene.terminate()
    assert task.attempt == 1


async def started_with_a_delay(scene: Scene) -> None:
    await scene.start(workflow_start_delay=seconds(1))
    await scene.signal("does not wake it")
    await scene.step(COMPLETE)


async def started_eagerly(scene: Scene) -> None:
    answer = await scene.ask(
        "StartWorkflowExecution", **scene.starting(request_eager_execution=True)
    )
    scene.tell("w", answer.run_id)
    await scene.complete(answer.eager_workflow_task, COMPLETE)


async def started_by_a_signal(scene: Scene) -> None:
    for text in ("starts it", "finds it"):
        answer = await scene.ask(
            "SignalWithStartWorkflowExecution",
            **scene.starting(),
            signal_name="note",
            signal_input=payloads(text),
        )
    scene.tell("w", answer.run_id)
    await scene.step(COMPLETE)


async def started_over_a_running_one(scene: Scene) -> None:
    """The one that runs is terminated by the start of the next."""
    await scene.start()
    await scene.step()
    await scene.start(
        request_id=f"{scene.label}second",
        workflow_id_conflict_policy="WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING",
    )
    await scene.step(COMPLETE)


async def start_attached_to_a_running_one(scene: Scene) -> None:
    await scene.start()
    await scene.step()
    await scene.ask(
        "StartWorkflowExecution",
        **scene.starting(
            request_id=f"{scene.label}second",
            workflow_id_conflict_policy="WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING",
            on_conflict_options={"attach_request_id": True},
        ),
    )
    await scene.terminate()


async def start_refused(scene: Scene) -> None:
    await scene.start()
    with pytest.raises(RPCError):
        await scene.start(request_id=f"{scene.label}second")
    await scene.terminate()


async def options_changed(scene: Scene) -> None:
    await scene.start()
    await scene.ask(
        "UpdateWorkflowExecutionOptions",
        workflow_execution=scene.execution(),
        workflow_execution_options={"priority": {"priority_key": 2}},
        update_mask={"paths": ["priority"]},
    )
    await scene.step(COMPLETE)


async def paused_and_unpaused(scene: Scene) -> None:
    await scene.start()
    await scene.step()
    await scene.ask(
        "PauseWorkflowExecution", workflow_id=scene.id("w"), reason="wait", request_id="pause"
    )
    await scene.signal("while it is paused")
    await scene.ask(
        "UnpauseWorkflowExecution", workflow_id=scene.id("w"), reason="go on", request_id="go on"
    )
    await scene.step(COMPLETE)


async def terminated_while_paused(scene: Scene) -> None:
    await scene.start()
    await scene.ask(
        "PauseWorkflowExecution", workflow_id=scene.id("w"), reason="wait", request_id="pause"
    )
    await scene.terminate()
