"""What a server is told before it starts.

Owns the typed configuration and its defaults. Must not read files, environment or command lines:
that is the command line's work.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from indelible.base.instants import DAY, Duration
from indelible.ports.rpc import Interceptor
from indelible.server.dynamic_config import DynamicConfig

GRPC_PORT_DEFAULT: Final = 7233
METRICS_PORT_DEFAULT: Final = 9090
HOST_DEFAULT: Final = "127.0.0.1"
DATABASE_NAME: Final = "indelible.db"
NAMESPACE_DEFAULT: Final = "default"
STOP_SECONDS_MAX: Final = 2.0
"""From the signal to the end of the process, long polls answered."""
RETENTION_UNDER_SKIPPED_TIME: Final = Duration(3_650 * DAY)
"""Tests skip months, and look at what ended before; the reference's test server deletes nothing."""
NAMESPACE_HEADER: Final = "temporal-namespace"
"""Says of which namespace's clock a call of the test service is, if each has its own."""


class Durability(StrEnum):
    """What an acknowledged change survives."""

    FULL = "full"
    """A power failure."""
    NORMAL = "normal"
    """A crash of the process; a power failure may take the last moments."""


class Port(msgspec.Struct, frozen=True, kw_only=True):
    """A port to listen on."""

    number: int
    """0 takes a free one."""
    may_move: bool = False
    """Whether a free one will do if this one is taken."""


class TimeSkipping(msgspec.Struct, frozen=True, kw_only=True):
    """How time is skipped, for tests."""

    is_locked: bool = True
    """Whether time is real at first, until somebody unlocks it."""
    is_shared: bool = True
    """Whether all namespaces have one clock; otherwise each has its own."""
    skips_for_waiting_clients: bool = False
    """Whether a clock is unlocked while a client waits for the outcome of a run of a namespace."""
    intercept: Interceptor | None = None
    """Stands between callers and the services, so that tests can let things go wrong."""


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a server needs to know to start."""

    host: str = HOST_DEFAULT
    port: int = GRPC_PORT_DEFAULT
    metrics_port: Port = msgspec.field(default_factory=lambda: Port(number=0))
    http_port: int | None = None
    """Of the HTTP listener; 0 takes a free one, None leaves HTTP out."""
    database: Path | None = None
    """The file that keeps everything; None keeps it in memory."""
    durability: Durability = Durability.FULL
    namespaces: Sequence[str] = (NAMESPACE_DEFAULT,)
    """Made at the start if they do not exist."""
    retention: Duration = Duration(3 * DAY)
    """Of the namespaces made at the start."""
    search_attributes: Mapping[str, int] = msgspec.field(default_factory=dict[str, int])
    """Registered in each of `namespaces`; the values are those of `IndexedValueType`."""
    dynamic_config: DynamicConfig = msgspec.field(default_factory=DynamicConfig)
    time_skipping: TimeSkipping | None = None
    """None for real time. Otherwise everything is kept in memory: `database` must be None."""
    dynamic_config_file: Path | None = None
    """Adds to `dynamic_config`, and changes it whenever the file changes."""
