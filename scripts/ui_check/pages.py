"""Which pages the UI has, with the seeds that they show.

Owns the list. The paths are the UI's own (server 2.53).
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from scripts.ui_check.acts import Act, opens
from scripts.ui_check.seeding import BUILD, DEPLOYMENT, QUEUE, Seeds

HOME: Final = "/namespaces/default"
_FILTER: Final = quote('`ExecutionStatus`="Failed"')
_CUSTOM: Final = quote('`UiKeyword`="red"')
_DEPLOYMENT: Final = f"{HOME}/workers/deployments/{DEPLOYMENT}"
_FIXED: Final = {
    "root": "/",
    "namespaces": "/namespaces",
    "namespace": HOME,
    "workflows": f"{HOME}/workflows",
    "workflows-failed": f"{HOME}/workflows?query={_FILTER}",
    "workflows-attribute": f"{HOME}/workflows?query={_CUSTOM}",
    "start-workflow": f"{HOME}/workflows/start-workflow?taskQueue={QUEUE}",
    "schedules": f"{HOME}/schedules",
    "schedule-create": f"{HOME}/schedules/create",
    "schedule": f"{HOME}/schedules/ui-schedule",
    "schedule-edit": f"{HOME}/schedules/ui-schedule/edit",
    "batch-operations": f"{HOME}/batch-operations",
    "task-queues": f"{HOME}/task-queues",
    "task-queue": f"{HOME}/task-queues/{QUEUE}",
    "workers": f"{HOME}/workers",
    "deployments": f"{HOME}/workers/deployments",
    "deployment": _DEPLOYMENT,
    "deployment-create": f"{HOME}/workers/deployments/create",
    "version-create": f"{_DEPLOYMENT}/versions/create",
    "version-edit": f"{_DEPLOYMENT}/versions/{BUILD}/edit",
    "archival": f"{HOME}/archival",
    "activities": f"{HOME}/activities",
    "activity-start": f"{HOME}/activities/start",
    "nexus-operations": f"{HOME}/nexus-operations",
    "nexus-operation-start": f"{HOME}/nexus-operations/start",
    "nexus": "/nexus",
    "nexus-create": "/nexus/create",
    "import": "/import/events",
    "select-namespace": "/select-namespace",
}
_TABS: Final = (
    *("timeline", "history", "metadata", "memo", "search-attributes", "user-metadata"),
    *("workers", "relationships", "pending-activities", "call-stack", "query", "nexus-links"),
    *("history?view=compact", "history?view=feed", "history?view=json", "history/events/1"),
)
_RUNS: Final = ("failed", "cancelled", "terminated", "updated")


def pages() -> Iterator[Act]:
    """Yield the opening of every page."""
    for name, path in _FIXED.items():
        yield _fixed(name, path)
    # A query that is wrong on purpose; the UI says so of it twice.
    yield opens(
        "workflows-bad-query",
        lambda _: f"{HOME}/workflows?query=nonsense",
        expected=("400 GET ", "Initial count fetch failed"),
    )
    for kind in ("running", "completed"):
        for tab in ("", *(f"/{one}" for one in _TABS)):
            yield _of_run(kind, tab)
    for kind in _RUNS:
        yield _of_run(kind, "/timeline")
    for tab in ("details", "metadata", "search-attributes", "workers"):
        yield opens(f"activity/{tab}", lambda seeds, tab=tab: f"{activity(seeds)}/{tab}")
    yield opens("nexus-endpoint", lambda seeds: f"/nexus/{seeds.endpoint_id}")
    yield opens("nexus-edit", lambda seeds: f"/nexus/{seeds.endpoint_id}/edit")


def run(seeds: Seeds, kind: str) -> str:
    """Return the path of a run that was there from the start."""
    return path_of_run(*seeds.runs[kind])


def path_of_run(workflow_id: str, run_id: str) -> str:
    """Return the path of any run."""
    return f"{HOME}/workflows/{quote(workflow_id, safe='')}/{run_id}"


def activity(seeds: Seeds) -> str:
    """Return the path of the activity without a workflow."""
    return f"{HOME}/activities/{'/'.join(seeds.activity)}"


def _fixed(name: str, path: str) -> Act:
    return opens(name, lambda _: path)


def _of_run(kind: str, tab: str) -> Act:
    return opens(
        f"{kind}{tab}",
        lambda seeds: run(seeds, kind) + tab,
        # The stacks stand there in any order.
        is_compared=tab != "/call-stack",
    )
