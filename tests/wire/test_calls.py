"""One call at a time, through a real client: what it is told, and what the handler sees."""

import asyncio
from collections.abc import Sequence

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message
from structlog.testing import capture_logs
from temporalio.api.common.v1 import GrpcStatus
from temporalio.api.errordetails.v1 import WorkflowExecutionAlreadyStartedFailure
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    GetSystemInfoRequest,
    GetSystemInfoResponse,
)

from indelible.base.errors import AlreadyExistsError
from indelible.base.instants import MILLISECOND, SECOND, Duration
from indelible.base.limits import MESSAGE_BYTES_MAX
from indelible.ports.rpc import Call
from indelible.runtime.system_clock import SystemClock
from indelible.wire.calls.methods import OPERATOR_SERVICE, WORKFLOW_SERVICE
from indelible.wire.grpc.server import GrpcServer, PortUnavailableError
from tests.wire.listening import Listening, listening

GRPC = grpc.StatusCode


async def system_info(_request: Message, _call: Call) -> Message:
    return GetSystemInfoResponse(server_version="1.2.3")


async def assert_serves(wire: Listening) -> None:
    answer = GetSystemInfoResponse.FromString(await wire.call("GetSystemInfo"))
    assert answer.server_version == "1.2.3"


def details(error: grpc.aio.AioRpcError) -> GrpcStatus:
    trailers = error.trailing_metadata() or ()
    (body,) = [value for key, value in trailers if key == "grpc-status-details-bin"]
    assert isinstance(body, bytes)
    return GrpcStatus.FromString(body)


async def test_a_handler_sees_message_method_deadline_headers_and_peer() -> None:
    seen: list[tuple[Message, Call]] = []

    async def describe(request: Message, call: Call) -> Message:
        seen.append((request, call))
        return DescribeNamespaceResponse()

    async with listening({"DescribeNamespace": describe}) as wire:
        headers = (("client-name", "temporal-python"), ("odd-bin", b"\x00"))
        request = DescribeNamespaceRequest(namespace="default")
        await wire.call("DescribeNamespace", request, seconds=7, metadata=headers)
        await wire.call("DescribeNamespace", request, seconds=None)

    (message, call), (_, endless) = seen
    assert message == request
    assert (call.service, call.method) == (
        "temporal.api.workflowservice.v1.WorkflowService",
        "DescribeNamespace",
    )
    assert call.metadata["client-name"] == "temporal-python"
    assert "odd-bin" not in call.metadata
    assert call.peer.startswith("ipv4:127.0.0.1:")
    assert call.deadline is not None
    assert endless.deadline is None


async def test_a_deadline_of_centuries_is_capped() -> None:
    deadlines: list[int] = []

    async def describe(_request: Message, call: Call) -> Message:
        deadlines.append(call.deadline or 0)
        return DescribeNamespaceResponse()

    async with listening({"DescribeNamespace": describe}) as wire:
        await wire.call("DescribeNamespace", seconds=1e9)
    assert 0 < deadlines[0] < 2**63


async def test_details_reach_the_client() -> None:
    failure = WorkflowExecutionAlreadyStartedFailure(run_id="r")

    async def refuse(_request: Message, _call: Call) -> Message:
        raise AlreadyExistsError("in use: ä", failure)

    async with listening({"GetSystemInfo": refuse}) as wire:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await wire.call("GetSystemInfo")
    assert caught.value.code() is GRPC.ALREADY_EXISTS
    assert caught.value.details() == "in use: ä"
    unpacked = WorkflowExecutionAlreadyStartedFailure()
    assert details(caught.value).details[0].Unpack(unpacked)
    assert unpacked == failure


async def test_a_defect_is_logged_and_masked_and_the_server_goes_on() -> None:
    async def fail(_request: Message, _call: Call) -> Message:
        raise ZeroDivisionError("secret")

    async with listening({"DescribeNamespace": fail, "GetSystemInfo": system_info}) as wire:
        with capture_logs() as logs, pytest.raises(grpc.aio.AioRpcError) as caught:
            await wire.call("DescribeNamespace")
        await assert_serves(wire)
    assert caught.value.code() is GRPC.INTERNAL
    assert str(caught.value.details()).startswith("something went wrong, please retry (")
    (line,) = logs
    assert line["operation"] == "DescribeNamespace"
    assert line["answer"] == caught.value.details()
    assert isinstance(line["exc_info"], ZeroDivisionError)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xff\xff\xff",  # no field has this tag
        b"\x0a\x05ab",  # shorter than it says
        b"\x0a\x02\xff\xfe",  # a string that is not UTF-8
        b"\x0b" * 5_000,  # groups within groups
    ],
)
async def test_bytes_that_do_not_parse_are_an_invalid_argument(body: bytes) -> None:
    handlers = {"DescribeNamespace": system_info, "GetSystemInfo": system_info}
    async with listening(handlers) as wire:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await wire.call("DescribeNamespace", body)
        await assert_serves(wire)
    assert caught.value.code() is GRPC.INVALID_ARGUMENT
    assert str(caught.value.details()).startswith("request cannot be decoded")


async def test_unknown_fields_are_no_error() -> None:
    async with listening({"GetSystemInfo": system_info}) as wire:
        await wire.call("GetSystemInfo", b"\xc2\x3e\x03abc")


async def test_a_message_over_the_bound_is_refused() -> None:
    async with listening({"GetSystemInfo": system_info}) as wire:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await wire.call("GetSystemInfo", b"\x0a" + b"x" * MESSAGE_BYTES_MAX)
        await assert_serves(wire)
    assert caught.value.code() is GRPC.RESOURCE_EXHAUSTED


async def test_gzip_is_accepted() -> None:
    async with listening({"GetSystemInfo": system_info}) as wire:
        request = DescribeNamespaceRequest(namespace="x" * 10_000)
        await wire.call("GetSystemInfo", request, compression=grpc.Compression.Gzip)


async def test_a_method_nobody_built_says_its_name() -> None:
    async with listening({}) as wire:
        for service, method in (
            (WORKFLOW_SERVICE.name, "CreateSchedule"),
            (OPERATOR_SERVICE.name, "ListSearchAttributes"),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await wire.call(method, service=service)
            assert caught.value.code() is GRPC.UNIMPLEMENTED
            assert caught.value.details() == f"method {method} is not implemented yet"


@pytest.mark.parametrize(
    ("service", "method"),
    [("temporal.api.workflowservice.v1.WorkflowService", "Bogus"), ("a.b.C", "GetSystemInfo")],
)
async def test_a_method_that_does_not_exist_says_so(service: str, method: str) -> None:
    async with listening({}) as wire:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await wire.call(method, service=service)
    assert caught.value.code() is GRPC.UNIMPLEMENTED
    assert caught.value.details() == f"unknown method {method} for service {service}"


async def waiting_call(wire: Listening, seconds: float | None) -> asyncio.Task[bytes]:
    call = wire.call("GetSystemInfo", seconds=seconds)
    return asyncio.create_task(call)  # noqa: TID251 - every caller awaits it


async def test_a_client_that_goes_away_cancels_its_handler() -> None:
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(_request: Message, _call: Call) -> Message:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError("unreachable")

    async with listening({"GetSystemInfo": wait}) as wire:
        call = await waiting_call(wire, seconds=None)
        await entered.wait()
        call.cancel()
        async with asyncio.timeout(2):
            await cancelled.wait()


async def test_a_passed_deadline_cancels_the_handler() -> None:
    cancelled = asyncio.Event()

    async def wait(_request: Message, _call: Call) -> Message:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError("unreachable")

    async with listening({"GetSystemInfo": wait}) as wire:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await wire.call("GetSystemInfo", seconds=0.05)
        async with asyncio.timeout(2):
            await cancelled.wait()
    assert caught.value.code() is GRPC.DEADLINE_EXCEEDED


async def test_before_it_is_open_the_node_is_unavailable() -> None:
    async with listening({"GetSystemInfo": system_info}, is_open=False) as wire:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await wire.call("GetSystemInfo")
        assert caught.value.code() is GRPC.UNAVAILABLE
        assert caught.value.details() == "Frontend is not healthy yet"
        wire.server.open()
        await assert_serves(wire)


async def test_what_never_reaches_a_handler_is_counted() -> None:
    async def fail(_request: Message, _call: Call) -> Message:
        raise ZeroDivisionError

    async with listening({"DescribeNamespace": fail}) as wire:
        for method, body in (
            ("DescribeNamespace", b"\xff"),
            ("DescribeNamespace", b""),
            ("CreateSchedule", b""),
        ):
            with pytest.raises(grpc.aio.AioRpcError):
                await wire.call(method, body)
    assert {
        (labels["operation"], labels["error_type"]): value
        for labels, value in (
            (dict(key.labels), value) for key, value in wire.telemetry.counters.items()
        )
    } == {
        ("DescribeNamespace", "INVALID_ARGUMENT"): 1,
        ("DescribeNamespace", "INTERNAL"): 1,
        ("CreateSchedule", "UNIMPLEMENTED"): 1,
    }


async def test_a_taken_port_is_refused() -> None:
    async with listening({}) as first:
        second = GrpcServer(
            services=[], handlers={}, clock=SystemClock(), telemetry=first.telemetry
        )
        with pytest.raises(PortUnavailableError, match=str(first.port)):
            await second.listen("127.0.0.1", first.port)


async def test_calls_that_come_while_it_stops_are_told_to_try_again() -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def wait(_request: Message, _call: Call) -> Message:
        entered.set()
        await release.wait()
        return GetSystemInfoResponse()

    async with listening({"GetSystemInfo": wait}) as wire:
        call = await waiting_call(wire, seconds=None)
        await entered.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(wire.server.stop(Duration(5 * SECOND)))
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await wire.call("GetSystemInfo")
            release.set()
            await call
    assert caught.value.code() is GRPC.UNAVAILABLE
    assert caught.value.details() == "The server is shutting down."


async def test_a_stop_ends_what_outlives_its_grace() -> None:
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(_request: Message, _call: Call) -> Message:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError("unreachable")

    async with listening({"GetSystemInfo": wait}) as wire:
        call = await waiting_call(wire, seconds=None)
        await entered.wait()
        await wire.server.stop(Duration(MILLISECOND))
        async with asyncio.timeout(2):
            await cancelled.wait()
        with pytest.raises(grpc.aio.AioRpcError):
            await call


async def test_a_stop_with_grace_lets_a_call_finish() -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def wait(_request: Message, _call: Call) -> Message:
        entered.set()
        await release.wait()
        return GetSystemInfoResponse(server_version="late")

    async with listening({"GetSystemInfo": wait}) as wire:
        call = await waiting_call(wire, seconds=None)
        await entered.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(wire.server.stop(Duration(5 * SECOND)))
            release.set()
            answer = GetSystemInfoResponse.FromString(await call)
    assert answer.server_version == "late"


def headers_of(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, "x" * 8_000) for name in names)


async def test_a_large_token_fits_into_the_headers() -> None:
    async with listening({"GetSystemInfo": system_info}) as wire:
        await wire.call("GetSystemInfo", metadata=headers_of(["authorization", "other"]))
        await wire.call("GetSystemInfo", GetSystemInfoRequest())
