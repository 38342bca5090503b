"""Replay tests: does the new code still understand the histories that the old code has written?"""

import asyncio
from typing import Any

from temporalio import activity, workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working


@activity.defn
async def pack(order: str) -> str:
    """First."""
    return f"{order} packed"


@activity.defn
async def send(order: str) -> str:
    """Second."""
    return f"{order} sent"


@workflow.defn(name="Delivery")
class DeliveryV1:
    """The code in production."""

    @workflow.run
    async def run(self, order: str) -> str:
        """Return the last step's answer."""
        packed = await workflow.execute_activity(pack, order, start_to_close_timeout=span(10))
        await workflow.sleep(0.1)
        return await workflow.execute_activity(send, packed, start_to_close_timeout=span(10))


@workflow.defn(name="Delivery")
class DeliveryV2:
    """Compatible: other timeouts, another duration, a log line. The commands are the same."""

    @workflow.run
    async def run(self, order: str) -> str:
        """Return the last step's answer."""
        workflow.logger.debug("delivering %s", order)
        packed = await workflow.execute_activity(pack, order, start_to_close_timeout=span(60))
        await workflow.sleep(0.2)
        return await workflow.execute_activity(send, packed, start_to_close_timeout=span(60))


@workflow.defn(name="Delivery")
class DeliverySwapped:
    """Incompatible: another activity comes first."""

    @workflow.run
    async def run(self, order: str) -> str:
        """Return the last step's answer."""
        sent = await workflow.execute_activity(send, order, start_to_close_timeout=span(10))
        await workflow.sleep(0.1)
        return await workflow.execute_activity(pack, sent, start_to_close_timeout=span(10))


@workflow.defn(name="Delivery")
class DeliveryWithoutPause:
    """Incompatible: the timer of the history has no counterpart in the code."""

    @workflow.run
    async def run(self, order: str) -> str:
        """Return the last step's answer."""
        packed = await workflow.execute_activity(pack, order, start_to_close_timeout=span(10))
        return await workflow.execute_activity(send, packed, start_to_close_timeout=span(10))


@workflow.defn(name="Delivery")
class DeliveryPatched:
    """The same change, made safely."""

    @workflow.run
    async def run(self, order: str) -> str:
        """Return the last step's answer."""
        packed = await workflow.execute_activity(pack, order, start_to_close_timeout=span(10))
        if not workflow.patched("no-pause"):
            await workflow.sleep(0.1)
        return await workflow.execute_activity(send, packed, start_to_close_timeout=span(10))


async def verdict(version: type, history: WorkflowHistory) -> str:
    """Replay one history: no server, no activities, only the workflow's code."""
    result = await Replayer(workflows=[version]).replay_workflow(
        history, raise_on_replay_failure=False
    )
    failure = result.replay_failure
    if failure is None:
        return "compatible"
    kind = "NondeterminismError" if isinstance(failure, workflow.NondeterminismError) else "?"
    return f"{kind}: {failure}"


async def main() -> None:
    """Record one history, as the JSON that CLI and web UI export, and replay it five times."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[DeliveryV1], activities=[pack, send]):
        handle = await client.start_workflow(
            DeliveryV1.run, "order 7", id=new_id("delivery"), task_queue=options.task_queue
        )
        await handle.result()
    recorded = (await handle.fetch_history()).to_json()
    history = WorkflowHistory.from_json(handle.id, recorded)
    versions: list[Any] = [
        DeliveryV1,
        DeliveryV2,
        DeliverySwapped,
        DeliveryWithoutPause,
        DeliveryPatched,
    ]
    verdicts = dict(
        zip(
            [version.__name__ for version in versions],
            await asyncio.gather(*(verdict(version, history) for version in versions)),
            strict=True,
        )
    )
    for name, text in verdicts.items():
        print(f"  {name:<21} {text[:110]}")
    for name in ("DeliveryV1", "DeliveryV2", "DeliveryPatched"):
        check(verdicts[name] == "compatible", f"{name} understands the history")
    swapped, without_pause = verdicts["DeliverySwapped"], verdicts["DeliveryWithoutPause"]
    check(swapped.startswith("NondeterminismError"), "swapped activities are found")
    check("'pack'" in swapped and "'send'" in swapped, "for the right reason: their names")
    check(without_pause.startswith("NondeterminismError"), "a missing timer is found")
    check("TimerStarted" in without_pause, "for the right reason: the timer of the history")
    verified("compatible code replays, incompatible code is caught before it is deployed")


if __name__ == "__main__":
    run(main)
