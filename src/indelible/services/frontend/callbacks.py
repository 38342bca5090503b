"""What a completion callback in a request must be (semantics 9.5)."""

from collections.abc import Sequence
from typing import Final

from temporalio.api.common.v1 import Callback

from indelible.base.errors import InvalidArgumentError, UnimplementedError
from indelible.base.limits import (
    CALLBACK_HEADER_BYTES_MAX,
    CALLBACK_URL_BYTES_MAX,
    CALLBACKS_PER_WORKFLOW_MAX,
)

SYSTEM_URL: Final = "temporal://system"


def complete_callbacks(callbacks: Sequence[Callback]) -> None:
    """Check callbacks and write the names of their headers in lower case, in place.

    Raises `InvalidArgumentError` for callbacks that are too many or lead nowhere.
    """
    if len(callbacks) > CALLBACKS_PER_WORKFLOW_MAX:
        raise InvalidArgumentError(
            f"cannot attach more than {CALLBACKS_PER_WORKFLOW_MAX} callbacks to an execution"
        )
    for callback in callbacks:
        if callback.WhichOneof("variant") != "nexus":
            raise UnimplementedError("unknown callback variant")
        _complete(callback.nexus)


def _complete(nexus: Callback.Nexus) -> None:
    if len(nexus.url.encode()) > CALLBACK_URL_BYTES_MAX:
        raise InvalidArgumentError(
            f"invalid url: url length longer than max length allowed of {CALLBACK_URL_BYTES_MAX}"
        )
    if nexus.url != SYSTEM_URL:
        raise InvalidArgumentError(
            f"invalid url: url does not match any configured callback address: {nexus.url}"
        )
    size = sum(len(name.encode()) + len(value.encode()) for name, value in nexus.header.items())
    if size > CALLBACK_HEADER_BYTES_MAX:
        raise InvalidArgumentError(
            "invalid header: header size longer than max allowed size of "
            f"{CALLBACK_HEADER_BYTES_MAX}"
        )
    header = {name.lower(): value for name, value in nexus.header.items()}
    nexus.header.clear()
    nexus.header.update(header)
