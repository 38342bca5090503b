"""Health and reflection, as their own clients use them."""

from collections.abc import Iterator
from typing import Protocol

import grpc
import grpc.aio
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from indelible.wire.calls.methods import OPERATOR_SERVICE, WORKFLOW_SERVICE
from indelible.wire.grpc.health import SERVICE_NAME as HEALTH
from indelible.wire.grpc.reflection import SERVICE_NAMES as REFLECTIONS
from tests.wire.listening import Listening, as_it_is, listening

SERVING = HealthCheckResponse.SERVING
NOT_SERVING = HealthCheckResponse.NOT_SERVING


class Readable(Protocol):
    """The receiving side of a stream."""

    async def read(self) -> object: ...


async def next_message(stream: Readable) -> bytes:
    message = await stream.read()
    assert isinstance(message, bytes)
    return message


async def health(wire: Listening, name: str) -> int:
    answer = await wire.call("Check", HealthCheckRequest(service=name), service=HEALTH)
    return HealthCheckResponse.FromString(answer).status


@pytest.mark.parametrize("name", ["", WORKFLOW_SERVICE.name, OPERATOR_SERVICE.name])
async def test_health_follows_the_gate(name: str) -> None:
    async with listening({}, is_open=False) as wire:
        assert await health(wire, name) == NOT_SERVING
        wire.server.open()
        assert await health(wire, name) == SERVING


async def test_health_of_an_unknown_name_is_not_found() -> None:
    async with listening({}) as wire:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health(wire, "a.b.C")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_health_of_nonsense_is_an_invalid_argument() -> None:
    async with listening({}) as wire:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await wire.call("Check", b"\xff", service=HEALTH)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_watcher_is_told_of_each_change() -> None:
    async with listening({}, is_open=False) as wire:
        watch = wire.channel.unary_stream(f"/{HEALTH}/Watch", as_it_is, as_it_is)(b"", timeout=5)
        seen = [HealthCheckResponse.FromString(await next_message(watch)).status]
        wire.server.open()
        seen.append(HealthCheckResponse.FromString(await next_message(watch)).status)
    assert seen == [NOT_SERVING, SERVING]


async def reflect(
    wire: Listening, service: str, request: ServerReflectionRequest
) -> ServerReflectionResponse:
    def requests() -> Iterator[bytes]:
        yield request.SerializeToString()

    call = wire.channel.stream_stream(f"/{service}/ServerReflectionInfo", as_it_is, as_it_is)(
        requests(), timeout=10
    )
    return ServerReflectionResponse.FromString(await next_message(call))


@pytest.mark.parametrize("service", REFLECTIONS)
async def test_reflection_lists_all_services(service: str) -> None:
    async with listening({}) as wire:
        answer = await reflect(wire, service, ServerReflectionRequest(list_services=""))
    assert {entry.name for entry in answer.list_services_response.service} == {
        WORKFLOW_SERVICE.name,
        OPERATOR_SERVICE.name,
        HEALTH,
        *REFLECTIONS,
    }


async def test_reflection_knows_the_messages() -> None:
    symbol = "temporal.api.workflowservice.v1.GetSystemInfoRequest"
    async with listening({}) as wire:
        answer = await reflect(
            wire, REFLECTIONS[0], ServerReflectionRequest(file_containing_symbol=symbol)
        )
    assert len(answer.file_descriptor_response.file_descriptor_proto) > 1


async def test_reflection_knows_the_services() -> None:
    async with listening({}) as wire:
        answer = await reflect(
            wire,
            REFLECTIONS[0],
            ServerReflectionRequest(file_containing_symbol=WORKFLOW_SERVICE.name),
        )
    assert len(answer.file_descriptor_response.file_descriptor_proto) > 1


async def test_reflection_refuses_nonsense() -> None:
    async with listening({}) as wire:
        call = wire.channel.stream_stream(
            f"/{REFLECTIONS[0]}/ServerReflectionInfo", as_it_is, as_it_is
        )(iter([b"\xff"]), timeout=10)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await next_message(call)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
