"""What those are told who called a standalone activity as an operation, when it has ended.

Owns its form (semantics 9.5). Must not know how they are called.
"""

from temporalio.api.common.v1 import Payloads
from temporalio.api.failure.v1 import Failure

from indelible.base.nexus_operations import OperationEnd, OperationFailed, OperationSucceeded
from indelible.engine.activity.state import ActivityState


def told_end(state: ActivityState) -> OperationEnd | None:
    """Return what those are told who called the activity as an operation; None while it is open."""
    ended = state.outcome
    if ended is None:
        return None
    if ended.result is None:
        return OperationFailed(failure=Failure.FromString(ended.failure))
    payloads = Payloads.FromString(ended.result).payloads
    return OperationSucceeded(result=payloads[0] if payloads else None)
