"""Every task that can lie in a task queue, whichever kind of entity wants it done."""

from indelible.engine.activity.tasks import ActivityExecutionDispatch
from indelible.engine.workflow.tasks import ActivityTaskDispatch, DispatchTask

AnyDispatch = DispatchTask | ActivityExecutionDispatch
AnyActivityDispatch = ActivityTaskDispatch | ActivityExecutionDispatch
"""What lies in the queues that activity workers poll."""
