"""One file per API request on an execution: a reply, or `ServiceError` before any change."""
