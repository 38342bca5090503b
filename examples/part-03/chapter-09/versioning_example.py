"""Code that changes without patches: a new name, arguments that grow, runs that start afresh."""

from dataclasses import dataclass, field
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, until, verified, working


@dataclass
class OrderV1:
    """What clients sent in the beginning."""

    sku: str


@dataclass
class Order:
    """The same order later. A new field has a default, so that old inputs can still be read."""

    sku: str
    quantity: int = 1
    gift_wrap: bool = False


@workflow.defn(name="Ordering")
class OrderingV1:
    """Runs of this type finish as they began, on workers that keep the old class."""

    @workflow.run
    async def run(self, order: Order) -> str:
        """Return what was ordered."""
        return f"v1: {order.quantity} x {order.sku}"


@workflow.defn(name="OrderingV2")
class OrderingV2:
    """A change too big for a patch gets a name of its own; clients choose by name."""

    @workflow.run
    async def run(self, order: Order) -> str:
        """Return what was ordered."""
        wrapped = ", gift-wrapped" if order.gift_wrap else ""
        return f"v2: {order.quantity} x {order.sku}{wrapped}"


@dataclass
class Meter:
    """What a run of the meter hands to the next one."""

    total: int = 0
    runs: int = 1
    unread: list[int] = field(default_factory=list[int])


class MeterBase:
    """What both versions of the meter share."""

    @workflow.init
    def __init__(self, meter: Meter) -> None:
        """Take over what the last run has not come to."""
        self.readings = list(meter.unread)

    @workflow.signal
    def read(self, value: int) -> None:
        """A reading; zero ends the meter."""
        self.readings.append(value)


@workflow.defn(name="Meter")
class MeterV1(MeterBase):
    """Counts."""

    @workflow.run
    async def run(self, meter: Meter) -> str:
        """Begin a new run after each reading: the next run takes whatever code there is."""
        await workflow.wait_condition(lambda: bool(self.readings))
        value = self.readings.pop(0)
        if value:
            workflow.continue_as_new(Meter(meter.total + value, meter.runs + 1, self.readings))
        return f"{meter.total} units"


@workflow.defn(name="Meter")
class MeterV2(MeterBase):
    """Counts, rounds and rests: new commands, and not a single patch.

    An old run that waits has made no command, so this code may continue it. What it does after
    the wait is new, and no history contradicts it.
    """

    @workflow.run
    async def run(self, meter: Meter) -> str:
        """Begin a new run after each reading, as before."""
        await workflow.wait_condition(lambda: bool(self.readings))
        value = self.readings.pop(0)
        if value:
            await workflow.sleep(0.05)
            workflow.continue_as_new(Meter(meter.total + value, meter.runs + 1, self.readings))
        return f"{meter.total / 1_000:.1f} thousand units in {meter.runs} runs"


async def main() -> None:
    """Old and new names, old and new inputs, and a meter that changes its code on the way."""
    options = parse_options(is_alone=True)
    client = await connect()

    async def order(name: str, sent: Any) -> str:
        return await client.execute_workflow(
            name, sent, id=new_id("order"), task_queue=options.task_queue, result_type=str
        )

    async with working(client, options, workflows=[OrderingV1, OrderingV2, MeterV1]):
        answers = [
            await order("Ordering", OrderV1("cup")),
            await order("OrderingV2", OrderV1("cup")),
            await order("OrderingV2", Order("cup", 3, gift_wrap=True)),
        ]
        meter_id = new_id("meter")
        first = await client.start_workflow(
            "Meter", Meter(), id=meter_id, task_queue=options.task_queue, result_type=str
        )
        meter = client.get_workflow_handle(meter_id, result_type=str)
        await meter.signal("read", 1_500)

        async def is_in_its_second_run() -> bool:
            description = await meter.describe()
            return description.run_id != first.first_execution_run_id

        await until(is_in_its_second_run)
    async with working(client, options, workflows=[MeterV2]):
        await meter.signal("read", 700)
        await meter.signal("read", 0)
        result = await meter.result()
    print("\n".join([*answers, result]))
    expected = ["v1: 1 x cup", "v2: 1 x cup", "v2: 3 x cup, gift-wrapped"]
    check(answers == expected, "each name has its code, old inputs are understood")
    check(result == "2.2 thousand units in 3 runs", "the meter took the new code on its way")
    verified("versions by name, by default values and by continue-as-new")


if __name__ == "__main__":
    run(main)
