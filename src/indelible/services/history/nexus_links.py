"""Links between events as Nexus carries them: URLs with a type.

Owns both directions. A link that is not understood is dropped: it explains, and decides nothing.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from temporalio.api.common.v1 import Link
from temporalio.api.enums.v1 import EventType
from temporalio.api.nexus.v1 import Link as NexusLink

_WORKFLOW_EVENT: Final = Link.WorkflowEvent.DESCRIPTOR.full_name
_EVENT_REFERENCE: Final = "EventReference"
_REQUEST_ID_REFERENCE: Final = "RequestIdReference"
_PATH: Final = re.compile(r"/namespaces/([^/]+)/workflows/([^/]+)/([^/]+)/history")
_PREFIX: Final = "EVENT_TYPE_"


def nexus_link(event: Link.WorkflowEvent) -> NexusLink:
    """Return the link to an event of a workflow as Nexus carries it."""
    parts = [_escaped(part) for part in (event.namespace, event.workflow_id, event.run_id)]
    query: dict[str, str] = {}
    if event.HasField("request_id_ref"):
        query["eventType"] = _type_name(event.request_id_ref.event_type)
        query["referenceType"] = _REQUEST_ID_REFERENCE
        query["requestID"] = event.request_id_ref.request_id
    else:
        if event.event_ref.event_id:
            query["eventID"] = str(event.event_ref.event_id)
        query["eventType"] = _type_name(event.event_ref.event_type)
        query["referenceType"] = _EVENT_REFERENCE
    path = "/namespaces/{}/workflows/{}/{}/history".format(*parts)
    return NexusLink(url=f"temporal://{path}?{urlencode(query)}", type=_WORKFLOW_EVENT)


def temporal_links(links: Iterable[NexusLink]) -> list[Link]:
    """Return those of the links that lead to events of workflows."""
    found = (_temporal_link(link) for link in links)
    return [link for link in found if link is not None]


def _temporal_link(link: NexusLink) -> Link | None:
    if link.type != _WORKFLOW_EVENT:
        return None
    try:
        url = urlsplit(link.url)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        event_type = _event_type(query.get("eventType", ""))
        match = _PATH.fullmatch(url.path)
        event_id = int(query.get("eventID", "0"))
    except ValueError:
        return None
    if url.scheme != "temporal" or match is None:
        return None
    namespace, workflow_id, run_id = (unquote(part) for part in match.groups())
    event = Link.WorkflowEvent(namespace=namespace, workflow_id=workflow_id, run_id=run_id)
    match query.get("referenceType"):
        case "EventReference":
            event.event_ref.event_id = event_id
            event.event_ref.event_type = event_type
        case "RequestIdReference":
            event.request_id_ref.request_id = query.get("requestID", "")
            event.request_id_ref.event_type = event_type
        case _:
            return None
    return Link(workflow_event=event)


def _escaped(part: str) -> str:
    return quote(part, safe="$&+=:@")


def _type_name(event_type: "EventType.ValueType") -> str:
    """Return the name of an event type as links have it: `WorkflowExecutionStarted`."""
    words = EventType.Name(event_type).removeprefix(_PREFIX).split("_")
    return "".join(word.capitalize() for word in words)


def _event_type(name: str) -> "EventType.ValueType":
    """Return the type of a name in either spelling; raise `ValueError` if there is none."""
    if not name.startswith(_PREFIX):
        name = _PREFIX + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()
    return EventType.Value(name)
