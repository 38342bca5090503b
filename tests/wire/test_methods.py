"""The names read from the base classes are those that clients call."""

from collections.abc import Callable

import pytest
from temporalio.api.operatorservice.v1 import OperatorServiceStub
from temporalio.api.workflowservice.v1 import WorkflowServiceStub

from indelible.wire.calls.methods import (
    OPERATOR_SERVICE,
    WORKFLOW_SERVICE,
    Service,
    methods_of,
)


class RecordingChannel:
    """What a generated client asks of a channel: paths, and how requests become bytes."""

    def __init__(self) -> None:
        self.request_types: dict[str, str] = {}

    def unary_unary(self, path: str, request_serializer: Callable[..., bytes], **_: object) -> None:
        self.request_types[path] = request_serializer.__qualname__.partition(".")[0]


@pytest.mark.parametrize(
    ("service", "stub"),
    [(WORKFLOW_SERVICE, WorkflowServiceStub), (OPERATOR_SERVICE, OperatorServiceStub)],
)
def test_methods_are_those_of_the_generated_client(
    service: Service, stub: Callable[[RecordingChannel], object]
) -> None:
    channel = RecordingChannel()
    stub(channel)
    methods = {method.path: method for method in methods_of(service)}
    assert methods.keys() == channel.request_types.keys()
    assert {path: method.request_type.__name__ for path, method in methods.items()} == {
        path: f"{path.rpartition('/')[2]}Request" for path in methods
    }


def test_the_api_is_as_large_as_it_is_said_to_be() -> None:
    assert len(list(methods_of(WORKFLOW_SERVICE))) >= 122
    assert len(list(methods_of(OPERATOR_SERVICE))) >= 12
