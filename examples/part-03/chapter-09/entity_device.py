"""A device that is watched for years: short runs, and a state that learns new fields on the way."""

import asyncio
from dataclasses import dataclass, field, replace

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, until, verified, working

READINGS_PER_RUN = 20
SECONDS_PER_RUN = 1.5  # A day, in earnest.


@dataclass
class StateV1:
    """What the first release carried from run to run."""

    total: float = 0.0
    readings: int = 0


@dataclass
class StateV2:
    """What the second release carries. New fields have defaults, so it reads the old form, too."""

    total: float = 0.0
    readings: int = 0
    schema: int = 1  # An input without a schema is of the first release.
    hottest: float | None = None
    runs_by_reason: dict[str, int] = field(default_factory=dict[str, int])
    waiting: list[float] = field(default_factory=list[float])


@workflow.defn(name="Device")
class DeviceV1:
    """The first release: a new run each day, which takes whatever code there is by then."""

    @workflow.init
    def __init__(self, state: StateV1) -> None:
        """Take over."""
        self.state = state

    @workflow.signal
    def reading(self, celsius: float) -> None:
        """A measurement."""
        self.state = StateV1(self.state.total + celsius, self.state.readings + 1)

    @workflow.run
    async def run(self, state: StateV1) -> None:
        """Count for a day."""
        await workflow.sleep(SECONDS_PER_RUN)
        workflow.continue_as_new(self.state)


@workflow.defn(name="Device")
class DeviceV2:
    """The second release: knows the hottest reading, and three reasons to begin a new run."""

    @workflow.init
    def __init__(self, state: StateV2) -> None:
        """Take over, and bring the state to the present form if it comes from the first release."""
        self.state = state if state.schema == 2 else replace(state, schema=2)
        self.readings_of_run = 0
        self.is_retired = False

    @workflow.signal
    def reading(self, celsius: float) -> None:
        """A measurement waits for its turn; what this run cannot take is for the next one."""
        self.state.waiting.append(celsius)

    @workflow.signal
    def retire(self) -> None:
        """The device is gone."""
        self.is_retired = True

    @workflow.query
    def current(self) -> StateV2:
        """The state as it is."""
        return self.state

    @workflow.run
    async def run(self, state: StateV2) -> StateV2:
        """Return the state when the device is retired."""
        ends_at = workflow.now() + span(SECONDS_PER_RUN)
        while not (self.is_retired and not self.state.waiting):
            reason = self._reason_for_a_new_run(late=workflow.now() >= ends_at)
            if reason:
                counts = self.state.runs_by_reason
                counts[reason] = counts.get(reason, 0) + 1
                workflow.continue_as_new(self.state)
            if self.state.waiting:
                self._take(self.state.waiting.pop(0))
                continue
            try:
                await workflow.wait_condition(
                    lambda: bool(self.state.waiting) or self.is_retired,
                    timeout=ends_at - workflow.now(),
                )
            except TimeoutError:
                continue
        return self.state

    def _reason_for_a_new_run(self, *, late: bool) -> str:
        if self.readings_of_run >= READINGS_PER_RUN:
            return "count"
        if workflow.info().is_continue_as_new_suggested():
            return "suggested"
        return "time" if late else ""

    def _take(self, celsius: float) -> None:
        self.readings_of_run += 1
        self.state.readings += 1
        self.state.total += celsius
        self.state.hottest = max(celsius, self.state.hottest or celsius)


async def main() -> None:
    """Five readings under the first release, the migration, fifty more, some quiet, the end."""
    options = parse_options(is_alone=True)
    client = await connect()
    device_id = new_id("device")
    device = client.get_workflow_handle_for(DeviceV2.run, device_id)
    first = await client.start_workflow(
        DeviceV1.run, StateV1(), id=device_id, task_queue=options.task_queue
    )
    for celsius in (20.0, 21.0, 22.0, 23.0, 24.0):
        await device.signal("reading", celsius)

    async def is_in_its_second_run() -> bool:
        return (await device.describe()).run_id != first.first_execution_run_id

    async with working(client, options, workflows=[DeviceV1]):
        await until(is_in_its_second_run)
    # Even if the first release has begun the second run: it has started the same timer.
    await asyncio.gather(
        *(device.signal(DeviceV2.reading, float(celsius)) for celsius in range(50))
    )
    async with working(client, options, workflows=[DeviceV2]):

        async def has_rested() -> bool:
            state = await device.query(DeviceV2.current)
            return state.readings == 55 and state.runs_by_reason.get("time", 0) > 0

        await until(has_rested)
        await device.signal(DeviceV2.retire)
        state = await device.result()
    print(state)
    check(state.schema == 2, "the second release has brought the state to its form")
    expected = (55, 110.0 + sum(range(50)))
    check((state.readings, state.total) == expected, "readings of both releases are in it")
    check(state.hottest == 49, "the new field is kept from the migration on")
    check(state.runs_by_reason.get("count", 0) == 2, "two runs were full")
    verified("state migrated from release 1 to 2, runs ended by count and by time")


if __name__ == "__main__":
    run(main)
