# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""The calls of the gRPC library whose types its stubs do not tell, told here once.

Owns nothing but their signatures: our methods take and give bytes, and (de)serialise by themselves.
"""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeAlias

import grpc
import grpc.aio

# Generic for the type checker only: at run time these classes take no arguments.
Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
RpcMethod: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"


def unary_unary(answer: Callable[[bytes, Context], Awaitable[bytes]]) -> RpcMethod:
    """Return the method that answers one message with one."""
    return grpc.unary_unary_rpc_method_handler(answer)


def unary_stream(answer: Callable[[bytes, Context], AsyncIterator[bytes]]) -> RpcMethod:
    """Return the method that answers one message with a stream."""
    return grpc.unary_stream_rpc_method_handler(answer)


def stream_stream(
    answer: Callable[[AsyncIterable[bytes], Context], AsyncIterator[bytes]],
) -> RpcMethod:
    """Return the method that answers a stream with a stream."""
    return grpc.stream_stream_rpc_method_handler(answer)


def new_server(
    find: Callable[[str], RpcMethod], options: Sequence[tuple[str, int]]
) -> grpc.aio.Server:
    """Return a server that asks `find` for the method of each path."""
    return grpc.aio.server(handlers=(_Paths(find),), options=options)


class _Paths(grpc.GenericRpcHandler):  # pyright: ignore[reportMissingTypeArgument] - as above
    def __init__(self, find: Callable[[str], RpcMethod]) -> None:
        self._find = find

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> RpcMethod:
        return self._find(handler_call_details.method)
