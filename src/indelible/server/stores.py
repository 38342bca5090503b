"""The store that a node keeps its records in.

Owns the choice between memory and a file. Each is imported when it is chosen: a server has one, and
SDKs that start the dev server wait for it.
"""

from indelible.base.fresh_ids import FreshIds
from indelible.ports.entropy import Entropy
from indelible.ports.stores import Store, StoreUnavailableError
from indelible.ports.telemetry import Telemetry
from indelible.server.config import ServerConfig
from indelible.server.refusal import StartRefusedError


def open_store(config: ServerConfig, *, entropy: Entropy, telemetry: Telemetry) -> Store:
    """Return the store that `config` asks for. Raises `StartRefusedError` if it cannot be had."""
    cluster_id = FreshIds(entropy.token(16)).uuid()
    if config.database is None:
        from indelible.store.memory.store import MemoryStore  # noqa: PLC0415 - see above

        return MemoryStore(cluster_id=cluster_id, telemetry=telemetry)
    from indelible.store.sqlite.store import SqliteStore  # noqa: PLC0415 - see above

    try:
        return SqliteStore.open(
            config.database,
            cluster_id=cluster_id,
            durability=config.durability.value,
            telemetry=telemetry,
        )
    except StoreUnavailableError as error:
        raise StartRefusedError(str(error)) from error
    except OSError as error:
        raise StartRefusedError(
            f"{config.database} cannot be opened ({error.strerror}); is the disk full, or the"
            " folder read-only?"
        ) from error
