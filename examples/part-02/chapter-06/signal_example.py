"""A request that waits for a signal: approved, rejected, or nobody cared in time."""

from dataclasses import dataclass

from temporalio import activity, workflow
from temporalio.client import WorkflowHandle

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working


@dataclass
class Decision:
    """What the signal carries; one dataclass can grow where a list of arguments cannot."""

    approved: bool
    by: str
    reason: str = ""


@activity.defn
async def notify(text: str) -> str:
    """Tell the applicant; here the text is all there is."""
    return text


@workflow.defn
class RequestWorkflow:
    """Waits for a decision as long as it may."""

    def __init__(self) -> None:
        """Nobody has decided."""
        self.decision: Decision | None = None

    @workflow.signal
    def decide(self, decision: Decision) -> None:
        """Take the first decision; whoever comes later is too late."""
        if self.decision is None:
            self.decision = decision

    @workflow.run
    async def run(self, what: str, seconds: float) -> str:
        """Return what the applicant was told."""
        try:
            await workflow.wait_condition(lambda: self.decision is not None, timeout=span(seconds))
        except TimeoutError:
            text = f"{what}: nobody decided in time"
        else:
            text = f"{what}: {self._verdict()}"
        return await workflow.execute_activity(notify, text, start_to_close_timeout=span(10))

    def _verdict(self) -> str:
        if self.decision is None:
            return "undecided"
        if self.decision.approved:
            return f"approved by {self.decision.by}"
        return f"rejected by {self.decision.by}: {self.decision.reason}"


async def main() -> None:
    """Three requests, three endings."""
    options = parse_options()
    client = await connect()

    async def ask(what: str, seconds: float) -> WorkflowHandle[RequestWorkflow, str]:
        return await client.start_workflow(
            RequestWorkflow.run,
            args=[what, seconds],
            id=new_id("request"),
            task_queue=options.task_queue,
        )

    async with working(client, options, workflows=[RequestWorkflow], activities=[notify]):
        laptop, yacht, chair = (
            await ask("laptop", 600),
            await ask("yacht", 600),
            await ask("chair", 1),
        )
        await laptop.signal(RequestWorkflow.decide, Decision(approved=True, by="Ada"))
        # A signal that comes twice must do no harm: only the first decision counts.
        await yacht.signal(
            RequestWorkflow.decide, Decision(approved=False, by="Bob", reason="too wet")
        )
        await yacht.signal(RequestWorkflow.decide, Decision(approved=True, by="Eve"))
        texts = [await handle.result() for handle in (laptop, yacht, chair)]
    print("\n".join(f"  {text}" for text in texts))
    expected = [
        "laptop: approved by Ada",
        "yacht: rejected by Bob: too wet",
        "chair: nobody decided in time",
    ]
    check(texts == expected, "each request ended as it should")
    verified("approved, rejected, expired")


if __name__ == "__main__":
    run(main)
