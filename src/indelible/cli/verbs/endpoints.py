"""Nexus endpoints."""

import json
from argparse import Namespace as Options
from pathlib import Path

from temporalio.api.common.v1 import Payload
from temporalio.api.nexus.v1 import Endpoint, EndpointSpec, EndpointTarget
from temporalio.api.operatorservice.v1 import (
    CreateNexusEndpointRequest,
    DeleteNexusEndpointRequest,
    ListNexusEndpointsRequest,
    UpdateNexusEndpointRequest,
)

from indelible.cli.output import Color, Output
from indelible.cli.session import CommandFailedError, Session
from indelible.cli.values import ValueRefusedError
from indelible.cli.verbs.messages import when
from indelible.cli.verbs.payloads import json_payload, value_of


async def create(session: Session) -> None:
    """Make a Nexus endpoint."""
    options = session.options
    target = _target(options, EndpointTarget())
    if target.WhichOneof("variant") is None:
        raise ValueRefusedError(
            "where does it lead? --target-namespace and --target-task-queue, or --target-url"
        )
    spec = EndpointSpec(name=options.name, description=_description(options), target=target)
    await session.operator.create_nexus_endpoint(CreateNexusEndpointRequest(spec=spec))
    _done(session.output, f"Endpoint {options.name} made")


async def delete(session: Session) -> None:
    """Delete a Nexus endpoint."""
    endpoint = await _found(session)
    await session.operator.delete_nexus_endpoint(
        DeleteNexusEndpointRequest(id=endpoint.id, version=endpoint.version)
    )
    _done(session.output, f"Endpoint {session.options.name} deleted")


async def get(session: Session) -> None:
    """Show a Nexus endpoint."""
    endpoint = await _found(session)
    session.output.message(endpoint)
    _print(session.output, endpoint)


async def list_endpoints(session: Session) -> None:
    """List Nexus endpoints."""
    output = session.output
    request = ListNexusEndpointsRequest()
    with output.listing():
        while True:
            answer = await session.operator.list_nexus_endpoints(request)
            for endpoint in answer.endpoints:
                output.message(endpoint)
                _print(output, endpoint)
                output.say()
            if not answer.next_page_token:
                return
            request.next_page_token = answer.next_page_token


async def update(session: Session) -> None:
    """Change a Nexus endpoint."""
    options = session.options
    description = _description(options)
    if description is not None and options.unset_description:
        raise ValueRefusedError("--description and --unset-description exclude each other")
    endpoint = await _found(session)
    before = endpoint.spec
    if description is None and not options.unset_description and before.HasField("description"):
        description = before.description
    await session.operator.update_nexus_endpoint(
        UpdateNexusEndpointRequest(
            id=endpoint.id,
            version=endpoint.version,
            spec=EndpointSpec(
                name=options.name,
                description=description,
                target=_target(options, before.target),
            ),
        )
    )
    _done(session.output, f"Endpoint {options.name} changed")


async def _found(session: Session) -> Endpoint:
    name: str = session.options.name
    answer = await session.operator.list_nexus_endpoints(ListNexusEndpointsRequest(name=name))
    if not answer.endpoints:
        raise CommandFailedError(
            f"there is no endpoint {name}; `indelible operator nexus endpoint list` shows them all"
        )
    return answer.endpoints[0]


def _description(options: Options) -> Payload | None:
    if options.description and options.description_file:
        raise ValueRefusedError("--description and --description-file exclude each other")
    if not options.description_file:
        return json_payload(options.description) if options.description else None
    try:
        return json_payload(Path(options.description_file).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueRefusedError(
            f"cannot read {options.description_file}: {error.strerror}"
        ) from None


def _target(options: Options, before: EndpointTarget) -> EndpointTarget:
    namespace, queue, url = (
        options.target_namespace,
        options.target_task_queue,
        options.target_url,
    )
    if url and (namespace or queue):
        raise ValueRefusedError("--target-url excludes a namespace and a task queue")
    if url:
        return EndpointTarget(external=EndpointTarget.External(url=url))
    if not namespace and not queue:
        return before
    worker = EndpointTarget.Worker(
        namespace=namespace or before.worker.namespace, task_queue=queue or before.worker.task_queue
    )
    if not worker.namespace or not worker.task_queue:
        raise ValueRefusedError("--target-namespace and --target-task-queue go together")
    return EndpointTarget(worker=worker)


def _done(output: Output, text: str) -> None:
    output.say(output.colored(text, Color.GREEN))


def _print(output: Output, endpoint: Endpoint) -> None:
    spec = endpoint.spec
    described = value_of(spec.description) if spec.HasField("description") else ""
    output.card(
        {
            "Name": spec.name,
            "Id": endpoint.id,
            "TargetNamespace": spec.target.worker.namespace,
            "TargetTaskQueue": spec.target.worker.task_queue,
            "TargetUrl": spec.target.external.url,
            "CreatedTime": when(endpoint.created_time),
            "LastModifiedTime": when(endpoint.last_modified_time),
            "Description": described if isinstance(described, str) else json.dumps(described),
        }
    )
