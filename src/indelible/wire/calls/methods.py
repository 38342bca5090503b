"""The services of the API and their methods, read from the generated package.

Owns the way from a generated service to the names and request classes of its methods. The generated
package decides what exists: a newer one brings its new methods along, and nothing is listed here.
"""

from collections.abc import Iterator
from typing import Final

import msgspec
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from temporalio.api.operatorservice.v1 import service_pb2 as operatorservice
from temporalio.api.workflowservice.v1 import service_pb2 as workflowservice


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One generated service."""

    name: str
    """Full name."""
    descriptor: ServiceDescriptor


WORKFLOW_SERVICE: Final = Service(
    name="temporal.api.workflowservice.v1.WorkflowService",
    descriptor=workflowservice.DESCRIPTOR.services_by_name["WorkflowService"],
)
OPERATOR_SERVICE: Final = Service(
    name="temporal.api.operatorservice.v1.OperatorService",
    descriptor=operatorservice.DESCRIPTOR.services_by_name["OperatorService"],
)


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """One unary method of a service."""

    service: str
    """Full name."""
    name: str
    request_type: type[Message]

    @property
    def path(self) -> str:
        """What stands in the `:path` header of a call."""
        return f"/{self.service}/{self.name}"


def methods_of(service: Service) -> Iterator[Method]:
    """Yield the methods of a service, in the order of its definition."""
    for method in service.descriptor.methods:
        yield Method(
            service=service.name,
            name=method.name,
            request_type=GetMessageClass(method.input_type),
        )
