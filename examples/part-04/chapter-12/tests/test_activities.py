"""Activities alone: no server, no worker, only the surroundings that an activity can see."""

import asyncio
from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from trial import charge, import_contacts


async def test_a_receipt_tells_the_attempt() -> None:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=3)
    assert await environment.run(charge, "ada", 990) == "ada-990-3"


async def test_what_the_card_cannot_bear_is_not_tried_again() -> None:
    with pytest.raises(ApplicationError, match="more than the card") as caught:
        await ActivityEnvironment().run(charge, "ada", 100_001)
    assert caught.value.non_retryable


async def test_an_import_goes_on_where_it_was() -> None:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, heartbeat_details=[2])
    beats: list[int] = []
    environment.on_heartbeat = beats.append
    assert await environment.run(import_contacts, ["a", "b", "c", "d"]) == 2
    assert beats == [3, 4]


async def test_an_import_can_be_cancelled() -> None:
    environment = ActivityEnvironment()
    beats: list[int] = []

    def cancel_at_the_second(position: int) -> None:
        beats.append(position)
        if position == 2:
            environment.cancel()

    environment.on_heartbeat = cancel_at_the_second
    with pytest.raises(asyncio.CancelledError):
        await environment.run(import_contacts, ["a", "b", "c", "d"])
    assert beats == [1, 2]
