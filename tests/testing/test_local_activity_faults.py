"""What happens to local activities, which a worker does without being asked by the server."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.common import RetryPolicy

from indelible.testing.environment import IndelibleTest
from indelible.testing.faults import Faults

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


class Till:
    def __init__(self) -> None:
        self.attempts: list[int] = []

    @activity.defn
    async def price(self) -> int:
        attempt = activity.info().attempt
        self.attempts.append(attempt)
        return attempt


@workflow.defn(sandboxed=False)
class Pricing:
    @workflow.run
    async def run(self, count: int) -> list[int]:
        prices: list[int] = []
        for _ in range(count):
            prices.append(
                await workflow.execute_local_activity_method(
                    Till.price,
                    start_to_close_timeout=timedelta(seconds=30),
                    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=10)),
                )
            )
            await workflow.sleep(timedelta(days=1))
        return prices


@pytest.mark.parametrize(
    ("plan", "attempts", "result"),
    [
        pytest.param(lambda _: None, [1, 1], [1, 1], id="none"),
        pytest.param(lambda to: to.fail_local_attempt("price"), [2, 1], [2, 1], id="fail before"),
        pytest.param(
            lambda to: to.fail_local_completion("price", at=2), [1, 1, 2], [1, 2], id="fail after"
        ),
        pytest.param(lambda to: to.lose_local_completion("price"), [1, 1, 1], [1, 1], id="lose"),
        pytest.param(
            lambda to: to.lose_local_completion("price", at=2), [1, 1, 1], [1, 1], id="lose later"
        ),
        pytest.param(
            lambda to: to.lose_local_completion("price", at=3), [1, 1], [1, 1], id="never"
        ),
        pytest.param(lambda to: to.fail_attempt("price"), [1, 1], [1, 1], id="not of the server"),
    ],
)  # fmt: skip
def test_what_happens_to_a_local_activity(
    indelible: IndelibleTest,
    plan: Callable[[Faults], None],
    attempts: list[int],
    result: list[int],
) -> None:
    async def body() -> None:
        till = Till()
        plan(indelible.faults)
        async with indelible.worker(workflows=[Pricing], activities=[till.price]):
            handle = await indelible.client.start_workflow(
                Pricing.run, 2, id="pricing", task_queue=indelible.task_queue
            )
            assert await handle.result() == result
        assert till.attempts == attempts

    asyncio.run(body())
