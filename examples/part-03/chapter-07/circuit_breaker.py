"""A circuit breaker in the worker: a service that is down is left alone until it may be back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from temporalio import activity, workflow
from temporalio.client import WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, verified, working

FAILURES_MAX = 3
OPEN_SECONDS = 30.0


class State(StrEnum):
    """Closed lets everything through, open nothing, half-open a single trial."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass
class CircuitBreaker:
    """Belongs to the worker process, not to a workflow: the service is down for everybody.

    It asks the clock that it is given, so that a test need not wait.
    """

    clock: Callable[[], float]
    state: State = State.CLOSED
    failures: int = 0
    opened_at: float = 0.0
    path: list[str] = field(default_factory=lambda: [State.CLOSED.value])

    def admit(self) -> bool:
        """Whether a call may go out now."""
        if self.state is State.OPEN and self.clock() - self.opened_at >= OPEN_SECONDS:
            self._become(State.HALF_OPEN)
            return True
        return self.state is State.CLOSED

    def succeeded(self) -> None:
        """The service has answered."""
        self.failures = 0
        if self.state is not State.CLOSED:
            self._become(State.CLOSED)

    def failed(self) -> None:
        """The service has not."""
        self.failures += 1
        if self.state is State.HALF_OPEN or self.failures >= FAILURES_MAX:
            self.opened_at = self.clock()
            self._become(State.OPEN)

    def _become(self, state: State) -> None:
        self.state = state
        self.path.append(state.value)


class Weather:
    """The service, its breaker and a clock under our control."""

    def __init__(self) -> None:
        """Up, at second zero."""
        self.is_up = True
        self.calls = 0
        self.seconds = 0.0
        self.breaker = CircuitBreaker(clock=lambda: self.seconds)

    def ask(self) -> str:
        """Call the service itself."""
        self.calls += 1
        if not self.is_up:
            raise ConnectionError("the weather service does not answer")
        return "sunny"

    @activity.defn(name="forecast")
    async def forecast(self) -> str:
        """Call the service through the breaker."""
        if not self.breaker.admit():
            # With retries one would add next_retry_delay: not before the breaker opens again.
            raise ApplicationError("the breaker is open", type="CircuitOpen")
        try:
            answer = self.ask()
        except ConnectionError:
            self.breaker.failed()
            raise
        self.breaker.succeeded()
        return answer


@workflow.defn
class ForecastWorkflow:
    """Asks once."""

    @workflow.run
    async def run(self) -> str:
        """Return the forecast."""
        return await workflow.execute_activity(
            "forecast",
            result_type=str,
            start_to_close_timeout=span(10),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


async def main() -> None:
    """The service goes down, is left alone, is tried too early, and comes back."""
    options = parse_options(is_alone=True)
    client = await connect()
    weather = Weather()
    outcomes: list[str] = []

    async def ask(times: int = 1) -> None:
        for _ in range(times):
            try:
                outcome = await client.execute_workflow(
                    ForecastWorkflow.run, id=new_id("forecast"), task_queue=options.task_queue
                )
            except WorkflowFailureError as error:
                cause = error.cause.cause if isinstance(error.cause, ActivityError) else None
                outcome = cause.type or "" if isinstance(cause, ApplicationError) else "?"
            outcomes.append(outcome)

    async with working(
        client, options, workflows=[ForecastWorkflow], activities=[weather.forecast]
    ):
        await ask()
        weather.is_up = False
        await ask(FAILURES_MAX)
        await ask(4)  # The breaker is open: none of these reaches the service.
        calls_while_open = weather.calls
        weather.seconds += OPEN_SECONDS
        await ask()  # The trial fails.
        weather.seconds += OPEN_SECONDS
        weather.is_up = True
        await ask(2)  # The trial succeeds, and everything is as it was.
    print(f"outcomes: {outcomes}")
    print(f"states: {' -> '.join(weather.breaker.path)}")
    check(calls_while_open == 1 + FAILURES_MAX, "an open breaker spares the service")
    expected_outcomes = [
        "sunny",
        *["ConnectionError"] * FAILURES_MAX,
        *["CircuitOpen"] * 4,
        "ConnectionError",
        *["sunny"] * 2,
    ]
    check(outcomes == expected_outcomes, "callers were told at once")
    expected_path = ["closed", "open", "half-open", "open", "half-open", "closed"]
    check(weather.breaker.path == expected_path, "the breaker went through its states")
    verified("closed, open, half-open, open, half-open, closed")


if __name__ == "__main__":
    run(main)
