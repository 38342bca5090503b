# pyright: reportUnknownMemberType=false
"""Server reflection, for grpcurl and its kin.

Owns the names that reflection lists, and the way from a question to the descriptors that answer it.
SDKs never ask. The descriptors of the API's services refer to `google.api`, which is another
package (googleapis-common-protos).
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Final

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import Default as DefaultPool, DescriptorPool
from google.protobuf.message import DecodeError, Message

from indelible.base.errors import InvalidArgumentError, StatusCode
from indelible.wire.calls.status import WireStatus, status_of
from indelible.wire.grpc.routes import Route, Streaming
from indelible.wire.grpc.standard_messages import POOL, REFLECTIONS, message_class

SERVICE_NAMES: Final = tuple(f"{package}.ServerReflection" for package in REFLECTIONS)

_POOLS: Final[tuple[DescriptorPool, ...]] = (DefaultPool(), POOL)


def reflection_routes(service_names: Sequence[str]) -> Mapping[str, Route]:
    """Return the reflection methods by path; they list `service_names` and themselves."""
    names = sorted((*service_names, *SERVICE_NAMES))
    return {
        f"/{package}.ServerReflection/ServerReflectionInfo": Streaming(
            _Reflection(package, names).answer
        )
        for package in REFLECTIONS
    }


class _Reflection:
    """One version of the service."""

    def __init__(self, package: str, names: Sequence[str]) -> None:
        self._request = message_class(package, "ServerReflectionRequest")
        self._response = message_class(package, "ServerReflectionResponse")
        self._names = names

    async def answer(self, bodies: AsyncIterator[bytes]) -> AsyncIterator[bytes | WireStatus]:
        async for body in bodies:
            try:
                request = self._request.FromString(body)
            except DecodeError as error:
                yield status_of(InvalidArgumentError(f"request cannot be decoded: {error}"))
                return
            answered = self._response(original_request=request, **self._answer(request))
            yield answered.SerializeToString()

    def _answer(self, request: Message) -> Mapping[str, object]:
        """Return the alternative of the response that answers a request, by its name."""
        question = request.WhichOneof("alternatives")
        asked: object = getattr(request, question) if question else None
        try:
            match question, asked:
                case "list_services", _:
                    services = [{"name": name} for name in self._names]
                    return {"list_services_response": {"service": services}}
                case "file_by_filename", str(name):
                    return _described(_found("FindFileByName", name))
                case "file_containing_symbol", str(name):
                    return _described(_found("FindFileContainingSymbol", name))
                case (("file_containing_extension" | "all_extension_numbers_of_type"), _):
                    # The API extends nothing but the options of descriptors.
                    return _error(StatusCode.NOT_FOUND, "no extensions are known")
                case _:
                    return _error(StatusCode.INVALID_ARGUMENT, "the request asks for nothing")
        except KeyError:
            return _error(StatusCode.NOT_FOUND, f"unknown: {asked}")


def _found(method: str, name: str) -> FileDescriptor:
    """Ask one pool after the other. Raises `KeyError`."""
    for pool in _POOLS[:-1]:
        try:
            found: FileDescriptor = getattr(pool, method)(name)
        except KeyError:
            continue
        return found
    last: FileDescriptor = getattr(_POOLS[-1], method)(name)
    return last


def _described(file: FileDescriptor) -> Mapping[str, object]:
    """Return a file and all that it needs."""
    needed: dict[str, bytes] = {}
    unseen = [file]
    while unseen:
        each = unseen.pop()
        if each.name not in needed:
            needed[each.name] = _serialized(each)
            unseen += _dependencies(each)
    return {"file_descriptor_response": {"file_descriptor_proto": list(needed.values())}}


def _dependencies(file: FileDescriptor) -> Iterator[FileDescriptor]:
    yield from file.dependencies


def _serialized(file: FileDescriptor) -> bytes:
    proto = FileDescriptorProto()
    file.CopyToProto(proto)
    return proto.SerializeToString()


def _error(code: StatusCode, message: str) -> Mapping[str, object]:
    return {"error_response": {"error_code": int(code), "error_message": message}}
