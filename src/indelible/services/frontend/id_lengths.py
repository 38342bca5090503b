"""How long an id may be in the request that is being answered.

Owns `limit.maxIDLength` as the frontend sees it. Some sixty checks ask for it, of whatever a client
chooses as the name of something. A request is about one namespace, so it is said once, where the
request comes in, and holds for all that its handler calls. Nobody puts it back: each request says
it anew. The engine gets its limits as values, and never looks here.
"""

from contextvars import ContextVar
from typing import Final

from indelible.base.limits import DEFAULT_LIMITS, Limits

_id_bytes_max: Final = ContextVar("id_bytes_max", default=DEFAULT_LIMITS.id_bytes_max)


def bound_ids(limits: Limits) -> None:
    """Let the ids of the request that this task answers be as long as its namespace allows."""
    _id_bytes_max.set(limits.id_bytes_max)


def id_bytes_max() -> int:
    """Return how many bytes an id may have."""
    return _id_bytes_max.get()
