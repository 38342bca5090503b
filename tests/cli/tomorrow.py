"""The workflows of the stage as a later release might have them: histories do not fit any more."""

from temporalio import workflow


@workflow.defn(name="Greeting")
class Greeting:
    """Has begun to sleep first."""

    @workflow.run
    async def run(self, name: str, waits: bool = False) -> str:
        await workflow.sleep(1)
        return f"{name} {waits}"
