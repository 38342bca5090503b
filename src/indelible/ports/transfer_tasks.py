"""Every task that a shard executes itself, whichever kind of entity wants it done."""

from indelible.engine.nexus_operation.tasks import OperationCall
from indelible.engine.workflow.tasks import CallTask, TransferTask

AnyTransfer = TransferTask | OperationCall
AnyCall = CallTask | OperationCall
"""Those that may wait long for somebody else."""
