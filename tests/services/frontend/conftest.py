"""The frontend under test."""

import pytest

from tests.services.frontend.world import World


@pytest.fixture
async def world() -> World:
    return await World().load()
