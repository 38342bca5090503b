"""Calls from clients and workers to nodes, over a network that is slow and forgets.

Owns what a caller sees: an answer, an error of the service, UNAVAILABLE when the node died on the
way there or back, DEADLINE_EXCEEDED when its own patience ended. Messages are copied as the wire
copies them. Must not know what a call means.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from indelible.base.errors import ServiceError, StatusCode
from indelible.base.instants import Duration, after
from indelible.ports.rpc import Call
from indelible.services.frontend.rpcs import WORKFLOW_SERVICE
from simulation.world.loop import SimulatedLoop
from simulation.world.node import Node

M = TypeVar("M", bound=Message)


class RpcError(Exception):
    """What a caller is told instead of an answer."""

    def __init__(self, code: StatusCode, message: str) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code

    @property
    def is_vague(self) -> bool:
        """Whether the request may have been carried out all the same."""
        return self.code in {StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED}


class Surroundings(Protocol):
    """What the network asks of the world."""

    def latency(self) -> Duration:
        """How long the next message travels."""
        ...

    def node_to_call(self) -> Node | None:
        """The node that a new connection reaches, if any."""
        ...

    def note(self, who: str, what: str) -> None:
        """Write a line of the trace."""
        ...

    def accuse(self, invariant: str, what: str) -> None:
        """Say that something must not be."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls."""

    name: str
    client_name: str = "temporal-python"


class Network:
    """Carries calls."""

    def __init__(self, loop: SimulatedLoop, around: Surroundings) -> None:
        self._loop = loop
        self._around = around

    async def call(
        self,
        caller: Caller,
        method: str,
        request: Message,
        response_type: type[M],
        *,
        patience: Duration,
    ) -> M:
        """Call a method of the service; raises `RpcError`."""
        subject = _subject(request)
        try:
            response = await self._exchange(caller, method, request, patience)
        except RpcError as error:
            self._around.note(caller.name, f"{method} {subject} -> {error}")
            raise
        self._around.note(caller.name, f"{method} {subject} -> OK {_outcome(response)}")
        return response_type.FromString(response.SerializeToString())

    async def _exchange(
        self, caller: Caller, method: str, request: Message, patience: Duration
    ) -> Message:
        deadline = after(self._loop.now, patience)
        body = request.SerializeToString()
        await self._loop.pause(self._around.latency())
        node = self._around.node_to_call()
        if node is None:
            raise RpcError(StatusCode.UNAVAILABLE, "connection refused")
        call = Call(
            service=WORKFLOW_SERVICE,
            method=method,
            deadline=deadline,
            metadata={"client-name": caller.client_name},
            peer=caller.name,
        )
        task = node.process.start(
            self._served(node, method, type(request).FromString(body), call), f"serve {method}"
        )
        alarm = self._loop.call_at_instant(deadline, task.cancel)
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            alarm.cancel()
        if node.process.is_dead:
            raise RpcError(StatusCode.UNAVAILABLE, "connection lost")
        if task.cancelled():
            raise RpcError(StatusCode.DEADLINE_EXCEEDED, "deadline exceeded")
        answer = task.result()
        await self._loop.pause(self._around.latency())
        if node.process.is_dead:
            raise RpcError(StatusCode.UNAVAILABLE, "connection lost on the way back")
        if isinstance(answer, RpcError):
            raise answer
        return answer

    async def _served(
        self, node: Node, method: str, request: Message, call: Call
    ) -> Message | RpcError:
        try:
            return await node.handler(method)(request, call)
        except ServiceError as error:
            return RpcError(error.code, error.message)
        except Exception as error:  # noqa: BLE001 - the edge of a request
            if not node.process.is_dead:
                self._around.accuse("no defects", f"{method} raised {error!r}")
            return RpcError(StatusCode.INTERNAL, repr(error))


def _subject(request: Message) -> str:
    for field in ("workflow_id", "execution", "workflow_execution", "task_queue"):
        if field in request.DESCRIPTOR.fields_by_name:
            value = getattr(request, field)
            return str(getattr(value, "workflow_id", getattr(value, "name", value)))
    return getattr(request, "identity", "")


def _outcome(response: Message) -> str:
    names = response.DESCRIPTOR.fields_by_name
    if "workflow_execution" in names and "task_token" in names:
        execution = getattr(response, "workflow_execution")  # noqa: B009
        if not getattr(response, "task_token"):  # noqa: B009
            return "(empty)"
        started = getattr(response, "started_event_id", "") or getattr(response, "activity_id", "")
        return f"{execution.workflow_id} {execution.run_id[-6:]} {started}"
    return str(getattr(response, "run_id", ""))[-6:]
