"""The states of calls as clients know them: of callbacks, and of cancellations of operations."""

from typing import Final

from temporalio.api.enums.v1 import CallbackState, NexusOperationCancellationState

from indelible.base.calls import CallState

_Cancel = NexusOperationCancellationState

CALLBACK_STATES: Final = {
    CallState.WAITING: CallbackState.CALLBACK_STATE_STANDBY,
    CallState.SCHEDULED: CallbackState.CALLBACK_STATE_SCHEDULED,
    CallState.BACKING_OFF: CallbackState.CALLBACK_STATE_BACKING_OFF,
    CallState.SUCCEEDED: CallbackState.CALLBACK_STATE_SUCCEEDED,
    CallState.FAILED: CallbackState.CALLBACK_STATE_FAILED,
}
CANCELLATION_STATES: Final = {
    CallState.WAITING: _Cancel.NEXUS_OPERATION_CANCELLATION_STATE_UNSPECIFIED,
    CallState.SCHEDULED: _Cancel.NEXUS_OPERATION_CANCELLATION_STATE_SCHEDULED,
    CallState.BACKING_OFF: _Cancel.NEXUS_OPERATION_CANCELLATION_STATE_BACKING_OFF,
    CallState.SUCCEEDED: _Cancel.NEXUS_OPERATION_CANCELLATION_STATE_SUCCEEDED,
    CallState.FAILED: _Cancel.NEXUS_OPERATION_CANCELLATION_STATE_FAILED,
}
