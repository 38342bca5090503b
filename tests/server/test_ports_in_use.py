"""Ports that can be had, and what is said of the others."""

import socket
from collections.abc import Iterator

import pytest

from indelible.server.ports_in_use import is_free, require_free, resolved
from indelible.server.refusal import StartRefusedError

LOOPBACK = "127.0.0.1"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_a_taken_port_is_not_free(taken_port: int) -> None:
    assert not is_free(LOOPBACK, taken_port)
    with pytest.raises(StartRefusedError, match=f"{taken_port}.*already in use.*--port"):
        require_free(LOOPBACK, taken_port, flag="--port")


def test_any_port_is_free() -> None:
    require_free(LOOPBACK, 0, flag="--port")


def test_a_foreign_address_is_refused() -> None:
    # A documentation address (RFC 5737): no machine has it.
    with pytest.raises(StartRefusedError, match=r"192\.0\.2\.1 is not an address of this machine"):
        require_free("192.0.2.1", 0, flag="--port")


@pytest.mark.parametrize(
    ("host", "expected"), [("localhost", LOOPBACK), ("192.0.2.7", "192.0.2.7"), ("::1", "::1")]
)
def test_hosts_become_addresses(host: str, expected: str) -> None:
    assert resolved(host) == expected


def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(StartRefusedError, match="no address"):
        resolved("no such host")
