"""Links that requests attach to something without a history: a standalone activity or operation.

Owns that none is kept twice, and how many there may be. Must not know what they are attached to.
"""

from collections.abc import Iterable

from temporalio.api.common.v1 import Link

from indelible.base.errors import FailedPreconditionError
from indelible.base.limits import Limits

AttachedLinks = tuple[bytes, ...]
"""Serialized `Link`s."""


def attached_links(
    known: AttachedLinks, links: Iterable[Link], limits: Limits, *, to: str
) -> AttachedLinks:
    """Return the known links and those of another request, in this order.

    Raises `FailedPreconditionError` if they are too many. `to` is what they are attached to. The
    reference (1.32) keeps a link once for each request that brings it.
    """
    every = tuple(dict.fromkeys((*known, *(link.SerializeToString() for link in links))))
    if len(every) > limits.links_per_execution_max:
        raise FailedPreconditionError(
            f"cannot attach more than {limits.links_per_execution_max} links to {to} "
            f"({len(known)} links already attached)"
        )
    return every
