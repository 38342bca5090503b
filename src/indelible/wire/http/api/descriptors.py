"""Descriptors as this package reads them; the stubs of protobuf tell them badly."""

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message


def descriptor_of(message: Message) -> Descriptor:
    """Return what describes a message."""
    return message.DESCRIPTOR  # pyright: ignore[reportReturnType] - it may be upb's, a twin


def field_named(message: Descriptor, name: str) -> FieldDescriptor | None:
    """Return a field by either of its names, the definition's and JSON's."""
    return message.fields_by_name.get(name) or message.fields_by_camelcase_name.get(name)
