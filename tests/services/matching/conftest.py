"""Scenarios fail on purpose, by the thousand: what they log is kept off the terminal."""

from collections.abc import Iterator, MutableMapping

import pytest
import structlog


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, object]]]:
    with structlog.testing.capture_logs() as entries:
        yield entries
