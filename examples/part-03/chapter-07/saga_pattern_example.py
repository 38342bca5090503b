"""A trip in three bookings: what has been booked is undone if a later step fails, or on request."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

from temporalio import activity, workflow
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from running import check, connect, new_id, parse_options, run, span, until, verified, working

BOOKED: dict[str, str] = {}


@dataclass
class Trip:
    """Where to, and what goes wrong on the way."""

    destination: str
    no_flights: bool = False
    waits_for_customer: bool = False


@activity.defn
async def reserve(key: str, what: str) -> str:
    """Reserve under this key; the same key again is the same reservation."""
    BOOKED.setdefault(key, what)
    return key


@activity.defn
async def reserve_flight(key: str, available: bool) -> str:
    """Reserve a seat, if there is one."""
    if not available:
        raise ApplicationError("no seat", type="SoldOut", non_retryable=True)
    return await reserve(key, "flight")


@activity.defn
async def release(key: str) -> None:
    """Undo a reservation. It may be gone, or never have been made: both are fine."""
    BOOKED.pop(key, None)


@workflow.defn
class TripWorkflow:
    """Car, hotel, flight, in this order; back in the other one."""

    def __init__(self) -> None:
        """Nothing to undo."""
        self.compensations: list[str] = []
        self.undone: list[str] = []
        self.is_waiting = False

    @workflow.query
    def open_compensations(self) -> list[str]:
        """The keys that would be released if it failed now."""
        return self.compensations

    @workflow.query
    def released(self) -> list[str]:
        """What was undone, in this order."""
        return self.undone

    @workflow.query
    def waits_for_customer(self) -> bool:
        """Whether car and hotel are booked and the customer has to choose a flight."""
        return self.is_waiting

    @workflow.run
    async def run(self, trip: Trip) -> str:
        """Return the confirmation. Failure and cancellation leave nothing booked."""
        try:
            await self._book(trip)
        except (ActivityError, asyncio.CancelledError) as error:
            # A workflow is cancelled once; after that it may still run activities.
            await self._undo()
            if is_cancelled_exception(error):
                raise
            raise ApplicationError(f"no trip to {trip.destination}", type="TripFailed") from error
        self.compensations.clear()
        return f"trip to {trip.destination} is booked"

    async def _book(self, trip: Trip) -> None:
        for what in ("car", "hotel"):
            await workflow.execute_activity(
                reserve, args=[self._register(what), what], start_to_close_timeout=span(10)
            )
        if trip.waits_for_customer:
            self.is_waiting = True
            await workflow.sleep(24 * 3600)
        await workflow.execute_activity(
            reserve_flight,
            args=[self._register("flight"), not trip.no_flights],
            start_to_close_timeout=span(10),
        )

    def _register(self, what: str) -> str:
        """Note the compensation before the step, whose answer may be lost."""
        key = f"{workflow.info().workflow_id}/{what}"
        self.compensations.append(key)
        return key

    async def _undo(self) -> None:
        while self.compensations:
            await workflow.execute_activity(
                release, self.compensations[-1], start_to_close_timeout=span(10)
            )
            self.undone.append(self.compensations.pop().rsplit("/", 1)[1])


async def main() -> None:
    """A trip that works, one without a seat, one that the customer cancels."""
    options = parse_options()
    client = await connect()
    async with working(
        client,
        options,
        workflows=[TripWorkflow],
        activities=[reserve, reserve_flight, release],
    ):
        confirmation = await client.execute_workflow(
            TripWorkflow.run, Trip("Rome"), id=new_id("trip"), task_queue=options.task_queue
        )
        print(confirmation)
        check(confirmation == "trip to Rome is booked", "the whole trip is booked")

        sold_out = await client.start_workflow(
            TripWorkflow.run,
            Trip("Oslo", no_flights=True),
            id=new_id("trip"),
            task_queue=options.task_queue,
        )
        failure = await failure_of(sold_out.result())
        undone = await sold_out.query(TripWorkflow.released)
        print(f"{failure}; undone: {undone}")
        check(isinstance(failure, ApplicationError), "the trip failed")
        # The flight is released as well: an error does not prove that nothing was reserved.
        check(undone == ["flight", "hotel", "car"], "undone in reverse order")

        changed_mind = await client.start_workflow(
            TripWorkflow.run,
            Trip("Cork", waits_for_customer=True),
            id=new_id("trip"),
            task_queue=options.task_queue,
        )
        await until(lambda: changed_mind.query(TripWorkflow.waits_for_customer))
        await changed_mind.cancel()
        failure = await failure_of(changed_mind.result())
        undone = await changed_mind.query(TripWorkflow.released)
        print(f"cancelled: {type(failure).__name__}; undone: {undone}")
        check(isinstance(failure, CancelledError), "the trip counts as cancelled")
        check(undone == ["hotel", "car"], "a cancelled trip is undone as well")
        for trip in (sold_out, changed_mind):
            check(await trip.query(TripWorkflow.open_compensations) == [], "nothing left to undo")
    if options.with_worker:  # Else the books are in another process.
        check(sorted(BOOKED.values()) == ["car", "flight", "hotel"], "only Rome is on the books")
    verified("one trip booked, one failed and one cancelled, both undone in reverse order")


async def failure_of(result: Awaitable[str]) -> BaseException | None:
    """Why a workflow failed."""
    try:
        await result
    except WorkflowFailureError as error:
        return error.cause
    return None


if __name__ == "__main__":
    run(main)
