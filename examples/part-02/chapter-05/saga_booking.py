"""A trip is booked as a whole or not at all: what was booked is cancelled, last booking first."""

from dataclasses import dataclass

from temporalio import activity, workflow
from temporalio.client import WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from running import check, connect, failed, new_id, parse_options, run, span, verified, working

BOOKINGS: dict[str, str] = {}  # What the three companies have on their books.
CANCELLED: list[str] = []


@dataclass
class Booking:
    """A wish. The key is the same in every attempt, so a repeated call books nothing new."""

    key: str
    what: str
    fault: str = ""  # "before" or "after" the booking is on the books.


@activity.defn
async def book(booking: Booking) -> str:
    """Book once, however often it is asked."""
    if booking.fault == "before":
        raise ApplicationError(f"no {booking.what} available", non_retryable=True)
    BOOKINGS.setdefault(booking.key, booking.what)
    if booking.fault == "after":
        # The booking stands, but the answer is lost: the workflow cannot know.
        raise ApplicationError(f"{booking.what}: connection lost", non_retryable=True)
    return booking.key


@activity.defn
async def cancel(key: str) -> None:
    """Cancel a booking; one that was never made is no reason to fail."""
    if BOOKINGS.pop(key, None):
        CANCELLED.append(key.rsplit("/", 1)[1])


@workflow.defn
class TripWorkflow:
    """Books a car, a hotel and a flight."""

    @workflow.run
    async def run(self, faults: dict[str, str]) -> list[str]:
        """Return the keys of all bookings, or fail with none left."""
        compensations: list[str] = []
        try:
            for what in ("car", "hotel", "flight"):
                key = f"{workflow.info().workflow_id}/{what}"
                # Before the step, not after it: a booking whose answer is lost must go as well.
                compensations.append(key)
                await workflow.execute_activity(
                    book,
                    Booking(key, what, faults.get(what, "")),
                    start_to_close_timeout=span(10),
                    retry_policy=RetryPolicy(initial_interval=span(0.1), maximum_attempts=3),
                )
        except ActivityError as error:
            for key in reversed(compensations):
                # No limit of attempts: a compensation goes on until it is done.
                await workflow.execute_activity(cancel, key, start_to_close_timeout=span(10))
            raise ApplicationError("the trip could not be booked") from error
        return compensations


async def main() -> None:
    """One trip that works, one without a seat, one whose last answer is lost."""
    options = parse_options(is_alone=True)
    client = await connect()
    async with working(client, options, workflows=[TripWorkflow], activities=[book, cancel]):
        booked = await client.execute_workflow(
            TripWorkflow.run, {}, id=new_id("trip"), task_queue=options.task_queue
        )
        check(set(BOOKINGS) == set(booked), "the first trip is on the books")
        BOOKINGS.clear()
        for fault, undone in (("before", ["hotel", "car"]), ("after", ["flight", "hotel", "car"])):
            CANCELLED.clear()
            try:
                await client.execute_workflow(
                    TripWorkflow.run,
                    {"flight": fault},
                    id=new_id("trip"),
                    task_queue=options.task_queue,
                )
            except WorkflowFailureError as error:
                print(f"fault {fault} the flight was booked: {error.cause}; undone: {CANCELLED}")
            else:
                failed("a trip without a flight must fail")
            check(undone == CANCELLED, "bookings were cancelled in reverse order")
            check(not BOOKINGS, "nothing is left on the books")
    verified("a trip is booked as a whole or not at all")


if __name__ == "__main__":
    run(main)
