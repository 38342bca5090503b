"""How long an id may be in the request that is being answered.

Owns `limit.maxIDLength` and `limit.workerBuildIdSize` as the frontend sees them. Some sixty checks
ask, of whatever a client chooses as the name of something. A request is about one namespace, so its
limits are said once, where the request comes in, and hold for all that its handler calls. Nobody
puts them back: each request says its own. The engine gets its limits as values, and never looks
here.
"""

from contextvars import ContextVar
from typing import Final

from indelible.base.limits import DEFAULT_LIMITS, Limits

_limits: Final = ContextVar("limits", default=DEFAULT_LIMITS)


def bound_ids(limits: Limits) -> None:
    """Let the ids of the request that this task answers be as long as its namespace allows."""
    _limits.set(limits)


def id_bytes_max() -> int:
    """Return how many bytes an id may have."""
    return _limits.get().id_bytes_max


def build_id_bytes_max() -> int:
    """Return how many bytes the build id of a worker without a deployment may have."""
    return _limits.get().build_id_bytes_max
