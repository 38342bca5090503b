"""Which pages the UI has, with the seeds that they show.

Owns the list. The paths are the UI's own (server 2.53).
"""

from collections.abc import Iterator
from urllib.parse import quote

from scripts.ui_check.seeding import BUILD, DEPLOYMENT, QUEUE, Seeds

_FILTER = quote('`ExecutionStatus`="Failed"')
_CUSTOM = quote('`UiKeyword`="red"')


def pages(seeds: Seeds, namespace: str = "default") -> Iterator[tuple[str, str]]:
    """Yield a name and a path for every page."""
    home = f"/namespaces/{namespace}"
    yield "root", "/"
    yield "namespaces", "/namespaces"
    yield "namespace", home
    yield "workflows", f"{home}/workflows"
    yield "workflows-failed", f"{home}/workflows?query={_FILTER}"
    yield "workflows-attribute", f"{home}/workflows?query={_CUSTOM}"
    yield "workflows-bad-query", f"{home}/workflows?query=nonsense"
    yield "start-workflow", f"{home}/workflows/start-workflow?taskQueue={QUEUE}"
    yield from _workflow_pages(home, seeds)
    yield "schedules", f"{home}/schedules"
    yield "schedule-create", f"{home}/schedules/create"
    if seeds.has_schedule:
        yield "schedule", f"{home}/schedules/ui-schedule"
        yield "schedule-edit", f"{home}/schedules/ui-schedule/edit"
    yield "batch-operations", f"{home}/batch-operations"
    yield "task-queues", f"{home}/task-queues"
    yield "task-queue", f"{home}/task-queues/{QUEUE}"
    yield "workers", f"{home}/workers"
    yield "deployments", f"{home}/workers/deployments"
    yield "deployment", f"{home}/workers/deployments/{DEPLOYMENT}"
    yield "deployment-create", f"{home}/workers/deployments/create"
    yield "version-create", f"{home}/workers/deployments/{DEPLOYMENT}/versions/create"
    yield "version-edit", f"{home}/workers/deployments/{DEPLOYMENT}/versions/{BUILD}/edit"
    yield "archival", f"{home}/archival"
    yield "activities", f"{home}/activities"
    yield "activity-start", f"{home}/activities/start"
    if seeds.activity is not None:
        for tab in ("details", "metadata", "search-attributes", "workers"):
            yield f"activity-{tab}", f"{home}/activities/{'/'.join(seeds.activity)}/{tab}"
    yield "nexus-operations", f"{home}/nexus-operations"
    yield "nexus-operation-start", f"{home}/nexus-operations/start"
    yield "nexus", "/nexus"
    yield "nexus-create", "/nexus/create"
    if seeds.endpoint_id:
        yield "nexus-endpoint", f"/nexus/{seeds.endpoint_id}"
        yield "nexus-edit", f"/nexus/{seeds.endpoint_id}/edit"
    yield "import", "/import/events"
    yield "select-namespace", "/select-namespace"


_TABS = (
    *("timeline", "history", "metadata", "memo", "search-attributes", "user-metadata"),
    *("workers", "relationships", "pending-activities", "call-stack", "query", "nexus-links"),
)


def _workflow_pages(home: str, seeds: Seeds) -> Iterator[tuple[str, str]]:
    for kind, (workflow_id, run_id) in seeds.runs.items():
        base = f"{home}/workflows/{quote(workflow_id, safe='')}/{run_id}"
        if kind in {"running", "completed"}:
            yield f"{kind}", base
            for tab in _TABS:
                yield f"{kind}-{tab}", f"{base}/{tab}"
            for view in ("compact", "feed", "json"):
                yield f"{kind}-history-{view}", f"{base}/history?view={view}"
            yield f"{kind}-event", f"{base}/history/events/1"
        else:
            yield f"{kind}-timeline", f"{base}/timeline"
