"""Failures that the service puts in the place of what a worker sent, because it was too large.

Owns their words, which SDKs show to users (semantics 7.5), and how much of the original is kept.
"""

from typing import Final

from temporalio.api.failure.v1 import Failure

RESULT_TOO_LARGE: Final = "Complete result exceeds size limit."
FAILURE_TOO_LARGE: Final = "Failure exceeds size limit."
CANCEL_DETAILS_TOO_LARGE: Final = "Cancel details exceed size limit."
HEARTBEAT_TOO_LARGE: Final = "Heartbeat details exceed size limit."

_TEXT_CHARACTERS_MAX: Final = 4_096


def server_failure(message: str) -> Failure:
    """Return a failure of the service's own that is not retried."""
    failure = Failure(message=message, source="Server")
    failure.server_failure_info.non_retryable = True
    return failure


def too_large_failure(original: Failure) -> Failure:
    """Return what stands for a failure that is too large: its beginning is kept as the cause."""
    failure = server_failure(FAILURE_TOO_LARGE)
    failure.cause.message = original.message[:_TEXT_CHARACTERS_MAX]
    failure.cause.source = original.source[:_TEXT_CHARACTERS_MAX]
    failure.cause.stack_trace = original.stack_trace[:_TEXT_CHARACTERS_MAX]
    if original.HasField("application_failure_info"):
        kept = failure.cause.application_failure_info
        kept.type = original.application_failure_info.type[:_TEXT_CHARACTERS_MAX]
        kept.non_retryable = original.application_failure_info.non_retryable
    return failure
