"""Workflows that schedules start."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError


@workflow.defn
class Scheduled:
    """Does what it is told, and says what the last one left behind."""

    def __init__(self) -> None:
        self._is_released = False

    @workflow.run
    async def run(self, what: str) -> str:
        if what == "fail":
            raise ApplicationError("as told", non_retryable=True)
        if what == "wait":
            await workflow.wait_condition(lambda: self._is_released)
        if what == "continue":
            workflow.continue_as_new("wait")
        last = (
            workflow.get_last_completion_result(str)
            if workflow.has_last_completion_result()
            else "nothing"
        )
        failure = workflow.get_last_failure()
        return f"after {last}, {failure.__class__.__name__ if failure else 'no failure'}"

    @workflow.signal
    def release(self) -> None:
        self._is_released = True
