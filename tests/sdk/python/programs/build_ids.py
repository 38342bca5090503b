"""The same workflow in two builds, each of which says which one it is."""

from datetime import timedelta

from temporalio import activity, workflow


@activity.defn(name="built_by")
async def built_by() -> str:
    return "1.0"


@activity.defn(name="built_by")
async def built_by_new() -> str:
    return "2.0"


async def _of_worker() -> str:
    return await workflow.execute_activity(
        "built_by", result_type=str, start_to_close_timeout=timedelta(seconds=10)
    )


@workflow.defn
class Staying:
    def __init__(self) -> None:
        self._may_proceed = False

    @workflow.run
    async def run(self, is_short: bool = False) -> str:
        if not is_short:
            await workflow.wait_condition(lambda: self._may_proceed)
        return f"1.0 {await _of_worker()}"

    @workflow.signal
    def proceed(self) -> None:
        self._may_proceed = True

    @workflow.query
    def build(self) -> str:
        return "1.0"


@workflow.defn(name="Staying")
class StayingNew:
    def __init__(self) -> None:
        self._may_proceed = False

    @workflow.run
    async def run(self, is_short: bool = False) -> str:
        if not is_short:
            await workflow.wait_condition(lambda: self._may_proceed)
        return f"2.0 {await _of_worker()}"

    @workflow.signal
    def proceed(self) -> None:
        self._may_proceed = True

    @workflow.query
    def build(self) -> str:
        return "2.0"
