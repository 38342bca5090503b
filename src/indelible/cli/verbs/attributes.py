"""Search attributes of a namespace."""

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
    RemoveSearchAttributesRequest,
)

from indelible.cli.session import CommandFailedError, Session
from indelible.cli.values import ValueRefusedError
from indelible.cli.verbs.messages import enum_of, short_name


async def create(session: Session) -> None:
    """Add search attributes."""
    options = session.options
    if len(options.name) != len(options.type):
        raise ValueRefusedError(
            f"{len(options.name)} names and {len(options.type)} types: each --name needs its --type"
        )
    there = await session.operator.list_search_attributes(
        ListSearchAttributesRequest(namespace=session.namespace)
    )
    wanted: dict[str, IndexedValueType.ValueType] = {}
    for name, word in zip(options.name, options.type, strict=True):
        number = IndexedValueType.ValueType(enum_of(IndexedValueType, word))
        before = there.custom_attributes.get(name, number)
        if before != number:
            raise CommandFailedError(
                f"{name} is there already, as {short_name(IndexedValueType, before)}"
            )
        wanted[name] = number
    await session.operator.add_search_attributes(
        AddSearchAttributesRequest(namespace=session.namespace, search_attributes=wanted)
    )
    session.output.say(f"Added {', '.join(wanted)}")


async def list_attributes(session: Session) -> None:
    """List search attributes."""
    answer = await session.operator.list_search_attributes(
        ListSearchAttributesRequest(namespace=session.namespace)
    )
    session.output.message(answer)
    session.output.table(
        ("Name", "Type", ""),
        [
            (name, short_name(IndexedValueType, attributes[name]), kind)
            for attributes, kind in (
                (answer.custom_attributes, "custom"),
                (answer.system_attributes, "system"),
            )
            for name in sorted(attributes)
        ],
    )


async def remove(session: Session) -> None:
    """Remove search attributes."""
    names: list[str] = session.options.name
    session.confirm(f"Remove {', '.join(names)}?")
    await session.operator.remove_search_attributes(
        RemoveSearchAttributesRequest(namespace=session.namespace, search_attributes=names)
    )
    session.output.say(f"Removed {', '.join(names)}")
