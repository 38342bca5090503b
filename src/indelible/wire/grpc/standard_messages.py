# pyright: reportUnknownMemberType=false
"""The messages of gRPC's standard services, described here instead of generated.

Owns a pool of their own. The libraries that bring generated ones describe them in the default pool,
which has room for one of each, and need the gRPC library besides.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    EnumValueDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

POOL: Final = DescriptorPool()
HEALTH: Final = "grpc.health.v1"
# Both have the same messages on the wire; newer tools ask for v1 first.
REFLECTIONS: Final = ("grpc.reflection.v1", "grpc.reflection.v1alpha")

_SCALARS: Final = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "int32": FieldDescriptorProto.TYPE_INT32,
}
# Fields by number: a name and a type, which is a scalar or a message of the same package. A plus
# means "repeated"; what stands after a bar is one of the message's alternatives.
_Fields = Mapping[int, str]
_REFLECTION: Final[Mapping[str, _Fields]] = {
    "ServerReflectionRequest": {
        1: "host string",
        3: "| file_by_filename string",
        4: "| file_containing_symbol string",
        5: "| file_containing_extension ExtensionRequest",
        6: "| all_extension_numbers_of_type string",
        7: "| list_services string",
    },
    "ExtensionRequest": {1: "containing_type string", 2: "extension_number int32"},
    "ServerReflectionResponse": {
        1: "valid_host string",
        2: "original_request ServerReflectionRequest",
        4: "| file_descriptor_response FileDescriptorResponse",
        5: "| all_extension_numbers_response ExtensionNumberResponse",
        6: "| list_services_response ListServiceResponse",
        7: "| error_response ErrorResponse",
    },
    "FileDescriptorResponse": {1: "+ file_descriptor_proto bytes"},
    "ExtensionNumberResponse": {1: "base_type_name string", 2: "+ extension_number int32"},
    "ListServiceResponse": {1: "+ service ServiceResponse"},
    "ServiceResponse": {1: "name string"},
    "ErrorResponse": {1: "error_code int32", 2: "error_message string"},
}
_SERVING_STATUSES: Final = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")


def message_class(package: str, name: str) -> type[Message]:
    """Return the class of a message of one of the standard services."""
    return GetMessageClass(POOL.FindMessageTypeByName(f"{package}.{name}"))


def _health_file() -> FileDescriptorProto:
    status = FieldDescriptorProto(
        name="status",
        number=1,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
        type=FieldDescriptorProto.TYPE_ENUM,
        type_name=f".{HEALTH}.HealthCheckResponse.ServingStatus",
    )
    values = [
        EnumValueDescriptorProto(name=name, number=number)
        for number, name in enumerate(_SERVING_STATUSES)
    ]
    return FileDescriptorProto(
        name="grpc/health/v1/health.proto",
        package=HEALTH,
        syntax="proto3",
        message_type=[
            _message(HEALTH, "HealthCheckRequest", {1: "service string"}),
            DescriptorProto(
                name="HealthCheckResponse",
                field=[status],
                enum_type=[EnumDescriptorProto(name="ServingStatus", value=values)],
            ),
        ],
        service=[
            ServiceDescriptorProto(
                name="Health",
                method=[_health_method("Check"), _health_method("Watch")],
            )
        ],
    )


def _health_method(name: str) -> MethodDescriptorProto:
    return MethodDescriptorProto(
        name=name,
        input_type=f".{HEALTH}.HealthCheckRequest",
        output_type=f".{HEALTH}.HealthCheckResponse",
        server_streaming=name == "Watch",
    )


def _reflection_file(package: str) -> FileDescriptorProto:
    method = MethodDescriptorProto(
        name="ServerReflectionInfo",
        input_type=f".{package}.ServerReflectionRequest",
        output_type=f".{package}.ServerReflectionResponse",
        client_streaming=True,
        server_streaming=True,
    )
    return FileDescriptorProto(
        name=f"{package.replace('.', '/')}/reflection.proto",
        package=package,
        syntax="proto3",
        message_type=[_message(package, name, fields) for name, fields in _REFLECTION.items()],
        service=[ServiceDescriptorProto(name="ServerReflection", method=[method])],
    )


def _message(package: str, name: str, fields: _Fields) -> DescriptorProto:
    message = DescriptorProto(
        name=name,
        field=[_field(package, number, line.split()) for number, line in fields.items()],
    )
    if any(field.HasField("oneof_index") for field in message.field):
        message.oneof_decl.add(name="alternatives")
    return message


def _field(package: str, number: int, words: Iterable[str]) -> FieldDescriptorProto:
    *marks, name, kind = words
    field = FieldDescriptorProto(
        name=name,
        number=number,
        label=FieldDescriptorProto.LABEL_REPEATED
        if "+" in marks
        else FieldDescriptorProto.LABEL_OPTIONAL,
        type=_SCALARS.get(kind, FieldDescriptorProto.TYPE_MESSAGE),
    )
    if kind not in _SCALARS:
        field.type_name = f".{package}.{kind}"
    if "|" in marks:
        field.oneof_index = 0
    return field


def _described() -> Iterable[FileDescriptorProto]:
    yield _health_file()
    for package in REFLECTIONS:
        yield _reflection_file(package)


for _file in _described():
    POOL.AddSerializedFile(_file.SerializeToString())
