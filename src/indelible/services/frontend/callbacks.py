"""What a completion callback in a request must be (semantics 9.5)."""

from collections.abc import Sequence

from temporalio.api.common.v1 import Callback
from temporalio.api.workflowservice.v1 import (
    StartActivityExecutionRequest,
    StartNexusOperationExecutionRequest,
)

from indelible.base.errors import InvalidArgumentError, UnimplementedError
from indelible.base.limits import Limits
from indelible.base.nexus_operations import SYSTEM_CALLBACK_URL
from indelible.services.frontend.callback_addresses import check_callback_address


def complete_callbacks(callbacks: Sequence[Callback], limits: Limits) -> None:
    """Check callbacks and write the names of their headers in lower case, in place.

    Raises `InvalidArgumentError` for callbacks that are too many or lead nowhere.
    """
    count_max = limits.callbacks_per_execution_max
    if len(callbacks) > count_max:
        raise InvalidArgumentError(f"cannot attach more than {count_max} callbacks to an execution")
    for callback in callbacks:
        if callback.WhichOneof("variant") != "nexus":
            raise UnimplementedError("unknown callback variant")
        _complete(callback.nexus, limits)


def check_on_conflict(
    request: StartActivityExecutionRequest | StartNexusOperationExecutionRequest,
) -> None:
    """Refuse options of a start that contradict each other, or ask for nothing."""
    options = request.on_conflict_options
    if options.attach_completion_callbacks and not options.attach_request_id:
        raise InvalidArgumentError(
            "on_conflict_options: attach_completion_callbacks requires attach_request_id to be set"
        )
    if options.attach_request_id and not (request.links or request.completion_callbacks):
        raise InvalidArgumentError(
            "on_conflict_options: attach_request_id requires at least one completion callback or "
            "link"
        )


def _complete(nexus: Callback.Nexus, limits: Limits) -> None:
    if len(nexus.url.encode()) > limits.callback_url_bytes_max:
        raise InvalidArgumentError(
            "invalid url: url length longer than max length allowed of "
            f"{limits.callback_url_bytes_max}"
        )
    if nexus.url != SYSTEM_CALLBACK_URL:
        check_callback_address(nexus.url, limits.callback_addresses)
    size = sum(len(name.encode()) + len(value.encode()) for name, value in nexus.header.items())
    if size > limits.callback_header_bytes_max:
        raise InvalidArgumentError(
            "invalid header: header size longer than max allowed size of "
            f"{limits.callback_header_bytes_max}"
        )
    header = {name.lower(): value for name, value in nexus.header.items()}
    nexus.header.clear()
    nexus.header.update(header)
