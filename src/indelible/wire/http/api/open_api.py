"""The description of the paths for tools: OpenAPI 2 as JSON, OpenAPI 3 as YAML.

Owns both documents, made of the descriptors when somebody asks first. Descriptors carry no
comments, so they tell names, types and places, and no prose.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from indelible import __version__
from indelible.wire.http.api.bindings import Binding
from indelible.wire.http.api.payload_shorthand import Json
from indelible.wire.http.messages import Request, Response
from indelible.wire.http.routes import Route

_TITLE: Final = "Temporal API as served by Indelible"
_V2_TYPE: Final = "application/vnd.oai.openapi+json;version=2.0"
_V3_TYPE: Final = "application/vnd.oai.openapi;version=3.0"
_NESTED_MAX: Final = 3
"""How deep the fields of a query are told; messages may hold themselves."""

_STANDARD: Final[Mapping[str, Json]] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "description": 'seconds, such as "1.5s"'},
    "google.protobuf.FieldMask": {"type": "string", "format": "field-mask"},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {"@type": {"type": "string"}},
        "additionalProperties": True,
    },
    "google.protobuf.Empty": {"type": "object"},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.Value": {"description": "any JSON value"},
    "google.protobuf.BoolValue": {"type": "boolean"},
    "google.protobuf.StringValue": {"type": "string"},
    "google.protobuf.BytesValue": {"type": "string", "format": "byte"},
    "google.protobuf.Int32Value": {"type": "integer", "format": "int32"},
    "google.protobuf.UInt32Value": {"type": "integer", "format": "int64"},
    "google.protobuf.Int64Value": {"type": "string", "format": "int64"},
    "google.protobuf.UInt64Value": {"type": "string", "format": "uint64"},
    "google.protobuf.FloatValue": {"type": "number", "format": "float"},
    "google.protobuf.DoubleValue": {"type": "number", "format": "double"},
    "temporal.api.common.v1.Payload": {
        "description": "any JSON value; or metadata and data in base64, with noPayloadShorthand",
    },
    "temporal.api.common.v1.Payloads": {
        "description": "a list of any JSON values; or an object with payloads, in the long form",
    },
}
_SCALARS: Final[Mapping[int, Json]] = {
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "format": "byte"},
    FieldDescriptor.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.TYPE_UINT32: {"type": "integer", "format": "int64"},
    FieldDescriptor.TYPE_INT64: {"type": "string", "format": "int64"},
    FieldDescriptor.TYPE_UINT64: {"type": "string", "format": "uint64"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
}
_STATUS: Final[Json] = {
    "type": "object",
    "properties": {
        "code": {"type": "integer", "format": "int32"},
        "message": {"type": "string"},
        "details": {"type": "array", "items": _STANDARD["google.protobuf.Any"]},
    },
}


def open_api_routes(bindings: Sequence[Binding]) -> Iterator[Route]:
    """Yield the routes of both documents; the reference has them without the prefix only."""
    cached_v2 = cache(lambda: json.dumps(version_2(bindings), indent=2).encode())
    cached_v3 = cache(lambda: yaml_text(version_3(bindings)).encode())
    for prefix in ("", "/api/v1"):
        yield _document(f"{prefix}/swagger.json", _V2_TYPE, cached_v2)
        yield _document(f"{prefix}/openapi.yaml", _V3_TYPE, cached_v3)


def _document(path: str, content_type: str, text: Callable[[], bytes]) -> Route:
    async def answer(_request: Request) -> Response:
        return Response(headers=(("content-type", content_type),), body=text())

    return Route(method="GET", pattern=path, answer=answer)


def version_2(bindings: Sequence[Binding]) -> dict[str, Json]:
    """Return the OpenAPI 2 document of these paths."""
    schemas = _Schemas("#/definitions/")

    def operation(one: Binding) -> dict[str, Json]:
        parameters: list[Json] = [
            {"name": name, "in": place, "required": place == "path", **_flat(schema)}
            for name, place, schema in _parameters(one, schemas)
        ]
        if one.has_body:
            body = {"name": "body", "in": "body", "required": True}
            parameters.append({**body, "schema": schemas.reference(one.request)})
        return {
            "parameters": parameters,
            "responses": {
                "200": {"description": "done", "schema": schemas.reference(one.response)},
                "default": {"description": "refused", "schema": _STATUS},
            },
        }

    return {
        "swagger": "2.0",
        "info": {"title": _TITLE, "version": __version__},
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": _paths(bindings, operation),
        "definitions": schemas.all(),
    }


def version_3(bindings: Sequence[Binding]) -> dict[str, Json]:
    """Return the OpenAPI 3 document of these paths."""
    schemas = _Schemas("#/components/schemas/")

    def content(schema: Json) -> Json:
        return {"application/json": {"schema": schema}}

    def operation(one: Binding) -> dict[str, Json]:
        parameters: list[Json] = [
            {"name": name, "in": place, "required": place == "path", "schema": schema}
            for name, place, schema in _parameters(one, schemas)
        ]
        body: dict[str, Json] = {
            "requestBody": {"required": True, "content": content(schemas.reference(one.request))}
        }
        return {
            "parameters": parameters,
            **(body if one.has_body else {}),
            "responses": {
                "200": {
                    "description": "done",
                    "content": content(schemas.reference(one.response)),
                },
                "default": {"description": "refused", "content": content(_STATUS)},
            },
        }

    return {
        "openapi": "3.0.3",
        "info": {"title": _TITLE, "version": __version__},
        "paths": _paths(bindings, operation),
        "components": {"schemas": schemas.all()},
    }


def yaml_text(value: Json, indent: str = "") -> str:
    """Return a JSON value as YAML in block style; scalars and empty collections are JSON's."""
    if isinstance(value, dict) and value:
        return "".join(
            f"{indent}{_scalar(key)}:{_block(one, indent + '  ')}" for key, one in value.items()
        )
    if isinstance(value, list) and value:
        return "".join(f"{indent}-{_block(one, indent + '  ')}" for one in value)
    return f"{indent}{_scalar(value)}\n"


def _block(value: Json, indent: str) -> str:
    if isinstance(value, dict | list) and value:
        return "\n" + yaml_text(value, indent)
    return f" {_scalar(value)}\n"


def _scalar(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


# -------------------------------------------------------------------------------------- paths
def _paths(
    bindings: Iterable[Binding], operation: Callable[[Binding], dict[str, Json]]
) -> dict[str, Json]:
    paths: dict[str, dict[str, Json]] = {}
    counts: dict[str, int] = {}
    for one in bindings:
        name = one.method.name
        counts[name] = number = counts.get(name, 0) + 1
        paths.setdefault(one.pattern, {})[one.http_method.lower()] = {
            "operationId": name if number == 1 else f"{name}{number}",
            "tags": [one.method.service.rpartition(".")[2]],
            **operation(one),
        }
    return {path: paths[path] for path in sorted(paths)}


def _parameters(one: Binding, schemas: "_Schemas") -> Iterator[tuple[str, str, Json]]:
    in_path = re.findall(r"\{([^}]+)\}", one.pattern)
    for name in in_path:
        yield name, "path", {"type": "string"}
    if not one.has_body:
        for path, name, schema in _query_fields(one.request, schemas):
            if path not in in_path:
                yield name, "query", schema


def _query_fields(
    message: Descriptor, schemas: "_Schemas", depth: int = 1
) -> Iterator[tuple[str, str, Json]]:
    """The fields that a query may name: by their own names, as JSON has them, with their types."""
    for field in message.fields:
        inner = field.message_type
        if inner is None or inner.full_name in _STANDARD:
            yield field.name, field.json_name, schemas.of_field(field)
        elif not field.is_repeated and depth < _NESTED_MAX:
            for path, name, schema in _query_fields(inner, schemas, depth + 1):
                yield f"{field.name}.{path}", f"{field.json_name}.{name}", schema


def _flat(schema: Json) -> dict[str, Json]:
    """A parameter of OpenAPI 2 has its type in itself, and needs one."""
    return {"type": "string", **(schema if isinstance(schema, dict) else {})}


# ------------------------------------------------------------------------------------ schemas
class _Schemas:
    """The messages that a document refers to, and all that they refer to."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._found: dict[str, Json] = {}

    def all(self) -> dict[str, Json]:
        return {name: self._found[name] for name in sorted(self._found)}

    def reference(self, message: Descriptor) -> Json:
        if message.full_name in _STANDARD:
            return _STANDARD[message.full_name]
        name = message.full_name
        if name not in self._found:
            self._found[name] = {}  # A message may hold itself.
            self._found[name] = {
                "type": "object",
                "properties": {one.json_name: self.of_field(one) for one in message.fields},
            }
        return {"$ref": self._prefix + name}

    def of_field(self, field: FieldDescriptor) -> Json:
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            value = self._of_one(inner.fields_by_name["value"])
            return {"type": "object", "additionalProperties": value}
        if field.is_repeated:
            return {"type": "array", "items": self._of_one(field)}
        return self._of_one(field)

    def _of_one(self, field: FieldDescriptor) -> Json:
        if field.message_type is not None:
            return self.reference(field.message_type)
        if field.enum_type is not None:
            return {"type": "string", "enum": [value.name for value in field.enum_type.values]}
        return _SCALARS[field.type]
