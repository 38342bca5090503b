"""A dispatcher and its drivers: the parent assigns, pauses and resumes its children by signals."""

from temporalio import workflow
from temporalio.client import Client
from temporalio.workflow import ChildWorkflowHandle

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, until, verified, working

DRIVERS = ("ann", "bob")


@workflow.defn
class DriverWorkflow:
    """Delivers what it is assigned, unless it is paused."""

    def __init__(self) -> None:
        """On duty, with nothing to do."""
        self.assigned: list[str] = []
        self.delivered: list[str] = []
        self.is_paused = False
        self.is_off_duty = False

    @workflow.signal
    def assign(self, parcel: str) -> None:
        """Another parcel."""
        self.assigned.append(parcel)

    @workflow.signal
    def pause(self, paused: bool) -> None:
        """Stop for a while, or go on."""
        self.is_paused = paused

    @workflow.signal
    def go_home(self) -> None:
        """The last signal of the day."""
        self.is_off_duty = True

    @workflow.query
    def progress(self) -> dict[str, list[str]]:
        """What is done and what is not."""
        return {"assigned": self.assigned, "delivered": self.delivered}

    @workflow.run
    async def run(self) -> list[str]:
        """Return the delivered parcels at the end of the day."""
        while True:
            await workflow.wait_condition(
                lambda: not self.is_paused and (bool(self.assigned) or self.is_off_duty)
            )
            if not self.assigned:
                return self.delivered
            await workflow.sleep(0.01)  # The way to the customer.
            self.delivered.append(self.assigned.pop(0))


@workflow.defn
class DispatcherWorkflow:
    """Takes orders from outside and passes them on to the right driver."""

    def __init__(self) -> None:
        """No orders yet, and nobody to carry them out."""
        self.orders: list[tuple[str, str, str]] = []
        self.is_open = False

    @workflow.query
    def all_drivers_started(self) -> bool:
        """Whether the children exist."""
        return self.is_open

    @workflow.signal
    def order(self, driver: str, action: str, parcel: str = "") -> None:
        """`assign` a parcel to a driver, `pause` or `resume` it, or `close` for the day."""
        self.orders.append((driver, action, parcel))

    @workflow.run
    async def run(self) -> dict[str, list[str]]:
        """Return what each driver has delivered."""
        me = workflow.info().workflow_id
        drivers: dict[str, ChildWorkflowHandle[DriverWorkflow, list[str]]] = {}
        for name in DRIVERS:
            drivers[name] = await workflow.start_child_workflow(
                DriverWorkflow.run, id=f"{me}/{name}"
            )
        self.is_open = True
        while True:
            await workflow.wait_condition(lambda: bool(self.orders))
            name, action, parcel = self.orders.pop(0)
            if action == "close":
                break
            if action == "assign":
                await drivers[name].signal(DriverWorkflow.assign, parcel)
            else:
                await drivers[name].signal(DriverWorkflow.pause, action == "pause")
        for driver in drivers.values():
            await driver.signal(DriverWorkflow.go_home)
        return {name: await driver for name, driver in drivers.items()}


async def progress(client: Client, dispatcher: str, driver: str) -> dict[str, list[str]]:
    """Ask a child; only a client can query, a parent cannot."""
    handle = client.get_workflow_handle_for(DriverWorkflow.run, f"{dispatcher}/{driver}")
    return await handle.query(DriverWorkflow.progress)


async def main() -> None:
    """Pause Ann, give both the same work, and let Ann go on when Bob is done."""
    options = parse_options()
    client = await connect()
    async with working(client, options, workflows=[DispatcherWorkflow, DriverWorkflow]):
        handle = await client.start_workflow(
            DispatcherWorkflow.run, id=new_id("dispatcher"), task_queue=options.task_queue
        )
        await handle.signal(DispatcherWorkflow.order, args=["ann", "pause"])
        for number in range(3):
            for driver in DRIVERS:
                parcel = f"{driver}-{number}"
                await handle.signal(DispatcherWorkflow.order, args=[driver, "assign", parcel])

        async def bob_is_done() -> bool:
            return len((await progress(client, handle.id, "bob"))["delivered"]) == 3

        await until(lambda: handle.query(DispatcherWorkflow.all_drivers_started))
        await until(bob_is_done)
        paused = await progress(client, handle.id, "ann")
        print(f"while paused: {paused}")
        await handle.signal(DispatcherWorkflow.order, args=["ann", "resume"])
        await handle.signal(DispatcherWorkflow.order, args=["", "close"])
        delivered = await handle.result()
    print(f"at the end:   {delivered}")
    check(paused["delivered"] == [], "the paused child made no progress")
    check(paused["assigned"] == ["ann-0", "ann-1", "ann-2"], "but its work was waiting")
    for driver in DRIVERS:
        parcels = [f"{driver}-{number}" for number in range(3)]
        check(delivered[driver] == parcels, f"{driver} delivered everything, in order")
    verified("the paused child stood still, and lost nothing")


if __name__ == "__main__":
    run(main)
