"""Three limits for calls to somebody else's service, kept by the workflow that makes them."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

CALLS = 12
AT_ONCE = 3
BURST, PER_SECOND = 3, 10.0
WINDOW_CALLS, WINDOW_SECONDS = 4, 0.5


@activity.defn
async def call(number: int) -> int:
    """The service that must not be called too often."""
    await asyncio.sleep(0.02)
    return number


@dataclass
class TokenBucket:
    """A burst is fine, then one call per token; tokens come back at a steady pace.

    Time is `workflow.time()`: the same on replay, and skipped along with timers in tests.
    """

    tokens: float = BURST
    filled_at: float = field(default_factory=workflow.time)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def acquire(self) -> None:
        """Wait for a token; the lock lets the callers wait in line."""
        async with self.lock:
            self._fill()
            while self.tokens < 1:
                await workflow.sleep((1 - self.tokens) / PER_SECOND + 0.001)
                self._fill()
            self.tokens -= 1

    def _fill(self) -> None:
        now = workflow.time()
        self.tokens = min(BURST, self.tokens + (now - self.filled_at) * PER_SECOND)
        self.filled_at = now


@dataclass
class SlidingWindow:
    """Never more than some calls within any stretch of time of a given length."""

    calls: deque[float] = field(default_factory=lambda: deque[float](maxlen=WINDOW_CALLS))
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def acquire(self) -> None:
        """Wait until the oldest of the last calls is out of the window."""
        async with self.lock:
            if len(self.calls) == WINDOW_CALLS:
                wait = self.calls[0] + WINDOW_SECONDS - workflow.time()
                if wait > 0:
                    await workflow.sleep(wait + 0.001)
            self.calls.append(workflow.time())


@dataclass
class Report:
    """When each call was let through, and how many were under way at most."""

    admitted_at: list[float]
    most_at_once: int


@workflow.defn
class LimitedCaller:
    """Makes all its calls at once, as far as the limiter lets it."""

    def __init__(self) -> None:
        """Nothing under way."""
        self.report = Report([], 0)
        self.under_way = 0

    @workflow.run
    async def run(self, limiter: str) -> Report:
        """Return when the calls were made."""
        if limiter == "semaphore":
            semaphore = asyncio.Semaphore(AT_ONCE)
            await asyncio.gather(*(self._call_holding(semaphore, n) for n in range(CALLS)))
        else:
            limit = TokenBucket() if limiter == "token bucket" else SlidingWindow()
            await asyncio.gather(*(self._call_after(limit, n) for n in range(CALLS)))
        return self.report

    async def _call_holding(self, semaphore: asyncio.Semaphore, number: int) -> None:
        async with semaphore:
            await self._call(number)

    async def _call_after(self, limit: TokenBucket | SlidingWindow, number: int) -> None:
        await limit.acquire()
        await self._call(number)

    async def _call(self, number: int) -> None:
        self.report.admitted_at.append(workflow.time())
        self.under_way += 1
        self.report.most_at_once = max(self.report.most_at_once, self.under_way)
        await workflow.execute_activity(call, number, start_to_close_timeout=span(10))
        self.under_way -= 1


async def main() -> None:
    """Hold the times of the calls against each limit."""
    options = parse_options()
    client = await connect()
    limiters = ("semaphore", "token bucket", "sliding window")
    async with working(client, options, workflows=[LimitedCaller], activities=[call]):
        reports = await asyncio.gather(
            *(
                client.execute_workflow(
                    LimitedCaller.run, name, id=new_id("caller"), task_queue=options.task_queue
                )
                for name in limiters
            )
        )
    for name, report in zip(limiters, reports, strict=True):
        times = [round(at - report.admitted_at[0], 2) for at in report.admitted_at]
        print(f"{name:<15} most at once {report.most_at_once}, at {times}")
        check(len(times) == CALLS, f"{name}: every call was made")
    semaphore, bucket, window = reports
    check(semaphore.most_at_once == AT_ONCE, "the semaphore limits how many run at once")
    began = bucket.admitted_at[0]
    for number, at in enumerate(bucket.admitted_at):
        tokens = BURST + (at - began) * PER_SECOND
        check(number + 1 <= tokens + 0.01, "the bucket: a burst, then one call per token")
    for first, last in zip(window.admitted_at, window.admitted_at[WINDOW_CALLS:], strict=False):
        check(last - first >= WINDOW_SECONDS - 0.001, "the window: never more than its number")
    verified("semaphore, token bucket and sliding window keep their limits")


if __name__ == "__main__":
    run(main)
