"""Every task that a shard executes itself, whichever kind of entity wants it done."""

from indelible.engine.activity.tasks import CallActivityCallback
from indelible.engine.nexus_operation.tasks import OwedCall
from indelible.engine.workflow.tasks import CallTask, TransferTask

AnyTransfer = TransferTask | OwedCall | CallActivityCallback
AnyCall = CallTask | OwedCall | CallActivityCallback
"""Those that may wait long for somebody else."""
