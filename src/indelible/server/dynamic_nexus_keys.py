"""The part of the table of dynamic configuration keys that is about Nexus and callbacks."""

from typing import Final

from indelible.server.dynamic_kinds import (
    ADDRESSES,
    BREAKER,
    CALLBACK_TEMPLATE,
    HEADERS,
    SPAN,
    SWITCH,
    WHOLE_NUMBER,
    Key,
    Scope,
)

NEXUS_KEYS: Final = (
    Key(
        "component.nexusoperations.limit.service.name.length",
        "nexus_service_name_bytes_max",
        WHOLE_NUMBER,
        "bytes of the name of a Nexus service",
    ),
    Key(
        "component.nexusoperations.limit.operation.name.length",
        "nexus_operation_name_bytes_max",
        WHOLE_NUMBER,
        "bytes of the name of a Nexus operation",
    ),
    Key(
        "component.nexusoperations.limit.header.size",
        "nexus_header_bytes_max",
        WHOLE_NUMBER,
        "bytes of the header of a Nexus operation",
    ),
    Key(
        "component.nexusoperations.limit.operation.token.length",
        "nexus_token_bytes_max",
        WHOLE_NUMBER,
        "bytes of the token by which a handler names an operation that goes on",
    ),
    Key(
        "component.nexusoperations.limit.scheduleToCloseTimeout",
        "nexus_operation_timeout_max",
        SPAN,
        "how long an operation may take as a whole; 0 for no limit",
    ),
    Key(
        "component.nexusoperations.disallowedHeaders",
        "nexus_headers_disallowed",
        HEADERS,
        "headers that callers of operations may not set",
        Scope.NODE,
    ),
    Key(
        "frontend.nexusRequestHeadersBlacklist",
        "nexus_headers_withheld",
        HEADERS,
        "headers that no worker sees which handles operations; `*` stands for anything",
        Scope.NODE,
    ),
    Key(
        "component.nexusoperations.useSystemCallbackURL",
        "nexus_system_callbacks",
        SWITCH,
        "whether workers that handle operations complete them at `temporal://system`",
        Scope.NODE,
    ),
    Key(
        "component.nexusoperations.callback.endpoint.template",
        "nexus_callback_template",
        CALLBACK_TEMPLATE,
        "where they complete them else, as do handlers that have a URL; unset for the address of "
        "`--http-port`",
        Scope.NODE,
    ),
    Key(
        "limit.endpointNameMaxLength",
        "nexus_endpoint_name_bytes_max",
        WHOLE_NUMBER,
        "bytes of the name of a Nexus endpoint",
        Scope.NODE,
    ),
    Key(
        "limit.endpointExternalURLMaxLength",
        "nexus_endpoint_url_bytes_max",
        WHOLE_NUMBER,
        "bytes of the URL that it may lead to",
        Scope.NODE,
    ),
    Key(
        "limit.endpointDescriptionMaxSize",
        "nexus_endpoint_description_bytes_max",
        WHOLE_NUMBER,
        "bytes of its description",
        Scope.NODE,
    ),
    Key(
        "limit.endpointListDefaultPageSize",
        "nexus_endpoint_page_size_default",
        WHOLE_NUMBER,
        "endpoints of a page for clients that name no number",
        Scope.NODE,
    ),
    Key(
        "limit.endpointListMaxPageSize",
        "nexus_endpoint_page_size_max",
        WHOLE_NUMBER,
        "endpoints of a page",
        Scope.NODE,
    ),
)

CALLBACK_KEYS: Final = (
    Key(
        "callback.allowedAddresses",
        "callback_addresses",
        ADDRESSES,
        "where completion callbacks may lead: host and port with `*` for anything, and whether "
        "without TLS",
    ),
    Key(
        "callback.maxPerExecution",
        "callbacks_per_execution_max",
        WHOLE_NUMBER,
        "completion callbacks of a run, or of a standalone activity or operation",
    ),
    Key(
        "callback.request.timeout",
        "callback_timeout",
        SPAN,
        "how long one call of a callback may take",
    ),
    Key(
        "callback.retryPolicy.initialInterval",
        "callback_retry_interval_initial",
        SPAN,
        "how long it takes until a callback is called again; doubled each time",
    ),
    Key(
        "callback.retryPolicy.maxInterval",
        "callback_retry_interval_max",
        SPAN,
        "the longest such interval",
    ),
    Key(
        "history.outboundQueue.circuitBreakerSettings",
        "circuit_breaker",
        BREAKER,
        "when a host or a Nexus endpoint is called again that has failed more than 5 times in a "
        "row: `MaxRequests` calls on trial after `Timeout`; failures are forgotten after "
        "`Interval`, 0 for never",
    ),
    Key(
        "frontend.callbackURLMaxLength",
        "callback_url_bytes_max",
        WHOLE_NUMBER,
        "bytes of the URL of a callback",
    ),
    Key(
        "frontend.callbackHeaderMaxLength",
        "callback_header_bytes_max",
        WHOLE_NUMBER,
        "bytes of its headers",
    ),
)
