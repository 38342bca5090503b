"""The timeouts of a run: what stands for what is left out, and what caps what.

Owns the normalisation that starts, children and continued runs share (semantics 2.1). Must not know
the state of a run. Retry policies are the affair of `retry_policies`.
"""

from indelible.base.instants import Duration
from indelible.base.limits import Limits


def run_timeout_within(run_timeout: Duration, execution_timeout: Duration) -> Duration:
    """Return the run timeout that counts: the execution timeout is its default and its cap."""
    if not execution_timeout:
        return run_timeout
    return min(run_timeout or execution_timeout, execution_timeout)


def task_timeout_within(task_timeout: Duration, run_timeout: Duration, limits: Limits) -> Duration:
    """Return the workflow task timeout that counts, never above the run timeout."""
    timeout = min(
        task_timeout or limits.workflow_task_timeout_default, limits.workflow_task_timeout_max
    )
    return min(timeout, run_timeout) if run_timeout else timeout
