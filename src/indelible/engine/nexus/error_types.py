"""The statuses of HTTP that stand for the kinds of handler errors (semantics 9.4)."""

from collections.abc import Mapping
from typing import Final

OPERATION_UNSUCCESSFUL: Final = 424
STATUSES: Final[Mapping[str, int]] = {
    "BAD_REQUEST": 400,
    "UNAUTHENTICATED": 401,
    "UNAUTHORIZED": 403,
    "NOT_FOUND": 404,
    "REQUEST_TIMEOUT": 408,
    "CONFLICT": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "NOT_IMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "UPSTREAM_TIMEOUT": 520,
}
ERROR_TYPES: Final[Mapping[int, str]] = {status: name for name, status in STATUSES.items()}
