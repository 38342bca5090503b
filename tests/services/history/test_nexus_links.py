"""Links keep what they say on their way through Nexus, and foreign ones are dropped."""

import pytest
from temporalio.api.common.v1 import Link
from temporalio.api.enums.v1 import EventType
from temporalio.api.nexus.v1 import Link as NexusLink

from indelible.services.history.nexus_links import nexus_link, temporal_links

_Event = Link.WorkflowEvent
_TYPE = "temporal.api.common.v1.Link.WorkflowEvent"
SCHEDULED = EventType.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED


def event(**reference: object) -> Link.WorkflowEvent:
    run = _Event(namespace="a b", workflow_id="x/y?z", run_id="run")
    run.MergeFrom(_Event(**reference))  # pyright: ignore[reportArgumentType]
    return run


def test_an_event_is_named_as_the_reference_does() -> None:
    link = nexus_link(event(event_ref=_Event.EventReference(event_id=5, event_type=SCHEDULED)))
    assert link.type == _TYPE
    assert link.url == (
        "temporal:///namespaces/a%20b/workflows/x%2Fy%3Fz/run/history"
        "?eventID=5&eventType=NexusOperationScheduled&referenceType=EventReference"
    )


@pytest.mark.parametrize(
    "one",
    [
        event(event_ref=_Event.EventReference(event_id=5, event_type=SCHEDULED)),
        event(event_ref=_Event.EventReference(event_type=SCHEDULED)),
        event(request_id_ref=_Event.RequestIdReference(request_id="r", event_type=SCHEDULED)),
    ],
)
def test_links_survive_the_way_there_and_back(one: Link.WorkflowEvent) -> None:
    assert temporal_links([nexus_link(one)]) == [Link(workflow_event=one)]


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://example.com", _TYPE),
        ("temporal:///namespaces/n/workflows/w/r/history", _TYPE),
        ("temporal:///namespaces/n/workflows/w/r/history?eventType=No", _TYPE),
        ("temporal:///namespaces/n/workflows/w/r/history?eventID=x", _TYPE),
        ("temporal:///elsewhere", "another.type"),
    ],
)
def test_what_leads_nowhere_is_dropped(url: str, kind: str) -> None:
    assert temporal_links([NexusLink(url=url, type=kind)]) == []
