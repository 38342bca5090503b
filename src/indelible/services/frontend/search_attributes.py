"""Requests about search attributes, of both services.

Owns the answers and the refusals; which attributes a namespace has is in its record, so a new one
is visible to everybody at once (semantics 12.4).
"""

from google.protobuf.message import Message
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    AddSearchAttributesResponse,
    ListSearchAttributesRequest,
    ListSearchAttributesResponse,
    RemoveSearchAttributesRequest,
    RemoveSearchAttributesResponse,
)
from temporalio.api.workflowservice.v1 import (
    GetSearchAttributesRequest,
    GetSearchAttributesResponse,
)

from indelible.base.errors import InvalidArgumentError
from indelible.engine.namespace.aliases import add_search_attributes, remove_search_attributes
from indelible.engine.namespace.record import Namespace
from indelible.engine.visibility.search_attributes import (
    PREDEFINED,
    SYSTEM,
    TYPE_NAMES,
    is_reserved,
)
from indelible.ports.rpc import Call
from indelible.services.frontend.routes import Routes, cluster_route, optional_route
from indelible.services.frontend.validation import check_length
from indelible.services.namespaces import NamespaceRegistry


class SearchAttributeHandlers:
    """Answers the requests about search attributes."""

    def __init__(self, *, registry: NamespaceRegistry) -> None:
        self._registry = registry

    def routes(self) -> Routes:
        """Return the handlers of WorkflowService by the name of their RPC."""
        return {"GetSearchAttributes": cluster_route(GetSearchAttributesRequest, self._get)}

    def operator_routes(self) -> Routes:
        """Return the handlers of OperatorService by the name of their RPC."""
        return {
            "AddSearchAttributes": optional_route(AddSearchAttributesRequest, self._add),
            "RemoveSearchAttributes": optional_route(RemoveSearchAttributesRequest, self._remove),
            "ListSearchAttributes": optional_route(ListSearchAttributesRequest, self._list),
        }

    async def _get(self, _request: GetSearchAttributesRequest, _call: Call) -> Message:
        return GetSearchAttributesResponse(keys={**SYSTEM, **PREDEFINED})

    async def _add(
        self, request: AddSearchAttributesRequest, namespace: Namespace | None
    ) -> Message:
        if not request.search_attributes:
            raise InvalidArgumentError("SearchAttributes are not set on request.")
        for name, value_type in request.search_attributes.items():
            _check_new(name, value_type)
        added = dict(request.search_attributes)
        await self._registry.change(
            _required(namespace).id, lambda newest: add_search_attributes(newest, added)
        )
        return AddSearchAttributesResponse()

    async def _remove(
        self, request: RemoveSearchAttributesRequest, namespace: Namespace | None
    ) -> Message:
        if not request.search_attributes:
            raise InvalidArgumentError("SearchAttributes are not set on request.")
        namespace = _required(namespace)
        for name in request.search_attributes:
            if name not in namespace.search_attributes and (name in SYSTEM or name in PREDEFINED):
                raise InvalidArgumentError(
                    f"Unable to remove non-custom search attributes: {name}."
                )
        removed = list(request.search_attributes)
        await self._registry.change(
            namespace.id, lambda newest: remove_search_attributes(newest, removed)
        )
        return RemoveSearchAttributesResponse()

    async def _list(
        self, _request: ListSearchAttributesRequest, namespace: Namespace | None
    ) -> Message:
        custom = {
            name: IndexedValueType.ValueType(value_type)
            for name, value_type in _required(namespace).search_attributes.items()
        }
        return ListSearchAttributesResponse(
            custom_attributes=custom, system_attributes={**SYSTEM, **PREDEFINED}
        )


def _check_new(name: str, value_type: int) -> None:
    if not name:
        raise InvalidArgumentError("SearchAttributes are not set on request.")
    check_length(name, "SearchAttribute")
    if is_reserved(name):
        raise InvalidArgumentError(f"Search attribute {name} is reserved by system.")
    if value_type not in TYPE_NAMES:
        raise InvalidArgumentError(f"Unknown search attribute type: {value_type}.")


def _required(namespace: Namespace | None) -> Namespace:
    if namespace is None:
        raise InvalidArgumentError("Namespace is not set on request.")
    return namespace
