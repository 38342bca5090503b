"""One workflow in several revisions of its code, as releases bring them."""

from datetime import timedelta

from temporalio import activity, workflow

_TIMEOUT = timedelta(seconds=10)


@activity.defn
async def reserve() -> str:
    return "reserved"


@activity.defn
async def charge() -> str:
    return "charged"


@workflow.defn(name="Revised")
class AsRecorded:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(reserve, start_to_close_timeout=_TIMEOUT)
        await workflow.execute_activity(charge, start_to_close_timeout=_TIMEOUT)


@workflow.defn(name="Revised")
class WithOtherTimeout:
    @workflow.run
    async def run(self) -> str:
        await workflow.execute_activity(reserve, start_to_close_timeout=timedelta(minutes=1))
        await workflow.execute_activity(charge, start_to_close_timeout=timedelta(minutes=1))
        return "what a workflow returns is not compared"


@workflow.defn(name="Revised")
class WithNapFirst:
    @workflow.run
    async def run(self) -> None:
        await workflow.sleep(1)
        await workflow.execute_activity(reserve, start_to_close_timeout=_TIMEOUT)


@workflow.defn(name="Revised")
class WithOtherSecondActivity:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(reserve, start_to_close_timeout=_TIMEOUT)
        await workflow.execute_activity(reserve, start_to_close_timeout=_TIMEOUT)


@workflow.defn(name="Revised")
class WithoutSecondActivity:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(reserve, start_to_close_timeout=_TIMEOUT)


@workflow.defn(name="Revised")
class WithNapLast:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(reserve, start_to_close_timeout=_TIMEOUT)
        await workflow.execute_activity(charge, start_to_close_timeout=_TIMEOUT)
        await workflow.sleep(1)


@workflow.defn(name="Revised")
class WithMistake:
    @workflow.run
    async def run(self) -> None:
        reserved = await workflow.execute_activity(reserve, start_to_close_timeout=_TIMEOUT)
        raise LookupError(f'no "{reserved}"')


@workflow.defn(name="Unrelated")
class Unrelated:
    @workflow.run
    async def run(self) -> None:
        pass
