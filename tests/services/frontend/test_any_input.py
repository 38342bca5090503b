"""Whatever a request holds, it is answered or refused, and reads write nothing."""

import contextlib
from typing import Any, Final

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings, strategies as st
from temporalio.api.operatorservice.v1 import request_response_pb2 as operator_messages
from temporalio.api.workflowservice.v1 import request_response_pb2 as workflow_messages

from indelible.base.errors import ServiceError
from indelible.services.frontend.rpcs import RPCS, WORKFLOW_SERVICE, Access
from tests.services.frontend.world import (
    RUN_ID,
    World,
    activity_token,
    query_token,
    workflow_token,
)

F = FieldDescriptor
DEPTH_MAX: Final = 3
INTEGERS: Final = {
    F.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    F.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    F.CPPTYPE_UINT32: (0, 2**32 - 1),
    F.CPPTYPE_UINT64: (0, 2**64 - 1),
    F.CPPTYPE_ENUM: (-1, 20),
}
TEXTS: Final = st.sampled_from(
    [
        "",
        "w",
        "default",
        RUN_ID,
        "x" * 1001,
        "ü" * 501,
        "\x00",
        "/_sys/q/1",
        "* * * * *",
        "@every 1h",
    ]
)
BLOBS: Final = st.sampled_from([b"", b"5", b'"x"', b"\xff", b"[", b"x" * 3_000])
TOKENS: Final = st.sampled_from([b"", b"junk", workflow_token(), activity_token(), query_token()])
BUILT: Final = [key for key, rpc in RPCS.items() if rpc.is_built]


def request_class(key: tuple[str, str]) -> type[Message]:
    service, name = key
    file = workflow_messages if service == WORKFLOW_SERVICE else operator_messages
    found = getattr(file, f"{name}Request")
    assert isinstance(found, type)
    return found


def value(draw: st.DrawFn, field: FieldDescriptor, depth: int) -> object:
    """Draw one value of a field; None leaves it unset."""
    kind = field.cpp_type
    if kind == F.CPPTYPE_MESSAGE:
        return message(draw, field.message_type, depth + 1) if depth < DEPTH_MAX else None
    if field.type == F.TYPE_BYTES:
        return draw(TOKENS if field.name == "task_token" else BLOBS)
    if kind == F.CPPTYPE_STRING:
        return "default" if field.name == "namespace" and depth == 0 else draw(TEXTS)
    if kind == F.CPPTYPE_BOOL:
        return draw(st.booleans())
    if kind in {F.CPPTYPE_FLOAT, F.CPPTYPE_DOUBLE}:
        return draw(st.sampled_from([0.0, -1.0, float("nan"), float("inf"), 0.5]))
    low, high = INTEGERS[kind]
    return draw(st.sampled_from([0, 1, 2, 7, low, high]) | st.integers(low, high))


def message(draw: st.DrawFn, descriptor: Any, depth: int = 0) -> Message:
    """Draw a message of any kind with some of its fields set."""
    drawn = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        is_map = bool(field.message_type) and field.message_type.GetOptions().map_entry
        always = depth == 0 and field.name in {"namespace", "task_token"}
        if not always and not draw(st.booleans()):
            continue
        if is_map:
            entry = field.message_type
            pairs = getattr(drawn, field.name)
            name = value(draw, entry.fields_by_name["key"], depth)
            content = value(draw, entry.fields_by_name["value"], depth)
            if isinstance(content, Message):
                pairs[name].CopyFrom(content)
            elif content is not None:
                pairs[name] = content
            continue
        one = value(draw, field, depth)
        if one is None:
            continue
        if field.is_repeated:
            getattr(drawn, field.name).extend([one] * draw(st.integers(1, 2)))
        elif isinstance(one, Message):
            getattr(drawn, field.name).CopyFrom(one)
        else:
            setattr(drawn, field.name, one)
    return drawn


@st.composite
def requests(draw: st.DrawFn, request_type: type[Message]) -> Message:
    return message(draw, request_type.DESCRIPTOR)


@pytest.mark.parametrize("key", BUILT, ids=[name for _, name in BUILT])
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
async def test_any_request_is_answered_or_refused(
    key: tuple[str, str], data: st.DataObject
) -> None:
    world = await World().load()
    before = await world.store.load_namespaces()
    request = data.draw(requests(request_class(key)))
    with contextlib.suppress(ServiceError):
        await world.call(request, Message)
    if RPCS[key].access is Access.READ:
        assert await world.store.load_namespaces() == before
