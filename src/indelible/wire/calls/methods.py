"""The services of the API and their methods, read from the generated package.

Owns the way from a generated service to the names and request classes of its methods. The generated
package decides what exists: a newer one brings its new methods along, and nothing is listed here.
(Its service descriptors would say the same, but they need another package of generated files.)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Final

from google.protobuf.message import Message
from temporalio.api.operatorservice import v1 as operatorservice
from temporalio.api.workflowservice import v1 as workflowservice


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One generated service."""

    name: str
    """Full name."""
    base: type
    """Has a method for each RPC."""
    messages: ModuleType
    """The package with its requests."""

    @property
    def descriptor_module(self) -> str:
        """The generated module that describes it; it may lack what it imports."""
        return f"{self.messages.__name__}.service_pb2"


WORKFLOW_SERVICE: Final = Service(
    name="temporal.api.workflowservice.v1.WorkflowService",
    base=workflowservice.WorkflowServiceServicer,
    messages=workflowservice,
)
OPERATOR_SERVICE: Final = Service(
    name="temporal.api.operatorservice.v1.OperatorService",
    base=operatorservice.OperatorServiceServicer,
    messages=operatorservice,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
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
    for name in vars(service.base):
        if not name.startswith("_"):
            yield Method(
                service=service.name,
                name=name,
                request_type=getattr(service.messages, f"{name}Request"),
            )
