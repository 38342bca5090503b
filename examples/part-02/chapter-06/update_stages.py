"""Two moments of an update: accepted, and completed much later. Callers wait for either."""

import asyncio
import time

from temporalio import workflow
from temporalio.client import WorkflowUpdateStage

with workflow.unsafe.imports_passed_through():
    from running import (
        check,
        connect,
        event_names,
        new_id,
        parse_options,
        run,
        verified,
        working,
    )

RENDER_SECONDS = 1.5


@workflow.defn
class RenderWorkflow:
    """Renders a film. Its updates take their time."""

    def __init__(self) -> None:
        """Nothing rendered, no milestone reached."""
        self.renders = 0
        self.milestone = 0
        self.is_done = False

    @workflow.update
    async def render(self, scene: str) -> str:
        """Accepted at once, done after a while."""
        await workflow.sleep(RENDER_SECONDS)
        self.renders += 1
        return f"{scene} rendered"

    @workflow.update
    async def reached(self, milestone: int) -> int:
        """Answer when the work has come that far: a wait without polling, for hours if need be."""
        await workflow.wait_condition(lambda: self.milestone >= milestone)
        return self.milestone

    @workflow.signal
    def advance(self) -> None:
        """Another milestone."""
        self.milestone += 1

    @workflow.signal
    def finish(self) -> None:
        """No more scenes."""
        self.is_done = True

    @workflow.run
    async def run(self) -> int:
        """Return how many scenes were rendered."""
        await workflow.wait_condition(lambda: self.is_done and workflow.all_handlers_finished())
        return self.renders


async def main() -> None:
    """Measure both moments, ask again under the same id, wait for a milestone."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[RenderWorkflow]):
        film = await client.start_workflow(
            RenderWorkflow.run, id=new_id("film"), task_queue=options.task_queue
        )
        began = time.monotonic()
        scene = await film.start_update(
            RenderWorkflow.render,
            "scene 1",
            id="scene-1",
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
        )
        accepted_after = time.monotonic() - began
        # Another process knows the id only; it waits for the same update.
        elsewhere = film.get_update_handle("scene-1", result_type=str)
        answers = await asyncio.gather(scene.result(), elsewhere.result())
        completed_after = time.monotonic() - began
        again = await film.execute_update(RenderWorkflow.render, "scene 1", id="scene-1")
        waiting = await film.start_update(
            RenderWorkflow.reached, 2, wait_for_stage=WorkflowUpdateStage.ACCEPTED
        )
        milestone = asyncio.create_task(waiting.result())
        await film.signal(RenderWorkflow.advance)
        done_early, _ = await asyncio.wait([milestone], timeout=0.3)
        await film.signal(RenderWorkflow.advance)
        reached = await milestone
        await film.signal(RenderWorkflow.finish)
        renders = await film.result()
        events = await event_names(film)
    print(f"accepted after {accepted_after:.2f} s, completed after {completed_after:.2f} s")
    check(accepted_after < completed_after - 0.5, "acceptance came long before the result")
    check(completed_after >= RENDER_SECONDS, "the result came when the work was done")
    check(set(answers) == {"scene 1 rendered"}, "both handles got the result")
    check(again == answers[0], "the same update id gives the same result")
    check(renders == 1, "and renders nothing again")
    check(events.count("WORKFLOW_EXECUTION_UPDATE_ACCEPTED") == 2, "two updates were accepted")
    check(not done_early, "the milestone was not reached with the first step")
    check(reached == 2, "and was with the second")
    verified("accepted first, completed later, one effect per update id")


if __name__ == "__main__":
    run(main)
