# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
"""Server reflection, for grpcurl and its kin.

Owns the names that reflection lists. SDKs never ask, so the library behind it (0.1 s and 12 MB)
is imported by the first question.

The descriptors of the API's services refer to `google.api`, which is another package
(googleapis-common-protos): it is a dependency for the sake of this module alone.
"""

import importlib
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from typing import Final

import grpc
from google.protobuf.message import DecodeError

from indelible.wire.grpc.library import Context, RpcMethod, stream_stream

# Both versions have the same messages on the wire; newer tools ask for v1 first.
SERVICE_NAMES: Final = (
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
)


def reflection_methods(
    service_names: Sequence[str], descriptor_modules: Sequence[str]
) -> Mapping[str, RpcMethod]:
    """Return the reflection methods by path; they list `service_names` and themselves.

    `descriptor_modules` are the generated modules that describe those services.
    """
    names = sorted((*service_names, *SERVICE_NAMES))

    async def answer(requests: AsyncIterable[bytes], context: Context) -> AsyncIterator[bytes]:
        from grpc_reflection.v1alpha.reflection import aio  # noqa: PLC0415 - see above
        from grpc_reflection.v1alpha.reflection_pb2 import (  # noqa: PLC0415 - see above
            ServerReflectionRequest,
        )

        for module in descriptor_modules:
            importlib.import_module(module)
        decoded = (ServerReflectionRequest.FromString(body) async for body in requests)
        servicer = aio.ReflectionServicer(names)
        try:
            async for response in servicer.ServerReflectionInfo(decoded, context):
                yield response.SerializeToString()
        except DecodeError as error:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, f"request cannot be decoded: {error}"
            )

    return {f"/{name}/ServerReflectionInfo": stream_stream(answer) for name in SERVICE_NAMES}
