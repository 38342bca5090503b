"""What those are told who want to know how a standalone Nexus operation has ended.

Owns its form (semantics 9.5). Must not know how they are called.
"""

from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure

from indelible.base.nexus_operations import OperationEnd, OperationFailed, OperationSucceeded
from indelible.engine.nexus_operation.state import OperationState


def told_end(state: OperationState) -> OperationEnd | None:
    """Return what is told of the end of an operation; None while it is open."""
    ended = state.outcome
    if ended is None:
        return None
    if ended.result is None:
        return OperationFailed(failure=Failure.FromString(ended.failure))
    return OperationSucceeded(result=Payload.FromString(ended.result) if ended.result else None)
