"""Links between events as Nexus carries them: URLs with a type.

Owns both directions. A link that is not understood is dropped: it explains, and decides nothing.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from temporalio.api.common.v1 import Link
from temporalio.api.enums.v1 import EventType
from temporalio.api.nexus.v1 import Link as NexusLink

_WORKFLOW_EVENT: Final = Link.WorkflowEvent.DESCRIPTOR.full_name
_EVENT_REFERENCE: Final = "EventReference"
_REQUEST_ID_REFERENCE: Final = "RequestIdReference"
_WORKFLOW: Final = Link.Workflow.DESCRIPTOR.full_name
_ACTIVITY: Final = Link.Activity.DESCRIPTOR.full_name
_NEXUS_OPERATION: Final = Link.NexusOperation.DESCRIPTOR.full_name
_PATH: Final = re.compile(r"/namespaces/([^/]+)/workflows/([^/]+)/([^/]+)/history")
_WORKFLOW_PATH: Final = re.compile(r"/namespaces/([^/]+)/workflows/([^/]+)/([^/]+)")
_ACTIVITY_PATH: Final = re.compile(r"/namespaces/([^/]+)/activities/([^/]+)/([^/]+)/details")
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


def operation_link(operation: Link.NexusOperation) -> NexusLink:
    """Return the link to a standalone operation as Nexus carries it."""
    parts = [
        _escaped(part) for part in (operation.namespace, operation.operation_id, operation.run_id)
    ]
    path = "/namespaces/{}/nexus-operations/{}/{}/details".format(*parts)
    return NexusLink(url=f"temporal://{path}", type=_NEXUS_OPERATION)


def activity_link(activity: Link.Activity) -> NexusLink:
    """Return the link to a standalone activity as Nexus carries it."""
    parts = [_escaped(part) for part in (activity.namespace, activity.activity_id, activity.run_id)]
    path = "/namespaces/{}/activities/{}/{}/details".format(*parts)
    return NexusLink(url=f"temporal://{path}", type=_ACTIVITY)


def nexus_links(links: Iterable[Link]) -> Iterator[NexusLink]:
    """Yield links as Nexus carries them; what it has no form for is left out."""
    for link in links:
        match link.WhichOneof("variant"):
            case "workflow_event":
                yield nexus_link(link.workflow_event)
            case "activity":
                yield activity_link(link.activity)
            case "nexus_operation":
                yield operation_link(link.nexus_operation)
            case _:
                pass


def temporal_links(links: Iterable[NexusLink]) -> list[Link]:
    """Return those of the links that lead to what this service keeps."""
    found = (_READERS[link.type](link) for link in links if link.type in _READERS)
    return [link for link in found if link is not None]


def _activity_link(link: NexusLink) -> Link | None:
    parts = _path_parts(link, _ACTIVITY_PATH)
    if parts is None:
        return None
    namespace, activity_id, run_id = parts
    return Link(activity=Link.Activity(namespace=namespace, activity_id=activity_id, run_id=run_id))


def _workflow_link(link: NexusLink) -> Link | None:
    parts = _path_parts(link, _WORKFLOW_PATH)
    if parts is None:
        return None
    namespace, workflow_id, run_id = parts
    query = parse_qs(urlsplit(link.url).query)
    return Link(
        workflow=Link.Workflow(
            namespace=namespace,
            workflow_id=workflow_id,
            run_id=run_id,
            reason=query.get("reason", [""])[0],
        )
    )


def _path_parts(link: NexusLink, pattern: re.Pattern[str]) -> list[str] | None:
    try:
        url = urlsplit(link.url)
    except ValueError:
        return None
    match = pattern.fullmatch(url.path)
    if url.scheme != "temporal" or match is None:
        return None
    return [unquote(part) for part in match.groups()]


def _event_link(link: NexusLink) -> Link | None:
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


_READERS: Final[Mapping[str, Callable[[NexusLink], Link | None]]] = {
    _WORKFLOW_EVENT: _event_link,
    _WORKFLOW: _workflow_link,
    _ACTIVITY: _activity_link,
}
